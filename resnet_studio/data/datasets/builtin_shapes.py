"""The ten shapes of the built-in images as signed distances: negative inside, about 1 a radius.

Only additions, products, quotients, square roots, comparisons and roundings of float32 arrays are used. IEEE 754 fixes
each of them to the last bit, so a shape is the same on every machine; sines and logarithms would not be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.floating[Any]]  # float32 in fact
Distance = Callable[[Plane, Plane], Plane]

_SIN_60, _SIN_36, _COS_36 = 0.8660254037844386, 0.5877852522924731, 0.8090169943749475


def disc(u: Plane, v: Plane) -> Plane:
    return np.sqrt(u * u + v * v) - 0.92


def ring(u: Plane, v: Plane) -> Plane:
    return np.abs(np.sqrt(u * u + v * v) - 0.74) - 0.2


def crescent(u: Plane, v: Plane) -> Plane:
    """A disc without another one to its right."""
    bite = u - 0.5
    return np.maximum(np.sqrt(u * u + v * v) - 0.95, 0.72 - np.sqrt(bite * bite + v * v))


def square(u: Plane, v: Plane) -> Plane:
    return np.maximum(np.abs(u), np.abs(v)) - 0.8


def triangle(u: Plane, v: Plane) -> Plane:
    """Three equal sides, point upwards."""
    return np.maximum(np.abs(u) * _SIN_60 - v * 0.5, v) - 0.52


def cross(u: Plane, v: Plane) -> Plane:
    a, b = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(a, b) - 0.95, np.minimum(a, b) - 0.27)


def star(u: Plane, v: Plane) -> Plane:
    """Five points: the plane is folded along two mirrors onto half a point, whose edge is a line."""
    a, b = np.abs(u), -v
    fold = np.maximum(a * _COS_36 - b * _SIN_36, 0.0) * 2.0
    a, b = a - fold * _COS_36, b + fold * _SIN_36
    fold = np.maximum(-a * _COS_36 - b * _SIN_36, 0.0) * 2.0
    a, b = np.abs(a + fold * _COS_36), b + fold * _SIN_36
    # The edge runs from the point (0, 1) to the notch 0.42 from the centre, 36 degrees aside.
    edge_a, edge_b = 0.42 * _SIN_36, 0.42 * _COS_36 - 1.0
    length = (edge_a * edge_a + edge_b * edge_b) ** 0.5
    distance: npt.NDArray[np.floating[Any]] = (a * -edge_b + (b - 1.0) * edge_a) / length
    return distance


def stripes(u: Plane, v: Plane) -> Plane:
    """Three bars side by side in a square."""
    bars = 0.15 - np.abs(_fraction(u * 1.65 + 0.5) - 0.5) / 1.65  # positive within a bar
    distance: npt.NDArray[np.floating[Any]] = np.maximum(np.maximum(np.abs(u), np.abs(v)) - 0.85, -bars)
    return distance


def checkerboard(u: Plane, v: Plane) -> Plane:
    """Four by four fields in a square."""
    a = 0.25 - np.abs(_fraction(u * 1.0) - 0.5)
    b = 0.25 - np.abs(_fraction(v * 1.0) - 0.5)
    fields = np.maximum(np.minimum(a, b), np.minimum(-a, -b))  # positive where a and b have one sign
    distance: npt.NDArray[np.floating[Any]] = np.maximum(np.maximum(np.abs(u), np.abs(v)) - 1.0, -fields)
    return distance


def spiral(u: Plane, v: Plane) -> Plane:
    """Two turns of a band that leaves the centre."""
    radius = np.sqrt(u * u + v * v)
    phase = radius * 2.1 - _turn(u, v)
    distance: npt.NDArray[np.floating[Any]] = np.maximum(radius - 0.98, (np.abs(_fraction(phase) - 0.5) - 0.21) / 2.1)
    return distance


def _fraction(x: Plane) -> Plane:
    return x - np.floor(x)


def _turn(u: Plane, v: Plane) -> Plane:
    """The angle of (u, v) in turns, 0..1, off by less than 0.001: a rational stand-in for the arc tangent."""
    a, b = np.abs(u), np.abs(v)
    ratio = np.minimum(a, b) / (np.maximum(a, b) + 1e-6)
    eighth = ratio * (0.125 + 0.0434 * (1.0 - ratio))
    turn = np.where(b > a, 0.25 - eighth, eighth)
    turn = np.where(u < 0, 0.5 - turn, turn)
    return np.where(v < 0, 1.0 - turn, turn)


# In the order of the class names, which are theirs.
SHAPES: tuple[Distance, ...] = (
    disc, crescent, ring, spiral, square, checkerboard, triangle, star, cross, stripes,
)  # fmt: skip
