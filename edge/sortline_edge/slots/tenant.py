"""Where a running station has its bundle from: a file, or a store, which counts starts and confirms what works."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sortline_bundle.errors import BundleError, ConfigError, SortlineError, TryAgainError
from sortline_edge.config import ModelSettings
from sortline_edge.slots.place import store_of
from sortline_edge.slots.station import Say, opened_store

Loaded = TypeVar("Loaded")


class Tenant:
    """Tells a station which bundle to load, and the store, if that is where it lies, how it does.

    Args:
        path: Of the bundle, as the station file has it; in a store it is STORE/current/bundle.sortline.
        settings: When a bundle on trial has proved itself.
        say: Takes what a person should know.
    """

    def __init__(self, path: Path, settings: ModelSettings, say: Say) -> None:
        self._path, self._root, self._settings, self._say = path, store_of(path), settings, say
        self._trial: str | None = None
        self._seen = 0
        self._since_ns: int | None = None
        self._confirming: threading.Thread | None = None

    def load(self, load: Callable[[Path], Loaded]) -> Loaded:
        """Load the current bundle; one on trial that fails is given up, and the good one loaded.

        Args:
            load: Loads a bundle's file; raises BundleError if it is to blame, ConfigError if it does not fit here.

        Raises:
            BundleError: the good one fails as well.
            ConfigError: it does not fit, or there is none.
        """
        if self._root is None:
            return load(self._path)
        try:
            with opened_store(self._root, self._say) as store:
                store.count_start()
                slot, trial = store.state.current, store.state.trial
                path = self._root / store.path(slot) if slot else self._path
        except TryAgainError:
            # Somebody installs. The link always leads to a whole bundle.
            self._trial = None
            return load(self._path)
        self._trial, self._seen, self._since_ns = trial.slot.bundle if trial else None, 0, None
        try:
            return load(path)
        except (BundleError, ConfigError) as cause:
            if trial is None:
                raise
            return load(self._fall_back(self._root, cause))

    def saw(self, bundle: str, now_ns: int) -> None:
        """A frame was sorted by the bundle of this digest. Never waits: it confirms in a thread of its own."""
        if bundle != self._trial:
            return
        self._seen += 1
        if self._since_ns is None:
            self._since_ns = now_ns
        enough = self._seen >= self._settings.trial_frames
        if enough and now_ns - self._since_ns >= 1e9 * self._settings.trial_s and self._root is not None:
            self._trial = None
            self._confirming = threading.Thread(target=self._confirm, args=(self._root, bundle), name="confirm")
            self._confirming.start()

    def close(self) -> None:
        """Wait for a confirmation under way."""
        if self._confirming is not None:
            self._confirming.join()

    def _fall_back(self, root: Path, cause: SortlineError) -> Path:
        """What to load instead of what is on trial."""
        self._trial = None
        with opened_store(root, self._say) as store:
            if store.state.trial is not None and store.state.good is not None:
                if isinstance(cause, BundleError):
                    store.give_up(str(cause))
                else:
                    store.withdraw(str(cause))
                self._say(f"back to the bundle before, since the one on trial failed: {cause}")
            slot = store.state.good
            if slot is None:
                raise cause
            return root / store.path(slot)

    def _confirm(self, root: Path, bundle: str) -> None:
        try:
            with opened_store(root, self._say) as store:
                store.confirm(bundle)
                store.gc()
            self._say(f"bundle {bundle[:12]} has proved itself")
        except ConfigError as cause:
            self._say(f"bundle {bundle[:12]} works, but is not on trial any more: {cause}")
        except SortlineError as cause:
            self._say(f"bundle {bundle[:12]} works, and could not be confirmed: {cause}")
            self._seen, self._since_ns, self._trial = 0, None, bundle  # after as many frames again
