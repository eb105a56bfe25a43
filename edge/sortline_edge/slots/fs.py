"""The few calls by which the store touches a disk: so a test can put one in its place that forgets."""

import os
from pathlib import Path
from typing import Protocol

from sortline_bundle.errors import ConfigError, HardwareError


class Fs(Protocol):
    """A file system below one folder; names are relative to it, with `/` between folders.

    What was changed outlasts a power cut only after `sync`: of a file its bytes, of a folder the names in it. Every
    call may raise OSError.
    """

    def read(self, name: str, limit: int) -> bytes:
        """A file's bytes as the disk has them, or its first `limit` and one more."""

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, in any order; nothing where there is no such folder."""

    def target(self, name: str) -> str | None:
        """Where a link leads; None where there is none."""

    def free_bytes(self) -> int:
        """Room left."""

    def make_folder(self, name: str) -> None:
        """Make a folder."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, anew if it is there."""

    def make_link(self, name: str, target: str) -> None:
        """Make a link where there is none."""

    def rename(self, name: str, onto: str) -> None:
        """Give a file or a link another's name, in one step."""

    def remove(self, name: str) -> None:
        """Remove a file, a link, or an empty folder."""

    def sync(self, name: str) -> None:
        """Make what was written last; `.` is the folder itself."""


class DiskFs:
    """A real folder."""

    def __init__(self, root: Path) -> None:
        """Open it.

        Raises:
            ConfigError: there is no such folder, or others than its owner may write there.
        """
        try:
            mode, owner = root.stat().st_mode, root.stat().st_uid
        except OSError as cause:
            raise ConfigError(f"the store {root} cannot be opened: {cause.strerror}; make the folder first") from None
        if not root.is_dir():
            raise ConfigError(f"the store {root} is no folder; name another place")
        if owner not in (0, os.geteuid()):
            raise ConfigError(f"the store {root} belongs to the user with number {owner}; run this as that user")
        if mode & 0o022:
            raise ConfigError(f"others may write to the store {root}, and put any model there; set its mode to 755")
        if (root / "slots").is_symlink():
            raise ConfigError(f"{root / 'slots'} leads elsewhere; remove the link")
        self._root = root

    def read(self, name: str, limit: int) -> bytes:
        """As `Fs` says."""
        handle = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            # Out of memory, not out of the card, it would always be what was written.
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            return file.read(limit + 1)

    def names(self, folder: str) -> list[str]:
        """As `Fs` says."""
        try:
            return [path.name for path in (self._root / folder).iterdir()]
        except FileNotFoundError:
            return []

    def target(self, name: str) -> str | None:
        """As `Fs` says."""
        try:
            return str((self._root / name).readlink())
        except FileNotFoundError:
            return None

    def free_bytes(self) -> int:
        """As `Fs` says."""
        room = os.statvfs(self._root)
        return room.f_bavail * room.f_frsize

    def make_folder(self, name: str) -> None:
        """As `Fs` says."""
        (self._root / name).mkdir(mode=0o755)

    def write(self, name: str, data: bytes) -> None:
        """As `Fs` says."""
        handle = os.open(self._root / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
        with os.fdopen(handle, "wb") as file:
            file.write(data)

    def make_link(self, name: str, target: str) -> None:
        """As `Fs` says."""
        (self._root / name).symlink_to(target)

    def rename(self, name: str, onto: str) -> None:
        """As `Fs` says."""
        (self._root / name).rename(self._root / onto)

    def remove(self, name: str) -> None:
        """As `Fs` says."""
        path = self._root / name
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()

    def sync(self, name: str) -> None:
        """As `Fs` says."""
        handle = os.open(self._root / name, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def storage_error(cause: OSError, what: str) -> HardwareError:
    """The error for a disk that does not do its part."""
    return HardwareError(f"{what}: {cause.strerror or cause}; see whether the card is full, read-only or worn out")
