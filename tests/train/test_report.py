import base64
import math
import re
from html.parser import HTMLParser

import cv2
import msgspec
import numpy as np
import pytest

from sortline_bundle.preprocess import InputSpec
from sortline_train.audit import Finding
from sortline_train.evaluation import evaluate, most_doubtful, worst_mistakes
from sortline_train.report import (
    Answer,
    ClassCounts,
    Metrics,
    Point,
    Report,
    Stage,
    Step,
    answers,
    render_page,
    write_report,
)
from sortline_train.report.words import percent, verdict

NAMES = ("bag", "bottle", "can", "carton", "paper", "tray")
VOID = {"meta", "br", "img", "link", "input", "hr"}
LEFT_OPEN = {"html"}


def make_logits(photographs, classes, skill, seed=0):
    """What a model of some skill might give, and the truth; some classes are harder than others."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, photographs)
    lift = skill * np.linspace(0.6, 1.3, classes)[labels]
    logits = random.normal(size=(photographs, classes)) + lift[:, None] * np.eye(classes)[labels]
    return 2 * logits.astype(np.float32), labels


def make_point(stage, epoch, loss, *, kept=False):
    losses = {"train_loss_nats": loss * 1.1 if epoch else None, "validation_loss_nats": loss}
    rest = {"validation_accuracy": 1 - loss / 3, "learning_rate": 1e-3, "seconds": 2.5, "kept": kept}
    return Point(stage=stage, epoch=epoch, **losses, **rest)


def make_stage(name, right, loss):
    validation = {"validation_accuracy": right, "validation_loss_nats": loss}
    return Stage(name=name, test_accuracy=right, test_loss_nats=loss, **validation)


def draw(name, seed):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (40 + seed % 3, 60, 3), dtype=np.uint8)


def make_report(names=NAMES, photographs=240, skill=4.0, pictures=6, picture=draw, **changes):
    logits, labels = make_logits(photographs, len(names), skill)
    held, held_labels = make_logits(photographs, len(names), skill, seed=1)
    paths = [f"{names[label]}/IMG_{nth:04d}.jpg" for nth, label in enumerate(labels)]
    worst = answers(worst_mistakes(logits, labels, pictures), logits, labels, paths, names)
    doubtful = answers(most_doubtful(logits, pictures), logits, labels, paths, names)
    test, validation = evaluate(logits, labels, names), evaluate(held, held_labels, names)
    metrics = Metrics(
        title="waste",
        tool="sortline 0.1.0",
        created="2025-03-04T05:06:07Z",
        photographs_folder="photographs",
        command="sortline train photographs -o run --seed 7",
        classes=tuple(
            ClassCounts(class_name=one.class_name, train=100, validation=40, calibration=38, test=one.photographs)
            for one in test.classes
        ),
        settings={"backbone": "mobilenet_v2", "size": 224, "learning_rate": 3e-4, "grounds": 0.35, "seed": 7},
        input=InputSpec(height=224, width=224),
        weights="Keras's download, sha256 0f1e2d3c",
        device="4 processor cores, no graphics card",
        environment={"python": "3.11.9", "tensorflow": "2.18.0", "keras": "3.6.0", "numpy": "2.0.2"},
        steps=(
            Step(name="reading", seconds=8.25, peak_memory_mb=512.4),
            Step(name="head", seconds=75, peak_memory_mb=1810.0),
            Step(name="fine_tuning", seconds=3723, peak_memory_mb=None),
        ),
        stages=(
            make_stage("before", 1 / len(names), math.log(len(names)) + 0.3),
            make_stage("after_head", test.accuracy - 0.07, 0.41),
            make_stage("after_fine_tuning", test.accuracy, test.cross_entropy_nats),
        ),
        way=0.7,
        curves=(
            make_point("head", 0, 1.8),
            make_point("head", 1, 0.5, kept=True),
            make_point("fine_tuning", 1, 0.3, kept=True),
        ),
        test=test,
        validation=validation,
        audit=(Finding(kind="near_copies", photographs=12, sentence="They show one item.", paths=("a/1.jpg",)),),
        worst_mistakes=worst,
        most_doubtful=doubtful,
    )
    return Report(
        msgspec.structs.replace(metrics, **changes),
        [picture(answer.class_name, nth) for nth, answer in enumerate(worst)],
        [picture(answer.class_name, nth + 100) for nth, answer in enumerate(doubtful)],
    )


class Page(HTMLParser):
    """A page as its tags, attributes and text; complains about tags that do not close in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self._open = [], [], [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def report():
    return make_report()


@pytest.fixture(scope="module")
def page(report):
    return render_page(report)


def in_order(text, *parts):
    places = [text.index(part) for part in parts]
    return places == sorted(places)


def load_metrics(folder):
    return msgspec.json.decode((folder / "metrics.json").read_bytes(), type=Metrics)


def test_the_figures_can_be_read_back(report, tmp_path):
    write_report(tmp_path / "run", report)
    assert load_metrics(tmp_path / "run") == report.metrics
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["metrics.json", "report.html"]


def test_a_loss_that_is_no_number_is_null_in_the_metrics(report, tmp_path):
    point = make_point("head", 0, math.nan)
    write_report(tmp_path, report._replace(metrics=msgspec.structs.replace(report.metrics, curves=(point,))))
    assert load_metrics(tmp_path).curves[0].validation_loss_nats is None


@pytest.mark.parametrize("classes", [2, 6, 60])
def test_the_page_is_whole_and_needs_nothing_else(classes):
    text = render_page(make_report(tuple(f"class {nth}" for nth in range(classes)), 300))
    page = Page(text)
    assert "script" not in page.tags
    assert "link" not in page.tags
    addresses = [value for name, value in page.attributes if name in {"src", "href", "xlink:href"}]
    assert addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    assert not re.search(r"https?:|@import|url\((?!#)", text)


def test_the_same_values_give_the_same_bytes(page):
    assert render_page(make_report()) == page


def test_sections_come_in_the_order_a_person_wants(page):
    assert in_order(
        page, 'class="verdict"', "<h2>Before and after", "<h2>Curves", "<h2>What is taken for what",
        "<h2>Class by class", "<h2>Does it know when it is unsure?", "<h2>Worst mistakes", "<h2>Most doubtful",
        "<h2>What the audit found", "<h2>How it was made",
    )  # fmt: skip


def test_the_page_tells_what_it_was_given(report, page):
    text = Page(page).text
    metrics = report.metrics
    shown = [metrics.title, metrics.tool, metrics.created, metrics.command, metrics.weights, metrics.device]
    shown += [
        "mobilenet_v2",
        "224",
        "0.0003",
        "3.11.9",
        "1810 MB",
        "1\u00a0h 2\u00a0min",
        "They show one item.",
        "a/1.jpg",
    ]
    shown += [answer.path for answer in (*metrics.worst_mistakes, *metrics.most_doubtful)]
    shown += ["before training", "after the head", "after fine-tuning", percent(metrics.test.accuracy)]
    assert [text_ for text_ in shown if re.sub(r"\s+", " ", text_) not in text] == []


def test_the_verdict_says_the_figure_and_how_sure_it_is():
    names = ("can", "tray")
    labels = np.array([0] * 120 + [1] * 94)
    found = labels.copy()
    found[:10] = 1
    found[-3:] = 0
    evaluation = evaluate(np.eye(2, dtype=np.float32)[found] * 3, labels, names)
    told = " ".join(verdict(msgspec.structs.replace(make_report(names).metrics, test=evaluation))).replace(
        "\u00a0", " "
    )
    assert "right on 201 of 214 test photographs, 93.9 %." in told
    assert "between 89 and 97 % (95 times in 100)" in told
    assert "Always answering “can”, the most frequent class, would be right on 56.1 %." in told
    assert "worst on “can”, of which it finds 110 of 120" in told
    assert "take “can” for “tray” (10 times)" in told
    assert "audit of the photographs has 1 finding to look at" in told
    assert "fewer than" not in told


@pytest.mark.parametrize(
    ("classes", "told"),
    [
        (1, "Of “c0” there are fewer than 10 test photographs, too few to say much of it alone."),
        (2, "Of “c0” and “c1” there are fewer than 10 test photographs each, too few to say much of them alone."),
        (5, "Of “c0”, “c1”, “c2” and 2 further classes there are fewer"),
    ],
)
def test_the_verdict_names_classes_with_few_photographs(classes, told):
    names = (*(f"c{nth}" for nth in range(classes)), "many")
    labels = np.array([*range(classes), *[classes] * 20])
    evaluation = evaluate(np.eye(len(names), dtype=np.float32)[labels], labels, names)
    sentences = " ".join(verdict(msgspec.structs.replace(make_report(names).metrics, test=evaluation)))
    assert told in sentences.replace("\u00a0", " ")
    assert "It makes no mistake on them." in sentences


def test_a_model_without_mistakes_has_no_gallery_of_them():
    report = make_report(skill=30.0)
    assert report.metrics.worst_mistakes == ()
    assert "There are none." in render_page(report)


def test_names_are_never_taken_for_markup():
    names = ("<script>alert(1)</script>", "a & b", 'say "c"')
    page = Page(render_page(make_report(names, 90)))
    assert "script" not in page.tags
    assert all(name in page.text for name in names)


def test_few_classes_have_the_table_alone_and_many_the_most_confused_pairs_first():
    few, many = (render_page(make_report(tuple(f"c{nth}" for nth in range(n)), 400, 2.5)) for n in (12, 13))
    assert 'class="pairs"' not in few
    assert in_order(many, 'class="pairs"', 'class="confusion many"')


def test_the_confusion_table_holds_every_count(report, page):
    table = page[page.index('<table class="confusion') :]
    table = table[: table.index("</table>")]
    rows = [re.findall(r"<td[^>]*>(\d*)</td>", row) for row in table.split("<tr>")[2:]]
    assert tuple(tuple(int(cell or 0) for cell in row) for row in rows) == report.metrics.test.confusion


def test_the_weakest_class_comes_first(report, page):
    table = page[page.index("<h2>Class by class") : page.index("<h2>Does it know")]
    found = [float(share) for share in re.findall(r'class="bar"><i style="width:([\d.]+)%', table)]
    assert len(found) == len(NAMES)
    assert found == sorted(found)


def test_only_two_classes_have_an_area_under_the_curve(page):
    assert "ROC" not in page
    assert "ROC" in render_page(make_report(("a", "b"), 60))


@pytest.mark.parametrize(("audit", "told"), [(None, "No audit was made."), ((), "Nothing to complain about.")])
def test_no_audit_is_not_the_same_as_a_clean_one(audit, told):
    assert told in render_page(make_report(audit=audit))


def test_without_fine_tuning_there_are_no_curves():
    assert "<h2>Curves" in render_page(make_report())
    assert "<h2>Curves" not in render_page(make_report(curves=()))


def test_a_setting_of_zero_is_shown_and_one_of_none_a_dash():
    page = render_page(make_report(settings={"epochs": 0, "kept": False, "limit": None}))
    for name, value in (("epochs", "0"), ("kept", "False"), ("limit", "\u2013")):
        assert f'<th scope="row">{name}</th><td>{value}</td>' in page


@pytest.mark.parametrize("shape", [(1, 1), (900, 30), (30, 900), (640, 480)])
def test_photographs_are_small_and_keep_their_colours_and_form(shape):
    red = np.zeros((*shape, 3), np.uint8)
    red[..., 0] = 230
    page = render_page(make_report(pictures=1, picture=lambda *_: red))
    data = base64.b64decode(re.search(r"data:image/jpeg;base64,([^\"]+)", page)[1])
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert max(shown.shape) <= 224
    assert shown.shape[0] / shown.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.1)
    assert shown.mean(axis=(0, 1)) == pytest.approx([230, 0, 0], abs=4)


def test_answers_name_the_likeliest_and_the_next():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]], np.float32))
    told = answers(np.array([1, 0]), logits, np.array([2, 1]), ("a/1.jpg", "b/2.jpg"), ("x", "y", "z"))
    first, second = told
    assert (first.path, first.class_name, first.answer, first.runner_up) == ("b/2.jpg", "y", "z", "x")
    assert (first.probability, first.runner_up_probability) == pytest.approx((0.5, 0.25))
    assert second == Answer(
        path="a/1.jpg",
        class_name="z",
        answer="x",
        probability=pytest.approx(0.7),
        runner_up="y",
        runner_up_probability=pytest.approx(0.2),
    )


def test_answers_to_no_photographs_are_none():
    assert answers(np.array([], np.int64), np.zeros((2, 3), np.float32), np.zeros(2, np.int64), ("", ""), "xyz") == ()
