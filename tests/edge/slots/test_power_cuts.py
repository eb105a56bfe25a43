"""The power goes after every step of everything that changes a store, and again while it is put in order."""

from collections.abc import Callable

import pytest
from forgetful_disk import WORLDS, ForgetfulFs, PowerCut
from small_stores import bundle, identify, open_store, put, put_on_trial

from sortline_bundle.digest import sha256
from sortline_edge.slots.place import CURRENT, FILE, SLOTS
from sortline_edge.slots.store import Store

ONE, TWO, THREE = bundle(1), bundle(2), bundle(3)


def empty() -> ForgetfulFs:
    return ForgetfulFs()


def with_one() -> ForgetfulFs:
    fs = ForgetfulFs()
    put(open_store(fs), ONE)
    return fs.after("all kept")


def with_two_on_trial() -> ForgetfulFs:
    fs = with_one()
    put_on_trial(open_store(fs), TWO)
    return fs.after("all kept")


def with_two() -> ForgetfulFs:
    fs = with_one()
    put(open_store(fs), TWO)
    return fs.after("all kept")


def with_old_slots() -> ForgetfulFs:
    fs = with_two()
    put(open_store(fs), THREE)
    return fs.after("all kept")


def with_a_damaged_slot() -> ForgetfulFs:
    fs = with_two()
    fs.write(f"{SLOTS}/2/{FILE}", TWO[:-9])
    return fs.after("all kept")


def without_a_journal() -> ForgetfulFs:
    fs = with_two()
    fs.write("journal.json", b"{")
    return fs.after("all kept")


def start_thrice(store: Store) -> None:
    for _ in range(4):
        store.count_start()


# What is there before, what is done, and the bundles of which one must be current whenever the power goes; None: none.
CHANGES: dict[str, tuple[Callable[[], ForgetfulFs], Callable[[Store], object], set[bytes | None]]] = {
    "the first bundle": (empty, lambda store: put(store, ONE), {None, ONE}),
    "stage": (with_one, lambda store: store.stage(TWO, identify(TWO)), {ONE}),
    "stage and activate": (with_one, lambda store: put_on_trial(store, TWO), {ONE, TWO}),
    "activate over a trial": (with_two_on_trial, lambda store: put_on_trial(store, THREE), {TWO, THREE}),
    "confirm": (with_two_on_trial, lambda store: store.confirm(sha256(TWO)), {TWO}),
    "give up": (with_two_on_trial, lambda store: store.give_up("it crashed"), {ONE, TWO}),
    "go back": (with_two, lambda store: store.go_back(), {ONE, TWO}),
    "starts that are not confirmed": (with_two_on_trial, start_thrice, {ONE, TWO}),
    "gc": (with_old_slots, lambda store: store.gc(), {THREE}),
    "recover from a damaged slot": (with_a_damaged_slot, lambda _: None, {ONE}),
    "recover without a journal": (without_a_journal, lambda _: None, {ONE, TWO}),
}


def current_of(fs: ForgetfulFs) -> bytes | None:
    """What a station that only follows the link sorts by: a whole bundle, or it has none."""
    target = fs.target(CURRENT)
    if target is None:
        return None
    data = fs.read(f"{target}/{FILE}", 1 << 20)
    identify(data)
    return data


def check_start(fs: ForgetfulFs, allowed: set[bytes | None]) -> None:
    """The station starts, with one of the bundles it may have; and at the next start there is nothing left to do."""
    store = open_store(fs)
    current = store.state.current
    assert (current_of(fs) is None) is (current is None)
    assert current_of(fs) in allowed
    if current is not None:
        assert sha256(fs.read(store.path(current), 1 << 20)) == current.file
        assert fs.target(CURRENT) == f"{SLOTS}/{current.number}"
    again = fs.after("all kept")
    open_store(again)
    assert again.steps == 0


@pytest.mark.parametrize("name", CHANGES)
def test_no_cut_leaves_a_station_without_a_whole_bundle(name: str) -> None:
    begin, change, allowed = CHANGES[name]
    cut_after, states, done = 0, 0, False
    while not done:
        fs = begin()
        fs.cut_after = cut_after
        try:
            change(open_store(fs))
            done = True
        except PowerCut:
            pass
        for world in WORLDS:
            states += 1
            check_start(fs.after(world), allowed)
            recovered, again = False, 0
            while not recovered:  # the power goes once more, at every step of putting it in order
                halfway = fs.after(world)
                halfway.cut_after = again
                try:
                    open_store(halfway)
                    recovered = True
                except PowerCut:
                    for second in WORLDS:
                        states += 1
                        check_start(halfway.after(second), allowed)
                again += 1
        cut_after += 1
    print(f"{name}: {cut_after - 1} steps, {states} states after cuts")  # noqa: T201
    assert cut_after > 1


def overwrite(fs: ForgetfulFs) -> None:
    fs.write("model", TWO)
    fs.sync("model")


def rename_without_sync(fs: ForgetfulFs) -> None:
    fs.write("model.new", TWO)
    fs.rename("model.new", "model")


def link_anew(fs: ForgetfulFs) -> None:
    fs.write("two", TWO)
    fs.sync("two")
    fs.sync(".")
    fs.remove("model")
    fs.make_link("model", "two")
    fs.sync(".")


@pytest.mark.parametrize("method", [overwrite, rename_without_sync, link_anew])
def test_the_same_search_finds_what_is_wrong_with_simpler_ways(method: Callable[[ForgetfulFs], None]) -> None:
    bricks, cut_after, done = 0, 0, False
    while not done:
        fs = ForgetfulFs()
        fs.write("one", ONE)
        if method is link_anew:
            fs.make_link("model", "one")
        else:
            fs.rename("one", "model")
        fs = fs.after("all kept")
        fs.cut_after = cut_after
        try:
            method(fs)
            done = True
        except PowerCut:
            pass
        for world in WORLDS:
            after = fs.after(world)
            try:
                found = after.read(after.target("model") or "model", 1 << 20)
                identify(found)
            except Exception:  # noqa: BLE001 whatever it is, there is no model
                bricks += 1
        cut_after += 1
    assert bricks > 0
