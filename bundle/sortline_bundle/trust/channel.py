"""What is newest: a small signed note that runs out, so that a station notices when news is kept from it."""

from typing import Final, Literal

import msgspec

from sortline_bundle.errors import SchemaError
from sortline_bundle.manifest import Digest, Version
from sortline_bundle.moments import Timestamp, lifetime_complaints
from sortline_bundle.strict import Table, read_document

FORMAT: Final = "sortline-channel"
FORMAT_VERSION: Final = 1
CHANNEL_BYTES = 4 << 10


class Announced(Table, frozen=True, kw_only=True):
    """The newest bundle: its version and digest."""

    version: Version
    digest: Digest


class Channel(Table, frozen=True, kw_only=True):
    """What a station should have.

    Attributes:
        sequence: One more with each announcement.
        expires: From when on the station raises an alarm; it keeps sorting.
        newest: The bundle to have.
    """

    format: Literal["sortline-channel"] = FORMAT
    format_version: Literal[1] = FORMAT_VERSION
    sequence: Version
    created: Timestamp
    expires: Timestamp
    newest: Announced

    @classmethod
    def parse(cls, data: bytes) -> "Channel":
        """Read a channel.

        Raises:
            UnsupportedFormat: it is of another format, or of another version of it.
            SchemaError: naming the field, what it is and what it may be.
        """
        form = FORMAT, FORMAT_VERSION
        channel = read_document(data, cls, format_version=form, limit=CHANNEL_BYTES, where="channel")
        for complaint in lifetime_complaints(channel.created, channel.expires):
            raise SchemaError(f"channel: {complaint}")
        return channel

    def encode(self) -> bytes:
        """The bytes of a channel as they are signed and shipped.

        Raises:
            SchemaError: the channel contradicts itself.
        """
        data = msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"
        self.parse(data)
        return data
