"""Numbers as the window shows them, with thin spaces. Tables keep the numbers; only views call these."""

from __future__ import annotations

import re

from resnet_studio.domain import text_numbers

THIN_SPACE = "\u202f"


def count_text(count: int) -> str:
    """``269722`` as ``269 722``."""
    return text_numbers.grouped(count, space=THIN_SPACE)


def counted(number: int, one: str, many: str = "") -> str:
    """``1 class``, ``2 classes``."""
    return text_numbers.counted(number, one, many, space=THIN_SPACE)


def short_count(count: float) -> str:
    """``40 551 040`` as ``40.6 M``: three figures and a unit."""
    return text_numbers.short_count(count, space=THIN_SPACE)


def size_text(size: float) -> str:
    """Bytes as ``12 MiB``."""
    return text_numbers.file_size(size, space=THIN_SPACE)


def download_text(size: int) -> str:
    """Bytes as ``264 MB``, ``5.0 GB``."""
    return text_numbers.download_size(size, space=THIN_SPACE)


def duration_text(seconds: float) -> str:
    """``3 s``, ``2 min 05 s``, ``1 h 20 min``, ``3 d 4 h``."""
    return text_numbers.duration(seconds, padded=True)


def unbroken(text: str) -> str:
    """``text`` with no line's end within a number, or between one and its percent sign."""
    return re.sub(r"(?<=\d) (?=\d{3}\b|%)", "\N{NO-BREAK SPACE}", text)
