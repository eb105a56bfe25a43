"""What is to be known of a camera before it sorts, and `sortline camera`, which tells it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import sortline_edge.commands.camera as command
from sortline_bundle.command import main
from sortline_edge.camera.commission import (
    Arrival,
    Card,
    explain_card,
    judge_card,
    look_at_picture,
    measure_flow,
)

CARDS: dict[Card, tuple[int, int, int]] = {"red": (200, 40, 45), "blue": (40, 70, 200)}
# What light does to the channels, before the camera's white balance: from a bulb to a clouded sky.
LIGHTS = {"bulb": (1.0, 0.66, 0.34), "tube": (1.0, 0.9, 0.75), "day": (1.0, 1.0, 1.0), "shade": (0.79, 0.85, 1.0)}
STATION = """
name = "test"
bundle = "none"
[camera]
driver = "picamera2"
width = 64
height = 48
frames_per_s = 20
{camera}
[belt]
speed_mm_s = 250
mm_per_px = 0.5
[[bins]]
name = "all"
classes = ["any"]
line = 4
distance_mm = 400
[outputs]
driver = "recorder"
"""
cards = st.sampled_from(get_args(Card))


def picture(colour: Any, ground: Any = (90, 90, 90)) -> NDArray[np.uint8]:
    image = np.full((90, 120, 3), ground, np.uint8)
    image[20:70, 30:90] = np.clip(colour, 0, 255)
    return image


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("card", CARDS)
def test_a_card_is_seen_in_every_light_that_a_white_balance_leaves(card: Card, light: str) -> None:
    balanced = np.sqrt(LIGHTS[light])  # half corrected
    image = picture(np.array(CARDS[card]) * balanced)
    assert judge_card(image, card) == "right"
    assert judge_card(image[..., ::-1], card) == "swapped"


@pytest.mark.parametrize("light", LIGHTS)
@given(grey=st.integers(0, 255), card=cards)
def test_a_grey_card_is_no_card_in_any_light(light: str, grey: int, card: Card) -> None:
    image = picture(grey * np.array(LIGHTS[light]), ground=CARDS["red"])
    assert judge_card(image, card) == "not seen"
    assert judge_card(image[..., ::-1], card) == "not seen"


@given(colour=st.tuples(*[st.integers(0, 255)] * 3), card=cards)
def test_a_swapped_picture_gives_the_swapped_verdict(colour: tuple[int, int, int], card: Card) -> None:
    image = picture(colour)
    opposite = {"right": "swapped", "swapped": "right", "not seen": "not seen"}
    assert judge_card(image[..., ::-1], card) == opposite[judge_card(image, card)]


@given(colour=st.tuples(*[st.integers(0, 255)] * 3))
def test_a_card_is_red_or_blue_and_not_both(colour: tuple[int, int, int]) -> None:
    image = picture(colour)
    verdicts = {judge_card(image, "red"), judge_card(image, "blue")}
    assert verdicts in ({"right", "swapped"}, {"not seen"})


@pytest.mark.parametrize("colour", [(30, 2, 2), (200, 160, 40), (60, 190, 60), (200, 40, 190)])
def test_too_dark_and_other_colours_are_no_card(colour: tuple[int, int, int]) -> None:
    assert {judge_card(picture(colour), card) for card in CARDS} == {"not seen"}


def test_glare_on_a_card_does_not_hide_it() -> None:
    image = picture(CARDS["red"])
    image[40:50, 40:80] = 255
    assert judge_card(image, "red") == "right"


@pytest.mark.parametrize("card", CARDS)
def test_each_verdict_says_what_to_do(card: Card) -> None:
    other = "blue" if card == "red" else "red"
    assert explain_card("right", card) == f"the {card} card is seen as {card}"
    assert f"the {card} card is seen as {other}: red and blue are swapped; set `swap_red_blue = true`" in explain_card(
        "swapped", card
    )
    assert f"fill the middle third with a plain {card} card" in explain_card("not seen", card)


@given(
    period_ns=st.integers(1_000_000, 10**9), kept=st.sets(st.integers(0, 300), min_size=2), age_ns=st.integers(0, 10**9)
)
def test_the_flow_counts_what_never_came(period_ns: int, kept: set[int], age_ns: int) -> None:
    arrivals = [Arrival(nth, nth * period_ns, nth * period_ns + age_ns) for nth in sorted(kept)]
    flow = measure_flow(arrivals)
    assert flow.frames == len(kept)
    assert flow.frames + flow.dropped == max(kept) - min(kept) + 1
    assert flow.frames_per_s == pytest.approx(1e9 / period_ns)
    assert flow.age_ms_p50 == flow.age_ms_p99 == pytest.approx(age_ns / 1e6)


def test_one_frame_has_no_rate() -> None:
    flow = measure_flow([Arrival(3, 1_000_000, 3_000_000)])
    assert (flow.frames, flow.dropped, flow.frames_per_s, flow.age_ms_p50) == (1, 0, None, 2.0)


def test_the_sharpness_falls_with_blur_and_not_with_brightness() -> None:
    sharp = np.random.default_rng(5).integers(0, 120, (90, 120, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(sharp, (5, 5), 0)
    assert look_at_picture(blurred.astype(np.uint8)).sharpness < look_at_picture(sharp).sharpness / 4
    brighter = look_at_picture(sharp + np.uint8(100))
    assert brighter.sharpness == pytest.approx(look_at_picture(sharp).sharpness, rel=0.01)
    assert brighter.brightness == pytest.approx(look_at_picture(sharp).brightness + 100, abs=1)
    assert look_at_picture(picture((70, 70, 70), (70, 70, 70))).sharpness == 0


@pytest.fixture
def station(tmp_path: Path, board: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A station file with a Raspberry Pi camera, on the board's own time."""
    monkeypatch.setattr(command, "MonotonicClock", lambda: board.clock)

    def write(camera: str = "") -> str:
        path = tmp_path / "station.toml"
        path.write_text(STATION.format(camera=camera))
        return str(path)

    return write


