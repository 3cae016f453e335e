"""Numbers as people read them. Tables keep the numbers; only views call these."""

from __future__ import annotations

THIN_SPACE = "\u202f"


def count_text(count: int) -> str:
    """``269722`` as ``269 722``, with thin spaces."""
    return f"{count:,}".replace(",", THIN_SPACE)


def short_count(count: float) -> str:
    """``40 551 040`` as ``40.6 M``: three figures and a unit."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= 0.9995 * size:
            return f"{count / size:.3g}{THIN_SPACE}{unit}" if count < 999.5 * size else f"{count / size:.0f}{unit}"
    return f"{count:.0f}"


def size_text(size: float) -> str:
    """Bytes as ``12 MiB``."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f}{THIN_SPACE}{unit}" if size >= 10 or unit == "bytes" else f"{size:.1f}{THIN_SPACE}{unit}"
        size /= 1024
    raise AssertionError("GiB is the last unit")


def duration_text(seconds: float) -> str:
    """``3 s``, ``2 min 05 s``, ``1 h 20 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days} d {hour} h"
    if hours:
        return f"{hours} h {minute:02d} min"
    if minutes:
        return f"{minutes} min {second:02d} s"
    return f"{second} s"
