"""Outlines of training photographs lie over their pixels, and are found once."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from sortline_bundle.errors import PhotographError
from sortline_bundle.outline import find_outline
from sortline_bundle.preprocess import InputSpec
from sortline_train.masks import open_masks
from sortline_train.pixels import open_pixels


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def digests_of(paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_masks_are_the_outlines_and_everything_where_there_is_none(tmp_path, cache):
    item = np.full((64, 64, 3), 230, np.uint8)
    item[20:44, 24:40] = (30, 60, 160)
    paths = [tmp_path / "item.png", tmp_path / "bare.png"]
    Image.fromarray(item).save(paths[0])
    Image.new("RGB", (64, 64), (230, 230, 230)).save(paths[1])
    spec, digests = InputSpec(height=64, width=64), digests_of(paths)
    masks = open_masks(paths, digests, spec, cache)
    assert masks.shape == (2, 64, 64)
    np.testing.assert_array_equal(masks[0], find_outline(item))
    assert 0 < np.count_nonzero(masks[0]) < 64 * 64
    assert (masks[1] == 255).all()
    again = open_masks(paths, digests, spec, cache)
    np.testing.assert_array_equal(again[:], masks[:])


def test_the_mask_of_a_wide_photograph_lies_over_its_item_and_not_over_the_repeated_edge(tmp_path, cache):
    wide = np.full((120, 240, 3), 230, np.uint8)
    wide[40:120, 60:140] = (30, 60, 160)  # reaches the lower edge, which the square repeats
    path = tmp_path / "wide.png"
    Image.fromarray(wide).save(path)
    spec, digests = InputSpec(height=60, width=60), digests_of([path])
    mask = open_masks([path], digests, spec, cache)[0]
    pixels = open_pixels([path], digests, spec, cache)[0]
    blue = pixels[..., 2].astype(int) - pixels[..., 0] > 60
    inside = np.zeros((60, 60), bool)
    inside[15:45] = True
    assert ((mask > 0) == (blue & inside)).mean() > 0.97
    assert (blue & ~inside).any()
    assert not mask[46:].any()


def test_a_photograph_that_changed_is_refused(tmp_path, cache):
    path = tmp_path / "item.png"
    Image.new("RGB", (64, 64), (230, 230, 230)).save(path)
    digests = digests_of([path])
    Image.new("RGB", (64, 64), (30, 30, 30)).save(path)
    with pytest.raises(PhotographError, match=r"item.png has changed since it was looked at"):
        open_masks([path], digests, InputSpec(height=64, width=64), cache)
