"""The event store: every item and every change of state, in one SQLite file that a power cut does not harm."""

from sortline_edge.events.store import EventStore

__all__ = ["EventStore"]
