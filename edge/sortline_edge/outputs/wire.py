"""What goes between the station and its output process: one JSON document per packet of a SOCK_SEQPACKET connection.

    station → process   first `Begin`, then lists of commands; an empty list is a beat, and so is every other list
    process → station   first `Ready` or `Failed`, then lists of reports

The kernel keeps packets whole, so neither side ever holds half a message.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from sortline_edge.config.wiring import Input, OutputSettings, Timing
from sortline_edge.outputs.wiring import Wiring
from sortline_edge.ports import Command, Report

PACKET_BYTES: Final = 65536
# A command with the longest possible numbers takes less than 128 bytes of JSON, a report of what became of it less than
# 256; the reason that everything was made safe stands in a packet of few.
COMMANDS_PER_PACKET: Final = PACKET_BYTES // 128
REPORTS_PER_PACKET: Final = PACKET_BYTES // 256


class Begin(msgspec.Struct, frozen=True, kw_only=True):
    """Claim the lines of `wiring` as `settings` say, and the input lines as each of `inputs` says."""

    settings: OutputSettings
    wiring: Wiring
    inputs: tuple[Input, ...]
    timing: Timing


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The lines are claimed and inactive; `realtime`: the kernel granted real-time priority."""

    realtime: bool


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The lines could not be claimed, and why."""

    message: str


encode: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
decode_begin: Final = msgspec.json.Decoder(Begin).decode
decode_answer: Final[Callable[[bytes], Ready | Failed]] = msgspec.json.Decoder(Ready | Failed).decode
decode_commands: Final[Callable[[bytes], list[Command]]] = msgspec.json.Decoder(list[Command]).decode
decode_reports: Final = msgspec.json.Decoder(list[Report]).decode
