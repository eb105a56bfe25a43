"""What can go wrong on the simulated belt, as the station file says it."""

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.errors import ConfigError
from sortline_edge.clocks import VirtualClock
from sortline_edge.config import BeltCamera as Settings
from sortline_edge.config import Fault, Station, load_station
from sortline_edge.config.twin import KINDS, FaultKind, fault_complaints
from sortline_edge.twin.faults import Faults

S = 1_000_000_000
KNOWN = get_args(FaultKind)

FILE = """
name = "s"
bundle = "b"
[camera]
driver = "belt"
items = "photographs"
[[camera.faults]]
kind = "{kind}"
at_s = 3
{more}
[belt]
speed_mm_s = 250
mm_per_px = 0.5
[[bins]]
name = "glass"
classes = ["glass"]
line = 1
distance_mm = 300
[outputs]
driver = "recorder"
"""


@pytest.mark.parametrize("kind", KNOWN)
def test_every_kind_says_in_a_line_what_happens_and_can_happen(kind: FaultKind, world: Any, twin: Any) -> None:
    known = KINDS[kind]
    assert known.about
    assert "\n" not in known.about
    bin_ = "red bin" if known.needs.startswith("bin") else None
    fault = Fault(kind=kind, at_s=1, bin=bin_)
    station = twin.wired(world.station(), code=known.needs == "code")
    assert list(fault_complaints((fault,), station)) == []
    if known.amount:
        assert known.amount.least <= fault.size == known.amount.usual <= known.amount.most
        assert known.amount.what


def test_there_is_no_kind_that_is_not_known() -> None:
    assert set(KINDS) == set(KNOWN)


@pytest.mark.parametrize(
    ("kind", "more", "complaint"),
    [
        ("gate-dead", "", r"`camera.faults\[0\]`: gate-dead happens to one bin; name it with `bin`, .* glass"),
        ("gate-dead", 'bin = "tin"', r"gate-dead is for bin 'tin', which may be glass"),
        ("chute-eye-dead", 'bin = "glass"', r"is for bin 'glass', which has no `eye`"),
        ("bin-full", 'bin = "glass"', r"is for bin 'glass', which has no `full`"),
        ("camera-stalls", 'bin = "glass"', r"does not happen to one bin; leave out `bin`, received 'glass'"),
        ("camera-stalls", "amount = 1", r"camera-stalls has no more and less; leave out `amount`"),
        ("frames-dropped", "amount = 1.5", r"has `amount` 1.5, which may be 0 to 1 \(share of the pictures\)"),
        ("eye-covered", "", r"eye-covered needs `inputs.eye`, which is not wired"),
        ("encoder-dead", "", r"needs `inputs.encoder`"),
        ("belt-stands-unseen", "", r"needs `inputs.belt_running`"),
        ("emergency-stop", "", r"needs `inputs.emergency_stop`"),
        ("plc-silent", "", r'needs a PLC, that is `signal.kind = "code"`'),
        ("tea-spilt", "", r"`camera.faults\[0\].kind`: .*'tea-spilt', may be .*'lens-dirty'"),
        ("camera-stalls", "for_s = 0", r"`camera.faults\[0\].for_s`"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(kind: str, more: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text(FILE.format(kind=kind, more=more))
    with pytest.raises(ConfigError, match=complaint):
        load_station(path)


def test_the_station_file_may_hold_faults(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text(FILE.format(kind="gate-slow", more='for_s = 2\nbin = "glass"\namount = 40'))
    station = load_station(path)
    assert isinstance(station.camera, Settings)
    assert station.camera.faults == (Fault(kind="gate-slow", at_s=3, for_s=2, bin="glass", amount=40),)


def test_a_belt_with_a_fault_that_cannot_be_does_not_start(world: Any, twin: Any, coloured_items: Path) -> None:
    station: Station = world.station()
    with pytest.raises(ConfigError, match=r"the simulated belt: `camera.faults\[0\]`: gate-dead happens to one bin"):
        twin.start(station, coloured_items, VirtualClock(), faults=(Fault(kind="gate-dead", at_s=0),))


@given(
    windows=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=5),
    at_s=st.integers(0, 40),
    start_s=st.sampled_from([0, 7]),
)
def test_of_several_faults_the_one_that_began_last_counts(
    windows: list[tuple[int, int]], at_s: int, start_s: int
) -> None:
    faults = [
        Fault(kind="light-step", at_s=begin, for_s=length, amount=nth / 10)
        for nth, (begin, length) in enumerate(windows)
    ]
    found = Faults(faults, start_s * S).at("light-step", (start_s + at_s) * S)
    going = [fault for fault in faults if fault.at_s <= at_s < fault.at_s + fault.for_s]
    assert (found is None) == (not going)
    if found is not None:
        assert found.begin_ns == (start_s + max(fault.at_s for fault in going)) * S
    assert Faults(faults, 0).at("light-step", at_s * S, "glass") is None


def test_a_fault_without_an_amount_has_the_usual_one_also_zero_may_be_said() -> None:
    assert Fault(kind="light-step", at_s=0).size == -0.4
    assert Fault(kind="light-step", at_s=0, amount=0).size == 0
    assert Fault(kind="camera-stalls", at_s=0).size == 0
    assert msgspec.to_builtins(Fault(kind="camera-stalls", at_s=0))["for_s"] == 5
