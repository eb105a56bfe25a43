"""Who may import whom. A rule that no longer speaks of anything in the tree fails too."""

import pytest

# The only arrows between the packages: from, to.
ARROWS = {
    ("sortline_train", "sortline_bundle"),
    ("sortline_convert", "sortline_bundle"),
    ("sortline_convert", "sortline_train.run"),
    ("sortline_convert", "sortline_train.export"),
    ("sortline_edge", "sortline_bundle"),
}
PACKAGES = {"sortline_bundle", "sortline_train", "sortline_convert", "sortline_edge", "sortline_fleet"}

# Inside the station, from the ground up: a floor leans on itself and on those below it.
EDGE = "sortline_edge"
CORE = {
    "ports", "config", "records", "odometer", "seeing", "decide", "schedule", "ledger", "interlocks", "watch", "senses",
    "profile",
}  # fmt: skip
PARTS = {"camera", "clocks", "outputs", "classify", "collector", "events", "twin", "station", "life", "slots"}
PROGRAMS = {"runner", "reload", "live", "simulation", "sweep", "drill"}
TOOLS = {"commands"}
FLOORS = (CORE, PARTS, PROGRAMS, TOOLS)
# The core takes values and returns values: no clock, no wire, no other process.
IMPURE = {"time", "socket", "subprocess", "threading"}
# The verdict on a bundle: bytes in, a value or an error out.
TRUST = {"moments", *(f"trust.{name}" for name in ("channel", "ed25519", "keyring", "private", "signatures", "verify"))}
FILES = {"os", "pathlib", "io", "sortline_bundle.files", "sortline_bundle.archive"}

# Nowhere else, not even inside a function.
HEAVY = {
    "tensorflow": {"sortline_train", "sortline_convert"},
    "keras": {"sortline_train", "sortline_convert"},
    "ai_edge_litert": {"sortline_bundle.runtime", "sortline_convert.anatomy", "sortline_convert.graph"},
    "tflite_runtime": {"sortline_bundle.runtime"},
    "gpiod": {"sortline_edge.outputs"},
    "picamera2": {"sortline_edge.camera.picamera"},
    "cryptography": {"sortline_bundle.trust"},
    "pyarrow": {"sortline_edge.events.export"},
}


def named(found, source):
    return [f"{source.path}:{imported.line} imports {imported.module}" for imported in found]


def edge(names):
    return {f"{EDGE}.{name}" for name in names}


def test_packages_import_each_other_only_along_the_arrows(source):
    home = source.module.partition(".")[0]
    allowed = {home} | {to for start, to in ARROWS if start == home}
    others = [imported for imported in source.imports if imported.within(*PACKAGES)]
    assert not named([imported for imported in others if not imported.within(*allowed)], source)


def test_a_floor_of_the_station_never_leans_on_a_higher_one(source):
    for level, floor in enumerate(FLOORS):
        if source.within(*edge(floor)):
            higher = edge(set().union(*FLOORS[level + 1 :]))
            assert not named([found for found in source.imports if found.within(*higher)], source)


def test_every_module_of_the_station_has_its_floor(source):
    if source.within(EDGE) and source.module != EDGE:
        assert source.within(*edge(set().union(*FLOORS))), f"put {source.module} on one of the floors of this file"


def test_the_stations_core_is_pure(source):
    if source.within(*edge(CORE | {"station"})):
        assert not named([found for found in source.imports if found.within(*IMPURE)], source)


def test_the_core_of_trust_is_pure(source):
    if source.within(*(f"sortline_bundle.{name}" for name in TRUST)):
        assert not named([found for found in source.imports if found.within(*IMPURE, *FILES)], source)


def test_heavy_libraries_are_imported_only_in_their_places(source):
    for library, places in HEAVY.items():
        if not source.within(*places):
            assert not named([found for found in source.imports if found.within(library)], source)


def test_a_command_module_imports_without_tensorflow(source):
    if source.module.endswith(".command") or source.within(*edge({"commands"})):
        heavy = [found for found in source.imports if found.at_top and found.within("tensorflow", "keras")]
        assert not named(heavy, source)


@pytest.mark.parametrize("arrow", sorted(ARROWS), ids=" to ".join)
def test_every_arrow_is_used(arrow, sources):
    start, to = arrow
    used = any(found.within(to) for source in sources if source.within(start) for found in source.imports)
    assert used, f"nothing in {start} imports {to}: write it, or take the arrow out of the table"


@pytest.mark.parametrize("name", sorted(edge(set().union(*FLOORS))))
def test_every_module_named_by_a_floor_exists(name, sources):
    there = any(source.within(name) for source in sources)
    assert there, f"there is no {name}: write it, or take it out of the floors"


@pytest.mark.parametrize(("library", "place"), [(lib, place) for lib in HEAVY for place in sorted(HEAVY[lib])])
def test_every_place_of_a_heavy_library_uses_it(library, place, sources):
    used = any(found.within(library) for source in sources if source.within(place) for found in source.imports)
    assert used, f"nothing in {place} imports {library}: write it, or take the place out of the table"
