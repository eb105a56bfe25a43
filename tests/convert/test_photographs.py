from hypothesis import given
from hypothesis import strategies as st

from sortline_convert.photographs import choose_representative
from sortline_train.run import File


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=80), st.integers(1, 60))
def test_representative_photographs_are_spread_over_the_classes(names: list[str], count: int) -> None:
    files = [File(path=f"{n}.jpg", class_name=name, sha256=f"{n:064x}", part="train") for n, name in enumerate(names)]
    chosen = choose_representative(files, count)
    assert len(chosen) == min(count, len(files))
    assert len(set(chosen)) == len(chosen)
    per_class = {name: sum(file.class_name == name for file in chosen) for name in set(names)}
    for name, taken in per_class.items():
        if taken < names.count(name):  # not all of it was taken: then no class has more than one more
            assert max(per_class.values()) <= taken + 1
