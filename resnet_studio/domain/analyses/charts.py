"""Figures as values: lines, heat maps and pictures, with their words. Who draws them decides on size and colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Line:
    """Points that belong together. NaN makes a gap.

    Attributes:
        x, y: (N,).
        label: In the legend; a label that a line before it has is not repeated, an empty one not shown.
        colour: ``#rrggbb``.
        dashed: A plain net's.
        dotted: An untrained net's beside trained ones; with ``dashed``, dashes and dots.
        points: Marks instead of a line.
        bare: No marks on the line, however few its points.
        width: In pixels. Of lines that lie on one another those painted first are seen where they are the wider.
        low, high: (N,), an interval about each value, or None.
        names: The layer or block of each point; empty where points are of none.
    """

    x: Array
    y: Array
    label: str = ""
    colour: str = "#1b2330"
    dashed: bool = False
    dotted: bool = False
    points: bool = False
    bare: bool = False
    width: float = 2.0
    low: Array | None = None
    high: Array | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {len(part) for part in (self.x, self.y, self.low, self.high) if part is not None}
        lengths |= {len(self.names)} if self.names else set()
        if len(lengths) != 1:
            raise ValueError(f"x, y, their interval and names must be of one length, got {sorted(lengths)}")


@dataclass(frozen=True, eq=False)
class LineChart:
    """Lines on one pair of axes.

    Attributes:
        log: The vertical axis shows powers of ten; what is not above zero makes a gap.
        level: A line across, such as the value of doing nothing.
        from_zero: The vertical axis begins at 0; not with ``log``.
        x_range, y_range: The ends of the axes; None: of the lines, as round numbers. ``y_range`` not with ``log``.
        ticks: Marks of the horizontal axis with their words, in the place of numbers.
    """

    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...]
    log: bool = False
    level: float | None = None
    from_zero: bool = False
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    ticks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, eq=False)
class HeatMap:
    """Values as colours.

    Attributes:
        values: (rows, columns); row 0 is drawn at the top. NaN is left blank.
        low, high: The ends of the colour scale; None: of the values.
        x, y: Positions of the first and the last column and row, None: counted from 1.
        rows, columns: The layer or block of each; empty where they are of none.
    """

    title: str
    x_title: str
    y_title: str
    values: Array
    low: float | None = None
    high: float | None = None
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 2:
            raise ValueError(f"values must be (rows, columns), got {self.values.shape}")
        named = len(self.rows) or self.values.shape[0], len(self.columns) or self.values.shape[1]
        if named != self.values.shape:
            raise ValueError(f"names must be those of {self.values.shape} rows and columns, got {named}")


@dataclass(frozen=True, eq=False)
class Picture:
    """An image: uint8 (H, W, 3), drawn with sharp pixels; ``block``: of which layer or block, empty: of none."""

    title: str
    pixels: npt.NDArray[np.uint8]
    block: str = ""

    def __post_init__(self) -> None:
        if self.pixels.ndim != 3 or self.pixels.shape[2] != 3 or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be uint8 (H, W, 3), got {self.pixels.dtype} {self.pixels.shape}")


def belongs(name: str, block: str) -> bool:
    """Whether ``name`` is that block, or a layer in it such as ``stage1.block2.conv1``."""
    return bool(block) and (name == block or name.startswith(f"{block}."))


Panel = LineChart | HeatMap | Picture


@dataclass(frozen=True, eq=False)
class Figure:
    """Panels, row by row.

    Attributes:
        title: The finding in numbers.
        columns: Panels side by side.
    """

    title: str
    panels: tuple[Panel, ...]
    columns: int = 1
