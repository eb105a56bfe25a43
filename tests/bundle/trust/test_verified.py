"""What is verified: made by the verdict alone, unchangeable, and not to be copied around it."""

import copy
import pickle

import pytest

from sortline_bundle.trust.verify import Verified


@pytest.fixture
def verified(world):
    return world.verify(world.manifest, world.sign(world.manifest, "alice"), world.ring("alice"))


@pytest.mark.parametrize("arguments", [("manifest",), ("manifest", "digest", (), (), ())])
def test_nobody_else_makes_one(arguments):
    with pytest.raises(TypeError):
        Verified(*arguments)


def test_nothing_passes_for_one():
    with pytest.raises(TypeError):
        type("Forged", (Verified,), {"__init__": lambda self: None})


def test_it_is_not_changed(verified):
    for name in ("value", "digest", "signers", "not_counted", "alarms", "other"):
        with pytest.raises(AttributeError):
            setattr(verified, name, None)
    with pytest.raises(AttributeError):
        del verified.value


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_is_not_copied(verified, how):
    with pytest.raises(TypeError):
        how(verified)
