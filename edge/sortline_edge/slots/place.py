"""What lies where in a store."""

from pathlib import Path

PLACE = Path("/var/lib/sortline")
JOURNAL, KEYRING, CURRENT, SLOTS, FILE = "journal.json", "keyring.json", "current", "slots", "bundle.sortline"


def store_of(bundle: Path) -> Path | None:
    """The store that a station file's bundle lies in: STORE/current/bundle.sortline; None where it is just a file."""
    in_store = bundle.name == FILE and bundle.parent.name == CURRENT
    return bundle.parent.parent if in_store else None
