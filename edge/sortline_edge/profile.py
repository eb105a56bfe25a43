"""How long a board takes for what a station does: measured there by `benchmarks/station.py`, for the simulated belt.

It holds the samples in the order they were taken, not their quantiles: a board is slow for a while and then fast again,
and whether two slow looks follow each other decides whether an item is missed.
"""

from collections.abc import Iterator
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from sortline_bundle.errors import ConfigError
from sortline_bundle.strict import Table, read_json
from sortline_edge.config.fields import Name

MOST_SAMPLES = 50_000
_LARGEST_FILE = 4 << 20
_MEAN_RUN = 50

Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]
Samples = Annotated[tuple[Milliseconds, ...], Meta(min_length=1, max_length=MOST_SAMPLES)]


class Latencies(NamedTuple):
    """Endless draws from a profile, in milliseconds each; see `Profile`."""

    frame_ms: Iterator[float]
    look_ms: Iterator[float]
    output_late_ms: Iterator[float]


class Profile(Table, frozen=True, kw_only=True):
    """A board's latencies with one model, each in the order they were measured.

    Attributes:
        board: What somebody calls it.
        machine: Processor architecture.
        cores: That the station may use.
        runtime: With its version.
        threads: That run the model.
        model_sha256: Digest of the model file.
        frame_ms: From a frame in hand to its decisions, without the looks: finding items, following, deciding.
        look_ms: One look at one item: cutting out, resizing, the model, its scores.
        output_late_ms: How much after its time an output was switched, while the model ran without a pause.
    """

    format: Literal["sortline-profile"] = "sortline-profile"
    format_version: Literal[1] = 1
    board: Name
    machine: Name
    cores: Annotated[int, Meta(ge=1, le=1024)]
    runtime: Name
    threads: Annotated[int, Meta(ge=1, le=8)]
    model_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    frame_ms: Samples
    look_ms: Samples
    output_late_ms: Samples

    def sample(self, random: np.random.Generator) -> Latencies:
        """Latencies as this board would have them: the same for the same state of `random`.

        The three do not depend on each other: how often one is drawn changes nothing for the others.
        """
        streams = zip((self.frame_ms, self.look_ms, self.output_late_ms), random.spawn(3), strict=True)
        return Latencies(*(_draw(samples, stream) for samples, stream in streams))

    def to_json(self) -> bytes:
        """The file that `read_profile` reads."""
        return msgspec.json.encode(self)


def read_profile(data: bytes, where: str) -> Profile:
    """Read a profile's file.

    Raises:
        ConfigError: with `where`, the field, what it is and what it may be.
    """
    return read_json(data, Profile, limit=_LARGEST_FILE, error=ConfigError, where=where)


def _draw(samples: tuple[float, ...], random: np.random.Generator) -> Iterator[float]:
    """The stationary bootstrap: runs of neighbouring samples, from anywhere, so that slow spells stay together.

    A run's length is geometric with a mean of 50, and after the last sample comes the first; so each sample is as
    likely as every other. Politis and Romano, The Stationary Bootstrap, JASA 89 (1994).
    """
    count = len(samples)
    while True:
        start = int(random.integers(count))
        for nth in range(start, start + int(random.geometric(1 / _MEAN_RUN))):
            yield samples[nth % count]
