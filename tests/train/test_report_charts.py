import re
import sys
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest

from sortline_bundle.calibration import reliability
from sortline_train.report import Point, write_tensorboard
from sortline_train.report.charts import draw_curves, draw_reliability
from sortline_train.report.values import running_epochs


def make_curves():
    def point(stage, epoch, loss, accuracy, rate, kept):
        losses = {"train_loss_nats": loss * 1.1 if epoch else None, "validation_loss_nats": loss}
        return Point(
            stage=stage, epoch=epoch, **losses, validation_accuracy=accuracy, learning_rate=rate, seconds=2.5, kept=kept
        )

    head = [point("head", n, 0.5 + 1.3 * 0.8**n, 0.84 - 0.6 * 0.75**n, 3e-3, n == 30) for n in range(31)]
    tuned = [
        point("fine_tuning", n, 0.25 + 0.2 * 0.6**n + 0.004 * n, 0.93 - 0.08 * 0.6**n, 3e-4 * (1 - n / 8), n == 6)
        for n in range(1, 9)
    ]
    return (*head, *tuned)


def parse(svg):
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns:xlink="x" ', 1))


@pytest.fixture(scope="module")
def bins():
    confidence = np.linspace(0.4, 1, 200)
    return reliability(confidence, np.random.default_rng(0).random(200) < confidence)


def charts(bins):
    return [draw_curves(make_curves()), draw_reliability(bins)]


def test_charts_keep_their_words_and_take_the_pages_colours(bins):
    for chart, title in zip(charts(bins), ("Validation accuracy, %", "mean confidence, %"), strict=True):
        assert title in [element.text for element in parse(chart).iter("text")]
        assert not re.search(r"#[0-9a-f]{6}\b(?!-)", re.sub(r'(href="#|url\(#)[^")]*', "", chart))
        assert "var(--ink)" in chart or "var(--mute)" in chart
        assert "font-family" not in chart


def test_names_in_the_charts_are_unique_on_the_page_and_lead_somewhere(bins):
    both = "".join(charts(bins))
    defined = re.findall(r'\bid="([^"]+)"', both)
    assert len(defined) == len(set(defined))
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', both)) <= set(defined)


def test_charts_leave_matplotlib_as_it_was_and_care_for_no_style_of_the_users(bins):
    import matplotlib as mpl

    def parameters():
        return {name: mpl.rcParams[name] for name in mpl.rcParams if name != "backend"}  # reading that one picks one

    with mpl.rc_context({"axes.labelsize": 31, "axes.spines.left": False, "lines.linewidth": 9}):
        before, loaded = parameters(), "matplotlib.pyplot" in sys.modules  # by whatever ran before
        drawn = charts(bins)
        assert ("matplotlib.pyplot" in sys.modules) == loaded
        assert parameters() == before
    assert drawn == charts(bins)


@pytest.mark.parametrize("points", [make_curves()[:1], make_curves()[31:], make_curves()[-1:]])
def test_curves_of_one_stage_or_one_epoch_can_be_drawn(points):
    words = [element.text for element in parse(draw_curves(points)).iter("text")]
    assert "epoch" in words
    assert "fine-tuning" not in words


def test_epochs_are_counted_on_over_the_stages():
    epochs = running_epochs(make_curves())
    assert epochs == tuple(range(39))
    second = [msgspec.structs.replace(point, epoch=point.epoch - 1) for point in make_curves()[31:]]
    assert running_epochs((*make_curves()[:31], *second))[31] == 30


def test_tensorboard_reads_the_curves_back(tmp_path):
    import tensorflow as tf

    points = [msgspec.structs.replace(point, train_loss_nats=point.train_loss_nats or None) for point in make_curves()]
    write_tensorboard(tmp_path / "events", points)
    (path,) = (tmp_path / "events").iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(path)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    assert set(found) == {"loss/train", "loss/validation", "accuracy/validation", "learning_rate", "seconds"}
    assert found["accuracy/validation"] == pytest.approx(
        {n: point.validation_accuracy for n, point in enumerate(points)}
    )
    assert found["learning_rate"][38] == pytest.approx(points[-1].learning_rate)
    assert sorted(found["loss/train"]) == list(range(1, 39))
