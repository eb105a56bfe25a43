import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from sortline_bundle.calibration import calibration_error, reliability
from sortline_convert.charts import draw_purity_recovery, draw_reliability
from sortline_convert.promises import Aim
from sortline_convert.thresholds import Answered, solve_thresholds

NAMES = ("glass", "$5$", "paper & card", "tray", "wood")


def solve(**asked):
    """Of five classes the last is never answered."""
    random = np.random.default_rng(0)
    answers = np.arange(400) % 4
    scores = np.full((400, 5), 0.01)
    scores[np.arange(400), answers] = 1 - 0.4 * random.random(400) ** 3
    labels = np.where(random.random(400) < scores.max(axis=1), answers, (answers + 1) % 4)
    digests = [f"{nth:03}" for nth in range(400)]
    return solve_thresholds(Answered(scores, labels, digests, NAMES), Aim(target_purity=0.9, confidence=0.9, **asked))


@pytest.fixture(scope="module")
def bins():
    confidence = np.linspace(0.4, 1, 200)
    return reliability(confidence, np.random.default_rng(0).random(200) < confidence)


def parse(svg):
    """Inside a page the parser of HTML knows these names; one of XML has to be told."""
    return ET.fromstring(svg.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1))


def words(svg):
    return [element.text for element in parse(svg).iter("text")]


def test_every_class_has_its_panel_with_its_threshold_or_none():
    found = solve()
    shown = words(draw_purity_recovery(found))
    assert "wood: no promise" in shown
    promised = [one for one in found.solved if one.chosen]
    assert promised
    for one in promised:
        assert f"{one.class_name}: from {one.chosen.threshold:.3f}" in shown


def test_one_threshold_for_all_has_one_panel():
    shown = words(draw_purity_recovery(solve(scope="overall")))
    assert [text for text in shown if text.endswith("promise") or ": from" in text] == [
        f"all classes: from {solve(scope='overall').solved[0].chosen.threshold:.3f}"
    ]


def test_two_pictures_of_one_page_share_no_names_for_different_things(bins):
    named: dict[str, str] = {}
    for svg in (draw_purity_recovery(solve()), draw_reliability(bins, bins)):
        assert "<style" not in svg  # it would hold for the whole page
        for element in parse(svg).iter():
            if name := element.get("id"):
                assert named.setdefault(name, ET.tostring(element)) == ET.tostring(element)
    assert named


def test_reliability_says_the_calibration_error_before_and_after(bins):
    other = reliability(np.full(200, 0.9), np.arange(200) < 120)
    shown = words(draw_reliability(other, bins))
    assert "before: calibration error 30.0%" in shown
    assert f"after: calibration error {calibration_error(bins):.1%}" in shown


def test_the_same_values_give_the_same_picture_and_matplotlib_is_left_as_it_was(bins):
    import matplotlib as mpl

    loaded = "matplotlib.pyplot" in sys.modules
    drawn = (draw_purity_recovery(solve()), draw_reliability(bins, bins))
    with mpl.rc_context({"axes.labelsize": 31, "lines.linewidth": 9}):
        assert (draw_purity_recovery(solve()), draw_reliability(bins, bins)) == drawn
        assert mpl.rcParams["axes.labelsize"] == 31
    assert ("matplotlib.pyplot" in sys.modules) == loaded
