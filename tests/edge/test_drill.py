"""Everything that can go wrong on the belt, and what the station makes of it: states, losses, and the way back."""

from pathlib import Path
from typing import Any

import pytest

from sortline_bundle.archive import Bundle
from sortline_edge import simulation
from sortline_edge.config import BeltCamera, Deciding
from sortline_edge.config.twin import KINDS, FaultKind
from sortline_edge.drill import Row, drill
from sortline_edge.interlocks import CAUSES
from sortline_edge.simulation import Conditions

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
# The states each fault brings; the losses that it may cause, of which it does cause the first; and whether items may
# land in wrong bins because of it.
EXPECTED: dict[FaultKind, tuple[set[str], tuple[str, ...], bool]] = {
    "camera-stalls": ({"camera stale"}, ("not seen", "camera stale"), False),
    "camera-freezes": ({"camera frozen"}, ("not seen", "camera frozen"), False),
    "frames-dropped": (set(), (), False),
    "frames-stale": (set(), (), False),
    "stamps-jump": ({"camera stale"}, ("not seen", "camera stale"), False),
    "light-step": (set(), (), False),
    "lens-dirty": (set(), ("gate", "too close"), False),
    "colours-swapped": (set(), ("taken for another", "mixed", "doubtful", "unknown"), True),
    "eye-covered": ({"jam", "eye and picture disagree"}, ("too long", "jam", "not seen"), False),
    "eye-free": ({"eye and picture disagree"}, ("not seen",), False),
    "eye-glitches": (set(), (), False),
    "encoder-misses": ({"speed doubtful"}, ("speed doubtful", "gate", "never whole"), True),
    "encoder-extra": ({"speed doubtful"}, ("speed doubtful", "gate", "never whole"), True),
    "encoder-dead": ({"encoder silent"}, ("encoder silent", "gate", "never whole", "late"), True),
    "belt-stands": ({"belt stands"}, (), False),
    "belt-stands-unseen": (
        {"speed doubtful", "jam"},
        ("not seen", "gate", "too long", "speed doubtful", "jam", "never whole", "late"),
        True,
    ),
    "belt-slips": ({"speed doubtful"}, ("speed doubtful", "gate", "never whole"), True),
    "belt-fast": ({"speed doubtful"}, ("speed doubtful", "gate", "never whole"), True),
    "emergency-stop": ({"emergency stop", "belt stands"}, ("emergency stop",), False),
    "gate-dead": ({"actuator overdue"}, ("bin closed", "gate"), False),
    "gate-open": ({"gate open", "actuator overdue"}, ("gate", "bin closed"), True),
    "gate-slow": ({"actuator overdue"}, ("bin closed", "gate"), True),
    "chute-eye-dead": ({"actuator overdue"}, ("bin closed",), False),
    "chute-blocked": ({"jam"}, ("jam",), False),
    "bin-full": ({"bin full"}, ("bin closed",), False),
    "items-fall": (set(), ("fell off",), False),
    "items-on-top": (set(), ("taken for another", "not seen", "no bin", "several", "mixed", "too long"), True),
    "plc-silent": ({"PLC silent"}, ("PLC silent", "no answer", "never whole"), False),
    "outputs-die": ({"outputs lost"}, ("outputs lost", "never whole"), False),
    "station-hangs": ({"outputs lost"}, ("outputs lost", "not seen", "never whole", "late"), False),
    "classifier-slow": (set(), (), False),
    "board-hot": ({"board hot"}, ("board hot", "never whole"), False),
}
# Only with these the station cannot know where the belt is.
LOST_BELT = {"encoder-misses", "encoder-extra", "encoder-dead", "belt-stands-unseen", "belt-slips", "belt-fast"}


@pytest.fixture(scope="module")
def drilled(world: Any, coloured_items: Path) -> dict[FaultKind, Row]:
    """Every fault, on a station whose classifier is never wrong."""
    camera = BeltCamera(items=coloured_items.name, count=60, seed=2, gap_mm=60, item_mm=45)
    station = world.station(camera=camera, deciding=Deciding(looks=3, smallest_mm=10, longest_mm=100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simulation, "TfliteClassifier", lambda *_: world.classifier())
        rows = drill(
            Bundle(world.manifest(), {}, "", b"", ()), station, coloured_items.parent, Conditions(sketch=True, known={})
        )
        return {row.kind: row for row in rows}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_brings_its_states_costs_what_it_must_and_is_over(
    drilled: dict[FaultKind, Row], kind: FaultKind
) -> None:
    states, losses, wrong = EXPECTED[kind]
    row = drilled[kind]
    assert row.balanced
    assert set(row.states) == states
    assert set(row.lost) <= set(losses)
    assert set(losses[:1]) <= set(row.lost)
    assert wrong or row.wrong <= 0
    assert row.double_counted == 0 or kind in LOST_BELT
    assert (row.back_s is not None) == bool(row.states)


def test_every_state_that_a_station_can_be_in_is_brought_about_or_is_about_something_else(
    drilled: dict[FaultKind, Row],
) -> None:
    brought = {cause for row in drilled.values() for cause in row.states}
    assert set(CAUSES) - brought == {"model missing", "bundle refused", "events not written"}


def test_the_page_tells_of_every_fault() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| **")]
    assert [row.partition(" | ")[0] for row in rows] == [f"| **{kind}**: {KINDS[kind].about}" for kind in KINDS]
