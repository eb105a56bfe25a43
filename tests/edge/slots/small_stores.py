"""Bundles that are quick to read, and stores for them."""

from sortline_bundle.digest import sha256
from sortline_bundle.errors import ArchiveRefused
from sortline_edge.slots.fs import Fs
from sortline_edge.slots.store import Known, Store

NOW = "2026-11-24T12:00:00Z"
LARGEST = 1 << 20


def bundle(version: int, name: str = "waste") -> bytes:
    """Stands for a bundle: what is not whole is told from what is."""
    return f"{name} {version} {'model ' * 40} end".encode()


def identify(data: bytes) -> Known:
    """What `sortline_bundle.archive.parse_bundle` tells of a real one."""
    words = data.split()
    if len(words) < 4 or words[-1] != b"end":
        raise ArchiveRefused("not a whole bundle")
    return Known(words[0].decode(), int(words[1]), sha256(data))


def open_store(fs: Fs, said: list[str] | None = None) -> Store:
    """A store as a station has it after a start."""
    return Store(fs, identify, lambda: NOW, (said if said is not None else []).append, LARGEST)


def put_on_trial(store: Store, data: bytes) -> str:
    """Install without the tests; return the digest."""
    known = identify(data)
    store.activate(store.stage(data, known))
    return known.digest


def put(store: Store, data: bytes) -> str:
    """Install and confirm."""
    digest = put_on_trial(store, data)
    store.confirm(digest)
    return digest
