"""What the records of all photographs say together."""

import pytest

from sortline_train.audit.survey import count_classes, describe_group, find_hints, pair_equals
from sortline_train.audit.values import Photograph


def photograph(class_name="a", pixels="p", file="f", **facts):
    return Photograph(
        path="x.jpg", class_name=class_name, part=facts.pop("part", None), sha256=file, pixels_sha256=pixels, **facts
    )


def test_equal_pixels_are_paired_with_the_first():
    those = [photograph(pixels=pixels) for pixels in "abacaa"]
    assert pair_equals(those) == [(0, 2), (0, 4), (0, 5)]


def test_what_is_unusable_is_no_copy():
    assert pair_equals([photograph(), photograph(problem="too small"), photograph(pixels=None, problem="cut")]) == []


@pytest.mark.parametrize(
    ("files", "pixels", "copies"), [("ff", "pp", "file"), ("fg", "pp", "pixels"), ("fg", "pq", "near")]
)
def test_a_group_is_named_by_its_weakest_likeness(files, pixels, copies):
    those = [photograph(file=file, pixels=one) for file, one in zip(files, pixels, strict=True)]
    assert describe_group(those, (0, 1)).copies == copies


def test_a_group_names_its_classes_and_parts():
    those = [photograph("b", part="test"), photograph("a", part="train"), photograph("a", part="train")]
    group = describe_group(those, (0, 1, 2))
    assert (group.classes, group.parts) == (("a", "b"), ("test", "train"))


def test_classes_are_counted_with_copies_once():
    those = [
        photograph("a"),
        photograph("a"),
        photograph("a", problem="cut"),
        photograph("b"),
        photograph("c", pixels="q"),
    ]
    counts = count_classes(those, [describe_group(those, (0, 1, 3))])
    assert [(one.class_name, one.photographs, one.usable, one.different) for one in counts] == [
        ("a", 3, 2, 1), ("b", 1, 1, 1), ("c", 1, 1, 1),
    ]  # fmt: skip


def hints(camera_a, camera_b, many=20):
    return find_hints(
        [photograph("a", camera=camera) for camera in camera_a[:many]]
        + [photograph("b", camera=camera) for camera in camera_b[:many]]
    )


def test_a_camera_of_one_class_alone_is_a_hint():
    found = hints(["X"] * 19 + ["Y"], ["Y"] * 18 + ["X"] * 2)
    assert [(one.class_name, one.source, one.value) for one in found] == [("a", "camera", "X"), ("b", "camera", "Y")]
    assert (found[0].share, found[0].elsewhere, found[0].photographs) == (0.95, 0.1, 19)


def test_no_camera_named_in_one_class_is_a_hint_too():
    assert "none named" in {one.value for one in hints([None] * 20, ["X"] * 20)}


@pytest.mark.parametrize(
    ("first", "second"),
    [(["X"] * 20, ["X"] * 20), (["X"] * 17 + ["Y"] * 3, ["Y"] * 20), (["X"] * 20, ["X"] * 3 + ["Y"] * 9 + ["Z"] * 8)],
    ids=["all of one camera", "too many of the other", "the others have it too"],
)
def test_a_camera_that_does_not_tell_class_a_is_no_hint(first, second):
    assert "a" not in {one.class_name for one in hints(first, second)}


def test_a_handful_of_photographs_gives_no_hint():
    assert hints(["X"] * 9, ["Y"] * 9) == ()


def test_size_does_not_mind_how_the_camera_was_held():
    those = [photograph("a", width=40 + 40 * (nth % 2), height=80 - 40 * (nth % 2)) for nth in range(20)]
    those += [photograph("b", width=60, height=60) for _ in range(20)]
    assert [(one.class_name, one.value) for one in find_hints(those) if one.source == "size"] == [
        ("a", "80 x 40"), ("b", "60 x 60"),
    ]  # fmt: skip