def test_the_command_tells_what_the_camera_did(
    board: Any, station: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    board.lost = {10, 11, 30}
    assert main(["camera", station("exposure_ms = 4.0"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["asked"], report["got"]) == ([64, 48], [64, 48])
    assert report["asked_frames_per_s"] == 20
    assert report["flow"]["frames_per_s"] == pytest.approx(20, rel=0.01)
    assert report["flow"]["dropped"] == 3
    assert 55 <= report["flow"]["frames"] <= 60
    assert report["flow"]["age_ms_p50"] == pytest.approx(22, abs=0.1)
    assert (report["exposure"], report["card"]) == ("locked", None)
    assert report["times"] == "the sensor's, by the monotonic clock"
    assert board.opened is None


def test_the_table_says_the_same(board: Any, station: Callable[..., str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["camera", station(), "--seconds", "1"]) == 0
    out = capsys.readouterr().out
    for text in ("64 x 48 (asked for 64 x 48)", "20.00 (asked for 20)", "0 dropped", "automatic", "24.9 ms median"):
        assert text in out


def test_the_last_picture_is_written_with_red_as_red(board: Any, station: Callable[..., str], tmp_path: Path) -> None:
    board.scene[:] = (200, 30, 40)
    assert main(["camera", station(), "--seconds", "0.2", "--save", str(tmp_path / "seen.png")]) == 0
    assert cv2.imread(str(tmp_path / "seen.png"))[0, 0].tolist() == [40, 30, 200]


@pytest.mark.parametrize(
    ("scene", "camera", "exit_code", "sentence"),
    [
        ((200, 30, 40), "", 0, "the red card is seen as red"),
        ((40, 30, 200), "", 5, "the red card is seen as blue: red and blue are swapped; set `swap_red_blue = true`"),
        ((40, 30, 200), "swap_red_blue = true", 0, "the red card is seen as red"),
        ((90, 90, 90), "", 5, "no red card is seen in the middle of the picture; fill the middle third"),
    ],
)
def test_a_card_gives_a_verdict_and_an_exit_code(
    board: Any,
    station: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    scene: tuple[int, int, int],
    camera: str,
    exit_code: int,
    sentence: str,
) -> None:
    board.scene[:] = scene
    assert main(["camera", station(camera), "--seconds", "0.2", "--card", "red", "--json"]) == exit_code
    told = capsys.readouterr()
    assert sentence in told.err
    assert json.loads(told.out)["card"] in {"right", "swapped", "not seen"}


def test_a_camera_that_gives_nothing_is_named(
    board: Any, station: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    board.lost = set(range(1, 1000))
    assert main(["camera", station(), "--seconds", "0.5"]) == 5
    assert "the camera gave no frame in 0.5 s; check its cable" in capsys.readouterr().err
    assert board.opened is None


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "4000"])
def test_a_time_that_cannot_be_is_refused(
    station: Callable[..., str], capsys: pytest.CaptureFixture[str], seconds: str
) -> None:
    assert main(["camera", station(), "--seconds", seconds]) == 3
    assert "--seconds is" in capsys.readouterr().err


def test_a_recording_is_measured_too(
    tmp_path: Path, board: Any, station: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "frames").mkdir()
    for nth in range(3):
        cv2.imwrite(str(tmp_path / "frames" / f"{nth}.png"), picture((nth, nth, nth)))
    text = Path(station()).read_text()
    start, end = text.index("driver"), text.index("[belt]")
    Path(station()).write_text(f'{text[:start]}driver = "folder"\npath = "frames"\n{text[end:]}')
    assert main(["camera", str(tmp_path / "station.toml"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["asked"], report["exposure"], report["times"]) == (None, None, None)
    assert (report["got"], report["flow"]["frames"]) == ([120, 90], 3)
