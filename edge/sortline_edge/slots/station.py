"""The store as a station's programs have it: on a real disk, locked, with real bundles and a keyring."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sortline_bundle.archive import BUNDLE_BYTES, Bundle, parse_bundle
from sortline_bundle.errors import BundleError, ConfigError, TryAgainError
from sortline_bundle.files import lock_alone
from sortline_bundle.moments import trusted_time, write_moment
from sortline_bundle.trust.channel import Channel
from sortline_bundle.trust.commands.documents import Signed, read_keyring
from sortline_bundle.trust.keyring import Keyring
from sortline_bundle.trust.verify import Floor, Verified, check_floor, check_station, verify, verify_channel
from sortline_edge.slots.fs import DiskFs
from sortline_edge.slots.place import KEYRING
from sortline_edge.slots.state import State
from sortline_edge.slots.store import Known, Store

Say = Callable[[str], None]


@contextmanager
def opened_store(root: Path, say: Say) -> Iterator[Store]:
    """A station's store, put in order and nobody else's until the block is left.

    Raises:
        ConfigError: there is no such folder, or others may write to it.
        TryAgainError: another process is changing it.
    """
    fs = DiskFs(root)
    handle = os.open(root, os.O_RDONLY)
    try:
        # The kernel lets go of it when its holder dies, however that may be.
        if not lock_alone(handle):
            raise TryAgainError(f"another sortline is changing {root}; try again when it is done")
        yield Store(fs, lambda data: _identify(data, root), _now, say, BUNDLE_BYTES)
    finally:
        os.close(handle)


def keyring_of(root: Path) -> Keyring | None:
    """Whom the station trusts; None where nobody has told it.

    Raises:
        ConfigError: the file does not hold.
    """
    path = root / KEYRING
    if not path.exists():
        return None
    try:
        return read_keyring(path)
    except BundleError as cause:
        raise ConfigError(f"the station's keyring does not hold: {cause}; remove it and trust another") from None


def judge(
    bundle: Bundle,
    state: State,
    keyring: Keyring | None,
    system: datetime,
    *,
    model: str | None = None,
    channel: Signed | None = None,
) -> Verified[Channel] | None:
    """Whether a bundle may be installed; returns the channel, if one was given.

    Args:
        bundle: As it was read.
        state: Of the store.
        keyring: Of the station; None takes whatever is not older than what was there.
        system: What the clock says.
        model: Of the station; None where it does not matter.
        channel: Where it is given, no other bundle than the one it announces.

    Raises:
        BundleError: it may not, by its own kind of it.
        ConfigError: a channel is given, and nobody is trusted who could have signed it.
    """
    manifest = bundle.manifest
    if keyring is None:
        check_floor(manifest.name, Floor(manifest.version, bundle.digest), state.lowest)
        check_station(manifest, model)
        if channel is not None:
            raise ConfigError("a channel is worth nothing without a keyring; `sortline slots trust RING` gives it one")
        return None
    seen, news = [keyring.created], None
    if channel is not None:
        now = trusted_time(system, seen)
        news = verify_channel(channel.data, channel.signatures, keyring, now=now, last=state.last_news)
        seen.append(news.value.created)
    verify(
        bundle.manifest_bytes,
        bundle.signatures,
        keyring,
        now=trusted_time(system, seen),
        floor=state.lowest,
        station=model,
        channel=news,
    )
    return news


def known(bundle: Bundle) -> Known:
    """What the store keeps of a bundle."""
    return Known(bundle.manifest.name, bundle.manifest.version, bundle.digest)


def _now() -> str:
    return write_moment(datetime.now(UTC))


def _identify(data: bytes, root: Path) -> Known:
    """Only asked where the journal is lost or a slot damaged: so a damaged keyring stops no station that is whole."""
    bundle = parse_bundle(data, where="slot")
    try:
        keyring = keyring_of(root)
    except ConfigError as cause:
        raise BundleError(str(cause)) from None
    if keyring is not None:
        keyring.count("bundle", bundle.manifest_bytes, bundle.signatures)
    return known(bundle)
