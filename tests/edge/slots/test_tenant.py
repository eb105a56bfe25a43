"""A running station and its store: which bundle it loads, and when one on trial has proved itself."""

import os
from pathlib import Path

import pytest
from small_stores import bundle, identify, open_store, put, put_on_trial

from sortline_bundle.errors import BundleError, ConfigError, GoldenMismatch
from sortline_bundle.files import lock_alone
from sortline_edge.config import ModelSettings
from sortline_edge.slots.fs import DiskFs
from sortline_edge.slots.place import CURRENT, FILE
from sortline_edge.slots.state import State
from sortline_edge.slots.tenant import Tenant

ONE, TWO = bundle(1), bundle(2)
DIGEST = identify(TWO).digest
SECOND = 1_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with one good bundle and another on trial."""
    tmp_path.chmod(0o755)
    store = open_store(DiskFs(tmp_path))
    put(store, ONE)
    put_on_trial(store, TWO)
    return tmp_path


def tenant_of(root: Path, said: list[str] | None = None) -> Tenant:
    settings = ModelSettings(trial_frames=10, trial_s=5.0)
    return Tenant(root / CURRENT / FILE, settings, (said if said is not None else []).append)


def state_of(root: Path) -> State:
    return open_store(DiskFs(root)).state


def test_what_works_long_enough_is_confirmed(root: Path) -> None:
    tenant = tenant_of(root)
    assert tenant.load(Path.read_bytes) == TWO
    for nth in range(9):  # frames enough only with the next, time enough only after
        tenant.saw(DIGEST, nth * SECOND)
    tenant.saw(identify(ONE).digest, 20 * SECOND)
    tenant.close()
    assert state_of(root).trial is not None
    tenant.saw(DIGEST, 9 * SECOND)
    tenant.close()
    state = state_of(root)
    assert (state.trial, state.floor) == (None, 2)
    assert state.current is not None
    assert state.current.bundle == DIGEST


def test_frames_alone_do_not_confirm(root: Path) -> None:
    tenant = tenant_of(root)
    tenant.load(Path.read_bytes)
    for nth in range(100):
        tenant.saw(DIGEST, nth)
    tenant.close()
    assert state_of(root).trial is not None


def test_a_station_that_crashes_again_and_again_goes_back(root: Path) -> None:
    loaded = [tenant_of(root).load(Path.read_bytes) for _ in range(5)]
    assert loaded == [TWO, TWO, TWO, ONE, ONE]


@pytest.mark.parametrize(
    ("error", "failed"), [(GoldenMismatch("answers differ"), True), (ConfigError("a class is missing"), False)]
)
def test_what_cannot_be_loaded_is_left_at_once(root: Path, error: Exception, failed: bool) -> None:
    said: list[str] = []

    def load(path: Path) -> bytes:
        if path.read_bytes() == TWO:
            raise error
        return path.read_bytes()

    assert tenant_of(root, said).load(load) == ONE
    state = state_of(root)
    assert (state.trial, state.failed) == (None, (DIGEST,) if failed else ())
    assert (root / CURRENT / FILE).read_bytes() == ONE
    assert str(error) in said[-1]


def test_what_is_good_and_cannot_be_loaded_is_an_error(root: Path) -> None:
    open_store(DiskFs(root)).go_back()

    def load(_: Path) -> bytes:
        raise BundleError("no model")

    with pytest.raises(BundleError, match="no model"):
        tenant_of(root).load(load)


def test_while_somebody_installs_a_station_still_starts(root: Path) -> None:
    handle = os.open(root, os.O_RDONLY)
    try:
        assert lock_alone(handle)
        assert tenant_of(root).load(Path.read_bytes) == TWO
    finally:
        os.close(handle)


def test_a_bundle_that_is_just_a_file_has_no_store(tmp_path: Path) -> None:
    (tmp_path / "waste.sortline").write_bytes(ONE)
    tenant = Tenant(tmp_path / "waste.sortline", ModelSettings(), [].append)
    assert tenant.load(Path.read_bytes) == ONE
    tenant.saw("any", 0)
    tenant.close()
    assert [path.name for path in tmp_path.iterdir()] == ["waste.sortline"]
