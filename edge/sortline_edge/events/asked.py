"""Moments as people ask for them: `2h` ago, a day, an hour of a day."""

import re
from datetime import datetime

from sortline_bundle.errors import ConfigError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def asked_ns(text: str, now_ns: int) -> int:
    """The unix time of `90s`, `30m`, `2h`, `1.5d`, `3w` before `now_ns`, or of an ISO 8601 date, or date and time.

    Without a time zone it is the machine's own.

    Raises:
        ConfigError: it is neither.
    """
    ago = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])", text)
    if ago:
        return now_ns - round(float(ago[1]) * _SECONDS[ago[2]] * 1e9)
    try:
        moment = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        form = "how long ago (90s, 30m, 2h, 1.5d, 3w) or a moment (2026-11-24, 2026-11-24T06:30, ...T06:30Z)"
        raise ConfigError(f"{text!r} is no time: say {form}") from None
    return round(moment.timestamp() * 1_000_000) * 1_000
