"""The colour a run is born with: depth is the hue. Okabe and Ito's palette suits colour-blind people."""

from __future__ import annotations

OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31")
_KNOWN = {20: 0, 56: 1, 32: 2, 110: 3, 44: 4, 8: 5, 14: 6, 1202: 6}


def colour_for_depth(depth: int) -> str:
    """``#rrggbb``; depths of the paper have fixed colours, others share the same seven."""
    return OKABE_ITO[_KNOWN.get(depth, (depth // 6) % len(OKABE_ITO))]


def paler(colour: str, share: float) -> str:
    """``#rrggbb`` on its way to white: 0 is ``colour`` itself, 1 is white."""
    parts = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(part + share * (255 - part)):02x}" for part in parts)
