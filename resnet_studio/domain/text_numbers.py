"""Numbers as people read them: counts, errors, durations, sizes and times. Tables keep the numbers themselves.

``space`` stands between groups of digits and before a unit: a blank on the command line, a thin one in the window.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from resnet_studio.text import _, _n

NONE = "\N{EN DASH}"  # where a number is not known


def grouped(number: float, *, space: str = " ") -> str:
    """``269722`` as ``269 722``; a fraction keeps its digits."""
    return f"{number:,}".replace(",", space)


def listed(numbers: Iterable[int]) -> str:
    """``32 000, 48 000``."""
    return ", ".join(map(grouped, numbers))


def counted(number: int, one: str, many: str = "", *, space: str = " ") -> str:
    """``1 class``, ``2 classes``, ``50 000 images``; without ``many`` an s makes the plural."""
    noun = _n(one, many or f"{one}s", number)
    return _("{number} {noun}", number=grouped(number, space=space), noun=noun)


def true_minus(number: str) -> str:
    """A number's text with a minus sign, which is as wide as a plus, in place of the hyphen."""
    return number.replace("-", "\N{MINUS SIGN}")


def plain_minus(number: str) -> str:
    """The other way round, for programs that read numbers."""
    return number.replace("\N{MINUS SIGN}", "-")


def signed(value: float, *, digits: int) -> str:
    """``+6.5``, ``−10.5``: a difference for people; what rounds to nothing is ``+0.0``."""
    return true_minus(f"{round(value, digits) + 0.0:+.{digits}f}")


def fixed(value: float, *, digits: int) -> str:
    """``0.94``, ``−0.01``: with a minus sign, and never ``−0.00``."""
    return true_minus(f"{round(value, digits) + 0.0:.{digits}f}")


def three_figures(value: float) -> str:
    """``0.0123``, ``4.56``, ``78.9``, ``12 300``: three figures of a number above zero, else 0."""
    if value <= 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(value)))
    if value < 100:
        return f"{round(value, digits):.{digits}f}"
    return grouped(round(round(value, 2 - math.floor(math.log10(value)))))


def short_count(count: float, *, space: str = " ") -> str:
    """``40551040`` as ``40.6 M``: three figures and a unit."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * size:
            return f"{count / size:.3g}{space}{unit}" if count < 999.5 * size else f"{count / size:.0f}{unit}"
    return f"{count:.0f}"


def percent(value: float | None, *, digits: int = 2, space: str = " ") -> str:
    """``8.75 %`` of an error in percent; a dash where it is not known or not finite."""
    return NONE if value is None or not math.isfinite(value) else f"{value:.{digits}f}{space}%"


_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(seconds: float | None, *, padded: bool = False) -> str:
    """``42 s``, ``2 min 5 s``, ``1 h 20 min``, ``3 d 4 h``; a dash where it is not known.

    Args:
        seconds: Less than none count as none.
        padded: Two digits for the minutes of an hour and the seconds of a minute, so that a clock does not jump.
    """
    if seconds is None or not math.isfinite(seconds):
        return NONE
    left = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        amount, rest = divmod(left, size)
        if amount or parts or size == 1:
            two = padded and parts and unit != "h"
            parts.append(f"{amount:02d} {unit}" if two else f"{amount} {unit}")
            left = rest
    return " ".join(parts[:2])


_RANGE_UNITS = ((2 * 86_400, 86_400, "d"), (2 * 3_600, 3_600, "h"), (100, 60, "min"), (0, 1, "s"))  # from, size, name


def duration_range(low: float, high: float) -> str:
    """Two durations in the unit of the longer one; a dash where they are not known.

    Like ``8 to 12 min``, ``1.5 to 2.5 h``, ``about 40 s``.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return NONE
    size, unit = next((size, unit) for least, size, unit in _RANGE_UNITS if high >= least)
    short, long = (_rounded(seconds / size) for seconds in (low, high))
    if short == long:
        return _("about {time} {unit}", time=long, unit=unit)
    return _("{low} to {high} {unit}", low=short, high=long, unit=unit)


def _rounded(value: float) -> str:
    """To two figures, from 10 on to whole numbers: ``1.5``, ``12``, ``100``."""
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"


def file_size(size: float, *, space: str = " ") -> str:
    """Bytes as ``12 MiB``, below ten with one digit more."""
    units = ["bytes", "KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        del units[0]
    digits = 0 if size >= 10 or units[0] == "bytes" else 1
    return f"{size:.{digits}f}{space}{units[0]}"


def download_size(size: int | None, *, space: str = " ") -> str:
    """Bytes by powers of ten, as data sets state them: ``264 MB``, ``5.0 GB``; a dash where that is not known."""
    if size is None:
        return NONE
    for unit, least, digits in (("GB", 1e9, 1), ("MB", 1e6, 0), ("kB", 1e3, 0)):
        if round(size / least, digits) >= 1:
            return f"{size / least:.{digits}f}{space}{unit}"
    return f"{size}{space}bytes"


def moment(time: datetime, *, seconds: bool = False) -> str:
    """``2026-03-01 14:05`` in the zone of this machine, to the minute or to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
