"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import datetime

NO_BREAK = "\N{NARROW NO-BREAK SPACE}"
NONE = "\N{EN DASH}"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}{NO_BREAK}%"


def count(value: int) -> str:
    """Thousands apart: ``269 722``."""
    return f"{value:,}".replace(",", NO_BREAK)


def progress(done: int, total: int) -> str:
    return f"{count(done)} / {count(total)}"


def duration(seconds: float) -> str:
    """Two units at most: ``45 s``, ``3 min 20 s``, ``1 h 02 min``, ``2 d 5 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole or not seconds else "< 1 s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes:02d} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def moment(time: datetime) -> str:
    """A UTC time in the zone of this machine, to the minute."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def runs(number: int) -> str:
    return "1 run" if number == 1 else f"{count(number)} runs"
