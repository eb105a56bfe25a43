"""The kinds of numbers and names that a station file is made of."""

from typing import Annotated

from msgspec import Meta

# The upper ends lie far above any machine: nothing computed from what is below them overflows.
Positive = Annotated[float, Meta(gt=0, le=1_000_000)]
NotNegative = Annotated[float, Meta(ge=0, le=1_000_000)]
Anywhere = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
Share = Annotated[float, Meta(gt=0, lt=1)]
FrameRate = Annotated[float, Meta(gt=0, le=1_000)]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}\Z")]
Line = Annotated[int, Meta(ge=0, le=511)]
