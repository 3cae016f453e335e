"""How bytes and values are damaged: every way is drawn from one seeded generator, so that a seed is a case."""

from __future__ import annotations

import random
import struct

ODD_TEXTS = (
    "", " ", "-", "--", "---", "\n", "\t", "0", "-1", "1e309", "nan", "inf", "-inf", "9" * 40, "9" * 5000,
    "0x10", "1_0", "../../x", "/etc/passwd", "/dev/zero", "/dev/full", "~", "~root", "C:\\x", "\\\\host\\x",
    "file:///x", "folder:", "folder:/dev", "folder:/proc/self", "builtin", "cifar10", "a" * 300, "é" * 100,
    "\u202egnp.x", "\x1b[2J\x1b]0;x\x07", "\x7f\x00", "%s%n", "{name}", "{0.__class__}", "[red]x[/red]",
    "<b>x</b>", "=cmd|' /C calc'!A0", "$(touch x)", "`touch x`", "; touch x", "' OR 1=1 --", "null", "true",
    "[]", "{}", "[[]]", "\"", "'", "💥", "\ud800", "auto", "none",
)  # fmt: skip
NUMBERS = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def damaged(data: bytes, draw: random.Random) -> bytes:
    """One to four changes of one kind or another; now and then what is left is nothing."""
    for _unused in range(draw.choice((1, 1, 1, 2, 4))):
        data = draw.choice(_WAYS)(data, draw)
    return data


def _place(data: bytes, draw: random.Random) -> int:
    """Somewhere, half of the time near the beginning, where headers lie."""
    return draw.randrange(min(len(data), 256) if draw.random() < 0.5 else len(data)) if data else 0


def _bit(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + bytes((data[place] ^ 1 << draw.randrange(8),)) + data[place + 1 :] if data else data


def _bytes(data: bytes, draw: random.Random) -> bytes:
    place, count = _place(data, draw), draw.choice((1, 2, 4, 16, 256))
    return data[:place] + draw.randbytes(min(count, len(data) - place)) + data[place + count :]


def _number(data: bytes, draw: random.Random) -> bytes:
    """A length, a count or an offset that is too large, too small, or on an edge."""
    place, number = _place(data, draw), draw.choice(NUMBERS)
    form = draw.choice("HIQ") if number <= 0xFFFF else draw.choice("IQ")
    packed = struct.pack(draw.choice("<>") + form, number)
    return data[:place] + packed + data[place + len(packed) :]


def _cut(data: bytes, draw: random.Random) -> bytes:
    return data[: _place(data, draw)] if draw.random() < 0.7 else data[: max(0, len(data) - draw.randrange(1, 64))]


def _insert(data: bytes, draw: random.Random) -> bytes:
    place = _place(data, draw)
    return data[:place] + draw.choice((bytes(16), b"\xff" * 16, draw.randbytes(8))) + data[place:]


def _repeat(data: bytes, draw: random.Random) -> bytes:
    begin, end = sorted((_place(data, draw), _place(data, draw)))
    return data[:end] + data[begin:end] * draw.choice((1, 2, 30)) + data[end:] if end - begin < 65_536 else data


def _remove(data: bytes, draw: random.Random) -> bytes:
    begin, end = sorted((_place(data, draw), _place(data, draw)))
    return data[:begin] + data[end:]


def _zeros(data: bytes, draw: random.Random) -> bytes:
    begin, count = _place(data, draw), draw.choice((1, 8, 64, 512, 4096))
    return data[:begin] + bytes(min(count, len(data) - begin)) + data[begin + count :]


def _swap(data: bytes, draw: random.Random) -> bytes:
    middle = _place(data, draw)
    return data[middle:] + data[:middle] if draw.random() < 0.2 else data


_WAYS = (_bit, _bit, _bytes, _number, _number, _cut, _insert, _repeat, _remove, _zeros, _swap)
