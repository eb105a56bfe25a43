"""Which photographs become golden images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline_bundle.digest import sha256
from sortline_bundle.photographs import decode_image, encode_png
from sortline_convert.golden import LONGEST_SIDE, MOST, choose_golden, make_golden
from sortline_train.run import File


def drawn_scores(seed, photographs, classes):
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.full(classes, 0.5), photographs)
    return scores, random.integers(0, classes, photographs)


cases = st.tuples(st.integers(0, 2**32), st.integers(1, 200), st.integers(2, 50))


@given(cases)
def test_the_surest_and_the_most_doubtful_right_answer_of_each_class(case):
    scores, labels = drawn_scores(*case)
    chosen = choose_golden(scores, labels)
    assert 1 <= len(chosen) <= MOST
    assert len(set(chosen)) == len(chosen)
    assert [(labels[one], one) for one in chosen] == sorted((labels[one], one) for one in chosen)
    ranked = np.sort(scores, axis=1)
    margins, right = ranked[:, -1] - ranked[:, -2], scores.argmax(axis=1) == labels
    there = np.unique(labels)
    for nth in there[: MOST if len(there) > MOST else None]:
        own, taken = np.flatnonzero(labels == nth), [one for one in chosen if labels[one] == nth]
        good = own[right[own]]
        if len(good) == 0:
            assert taken == [own[0]]
            continue
        assert margins[good].max() in margins[taken]
        if 2 * len(there) <= MOST:
            assert margins[good].min() in margins[taken]
        assert right[taken].all()


@given(cases)
def test_photographs_of_no_class_that_is_there_are_missed_by_few_classes(case):
    scores, labels = drawn_scores(*case)
    there = len(np.unique(labels))
    assert len({int(labels[one]) for one in choose_golden(scores, labels)}) == min(there, MOST)


def test_golden_images_give_the_scores_that_are_written_down(drawn, int8, tmp_path):
    """Large photographs are made smaller, and the scores are those of what is packed."""
    random = np.random.default_rng(0)
    large = random.integers(0, 256, (400, 700, 3)).astype(np.uint8)
    (tmp_path / "large.png").write_bytes(encode_png(large))
    data = (tmp_path / "large.png").read_bytes()
    files = [File(path="large.png", class_name="can", sha256=sha256(data), part="test")]
    (entry,), members = make_golden(tmp_path, files, drawn.record.input, int8, 1.5)
    packed = decode_image(members[entry.member])
    assert packed.shape == (round(400 * LONGEST_SIDE / 700), LONGEST_SIDE, 3)
    assert (entry.member, entry.class_name) == ("golden/00.png", "can")
    assert sum(entry.scores) == pytest.approx(1)
    (tmp_path / "large.png").write_bytes(members[entry.member])
    data = members[entry.member]
    files = [File(path="large.png", class_name="can", sha256=sha256(data), part="test")]
    (again,), _ = make_golden(tmp_path, files, drawn.record.input, int8, 1.5)
    assert again.scores == entry.scores


def test_a_small_photograph_stays_as_it_is(drawn, int8):
    one = drawn.record.part("test")[0]
    (entry,), members = make_golden(drawn.folder, [one], drawn.record.input, int8, 1.0)
    assert (decode_image(members[entry.member]) == decode_image((drawn.folder / one.path).read_bytes())).all()
