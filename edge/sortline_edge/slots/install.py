"""Installing: verify, write, put on trial, test; and back if it does not pass."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path

from sortline_bundle.errors import BundleError, ConfigError, HardwareError, ModelRefused, SortlineError
from sortline_edge.slots.state import STARTS, Slot
from sortline_edge.slots.store import Known, Store

TEST_S = 120.0

Test = Callable[[Path], None]


class Done(Enum):
    """What came of it."""

    ON_TRIAL = "on trial"
    IN_USE = "in use"


def install(store: Store, data: bytes, known: Known, root: Path, test: Test, *, starts: int = STARTS) -> Done:
    """Put a bundle that may be installed into a slot, and on trial if it passes its test.

    A second time it goes on where it was: what is in use already is left alone, and a trial under way is tested again.

    Args:
        store: Of the station.
        data: The bundle's bytes.
        known: What it is.
        root: Folder of the store.
        test: Tries a bundle's file; raises BundleError if it is to blame, another SortlineError if it is not.
        starts: How often the station may start with it before it must be confirmed.

    Raises:
        BundleError: it failed its test here, now or before; what was current is so again.
        HardwareError: the card could not be written to; what was current still is.
        SortlineError: it could not be tested, through no fault of its own; what was current is so again.
    """
    good, trial = store.state.good, store.state.trial
    if trial is None and good is not None and good.bundle == known.digest:
        return Done.IN_USE
    if trial is not None and trial.slot.bundle == known.digest:
        slot = trial.slot  # the power went before it was tested, perhaps
    else:
        slot = _slot_of(store, known) or store.stage(data, known)
        store.activate(slot, starts)
    try:
        test(root / store.path(slot))
    except BundleError as cause:
        store.give_up(str(cause))
        raise
    except SortlineError as cause:
        store.withdraw(str(cause))
        raise
    except BaseException:
        store.withdraw("interrupted")
        raise
    finally:
        with suppress(HardwareError):  # the next installation tries again
            store.gc()
    return Done.ON_TRIAL


def _slot_of(store: Store, known: Known) -> Slot | None:
    """The slot that a bundle lies in already: what went back by hand may come again."""
    return next((slot for slot in store.state.slots if slot.bundle == known.digest), None)


def self_test(path: Path) -> None:
    """Load a bundle's model and ask it the golden images, in a process of its own that may die of it.

    Raises:
        BundleError: it did not pass; or it took too long.
        ConfigError: the runtime is not installed.
        SortlineError: it could not be tried.
    """
    command = [sys.executable, "-P", "-m", "sortline_bundle.command", "check", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TEST_S, check=False, env=os.environ)
    except subprocess.TimeoutExpired:
        raise ModelRefused(f"its test was not done after {TEST_S:g} s") from None
    if done.returncode == 0:
        return
    reason = done.stderr.strip().rpartition("\n")[2].removeprefix("sortline: ")
    if done.returncode == ConfigError.exit_code:
        raise ConfigError(reason)
    if done.returncode < 0 or done.returncode == BundleError.exit_code:
        raise ModelRefused(reason or f"its test was ended by signal {-done.returncode}")
    raise SortlineError(f"the bundle could not be tested: {reason}")
