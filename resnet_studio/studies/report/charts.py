"""Drawings of a report as inline SVG: dots of seeds with their interval, curves, error against depth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt

from resnet_studio.domain.colours import colour_for_depth
from resnet_studio.domain.enums import Activation
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW, Series
from resnet_studio.domain.statistics import t_interval
from resnet_studio.domain.text_numbers import grouped, true_minus
from resnet_studio.studies.plan import Arm
from resnet_studio.studies.report.markup import Markup, element, joined
from resnet_studio.studies.rule import MARGIN
from resnet_studio.studies.stored import StoredStudy
from resnet_studio.studies.verdicts import Verdict
from resnet_studio.text import _

_WIDTH, _HEIGHT = 760, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 10, 34
_POINTS = 200  # of a curve
_THIN_LINES = 60  # runs that are also drawn one by one
_DASHED = "6 4"
_KEY_SAMPLE, _KEY_CHARACTER, _KEY_ROW = 54, 7, 18  # of what the lines are, in pixels
_MARKS = ("", "2 3", "8 3 2 3", "1 4")  # dashes that tell nets of one depth apart


@dataclass(frozen=True, slots=True)
class _Axes:
    """From values to places in the drawing."""

    x: tuple[float, float]
    y: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1)
        up = (y - self.y[0]) / ((self.y[1] - self.y[0]) or 1)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)


def dots(verdict: Verdict) -> Markup:
    """Differences of all seeds on a line with zero, the margin and the interval; empty without a seed."""
    values = [pair.difference for pair in verdict.pairs]
    if not values:
        return Markup("")
    judged = verdict.judgement
    ends = [*values, 0.0, -MARGIN, MARGIN, *(end for end in (judged.low, judged.high) if end is not None)]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low)
    low, high = low - room, high + room

    def x(value: float) -> float:
        return 20 + (value - low) / (high - low) * (_WIDTH - 40)

    parts = [
        element("rect", x=x(-MARGIN), y=14, width=x(MARGIN) - x(-MARGIN), height=52, class_="margin"),
        element("line", x1=x(0), x2=x(0), y1=8, y2=72, class_="zero"),
    ]
    if judged.low is not None and judged.high is not None and judged.estimate is not None:
        parts += [
            element("line", x1=x(judged.low), x2=x(judged.high), y1=52, y2=52, class_="interval"),
            *(
                element("line", x1=x(end), x2=x(end), y1=46, y2=58, class_="interval")
                for end in (judged.low, judged.high)
            ),
            element("rect", x=x(judged.estimate) - 4, y=48, width=8, height=8, class_="mean"),
        ]
    for place, pair in enumerate(verdict.pairs):
        seen = place < judged.used
        title = element("title", _("seed {seed}: {value:.2f} points", seed=pair.seed, value=pair.difference))
        parts.append(
            element("circle", title, cx=x(pair.difference), cy=28, r=4.5, class_="seed" if seen else "seed unseen")
        )
    for value in round_ticks(low, high, 8):
        parts.append(element("text", _plain(value), x=x(value), y=88, class_="tick", text_anchor="middle"))
    alt = _("Differences by seed, in points: {values}", values=", ".join(f"{value:.2f}" for value in values))
    return _svg(parts, 96, alt)


def curves(found: StoredStudy, series: Series, title: str, *, key: bool = False) -> Markup:
    """Each net's mean over its seeds, thick, and each seed, thin; empty without a point.

    With ``key``, what the lines are is part of the drawing, and not HTML below it.
    """
    lines: list[tuple[Arm, list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]]] = []
    for arm in found.plan.arms:
        runs = [p.run for p in found.places if p.arm is arm and p.run is not None and p.done]
        own = [_smooth(found, run.id, series) for run in runs]
        if drawn := [line for line in own if len(line[0])]:
            lines.append((arm, drawn))
    if not lines:
        return Markup("")
    every = [line for _arm, drawn in lines for line in drawn]
    longest = max(float(line[0][-1]) for line in every)
    highest = max((float(np.nanmax(line[1])) for line in every if np.isfinite(line[1]).any()), default=100.0)
    axes = _Axes((0.0, longest), (0.0, _ceiling(highest)))
    parts = list(_grid(axes, grouped_ticks=True, across=_("iterations"), up=title))
    thin = len(every) <= _THIN_LINES
    for arm, drawn in lines:
        if thin and len(drawn) > 1:
            parts += [_path(axes, line, arm, "thin", found) for line in drawn]
        parts.append(_path(axes, _mean(drawn), arm, "thick", found))
    arms = [arm for arm, _drawn in lines]
    if key:
        return _with_key(parts, title, [(_colour(arm), _dash(arm, found), arm.label) for arm in arms])
    return joined((_svg(parts, _HEIGHT, title), _legend(arms, found)))


def against_depth(
    found: StoredStudy, error: Callable[[str, int], float | None], title: str, *, key: bool = False
) -> Markup:
    """Seeds as dots over the depth, their mean with its 95 % interval, a line for each kind; empty below 3 depths.

    ``key`` is as of :func:`curves`.
    """
    kinds: dict[tuple[object, ...], dict[int, list[float]]] = {}
    for arm in found.plan.arms:
        network = arm.spec.network
        values = [error(arm.key, seed) for seed in dict.fromkeys(place.seed for place in found.places)]
        known = [value for value in values if value is not None]
        if known:
            kinds.setdefault(_kind(network), {})[network.depth] = known
    depths = sorted({depth for kind in kinds.values() for depth in kind})
    if len(depths) < 3:
        return Markup("")
    highest = max(value for kind in kinds.values() for values in kind.values() for value in values)
    axes = _Axes((float(depths[0]), float(depths[-1])), (0.0, _ceiling(highest)))
    parts = list(_grid(axes, ticks=[float(depth) for depth in depths], across=_("layers"), up=title))
    for kind, by_depth in kinds.items():
        colour = "#D55E00" if kind[0] else "#0072B2"
        means = [(float(depth), fmean(by_depth[depth])) for depth in sorted(by_depth)]
        places = [axes.at(*place) for place in means]
        dash = {} if kind[0] else {"stroke_dasharray": _DASHED}
        parts.append(element("path", d=_moves(places), stroke=colour, fill="none", stroke_width=2, **dash))
        for depth, errors in by_depth.items():
            parts += [
                element("circle", cx=x, cy=y, r=3.0, fill=colour, fill_opacity=0.55)
                for x, y in (axes.at(float(depth), value) for value in errors)
            ]
            if len(errors) > 1:
                interval = t_interval(errors)
                x, low = axes.at(float(depth), max(0.0, interval.low))
                _x, high = axes.at(float(depth), min(100.0, interval.high))
                parts.append(element("line", x1=x, x2=x, y1=low, y2=high, stroke=colour, stroke_width=1.5))
    if key:
        names = [("#D55E00" if kind[0] else "#0072B2", "" if kind[0] else _DASHED, _kind_words(kind)) for kind in kinds]
        return _with_key(parts, title, names)
    words = [
        element("span", element("i", "", style=f"border-top:2px {'solid' if kind[0] else 'dashed'} "
                                f"{'#D55E00' if kind[0] else '#0072B2'}"), _kind_words(kind), class_="key")
        for kind in kinds
    ]  # fmt: skip
    return joined((_svg(parts, _HEIGHT, title), element("p", *words, class_="legend")))


def _kind(network: NetworkSpec) -> tuple[object, ...]:
    return (network.residual, network.shortcut, network.branch, network.activation)


def _kind_words(kind: tuple[object, ...]) -> str:
    words = [_("residual") if kind[0] else _("plain"), *([str(kind[1])] if kind[0] else [])]
    if kind[3] is Activation.PRE:
        words.append(_("pre-activation"))
    return ", ".join([*words, str(kind[2])])


def _smooth(found: StoredStudy, run_id: str, series: Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A curve of at most ``_POINTS`` points; of training errors each the mean of a stretch."""
    curve = found.curves.get((run_id, series))
    if curve is None or not len(curve):
        return np.empty(0), np.empty(0)
    x, y = curve.iterations.astype(np.float64), curve.values.astype(np.float64)
    least = TRAINING_ERROR_WINDOW if series is Series.TRAINING_ERROR else 1
    step = max(math.ceil(len(x) / _POINTS), min(least, max(1, len(x) // 8)))
    whole = len(x) // step * step
    if not whole:
        return x, y
    return x[:whole].reshape(-1, step)[:, -1], y[:whole].reshape(-1, step).mean(axis=1)


def _mean(
    lines: Sequence[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """As far as all of them go."""
    length = min(len(line[0]) for line in lines)
    return lines[0][0][:length], np.mean([line[1][:length] for line in lines], axis=0)


def _path(
    axes: _Axes, line: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], arm: Arm, kind: str, found: StoredStudy
) -> Markup:
    good = np.isfinite(line[1])
    places = [axes.at(float(x), float(y)) for x, y in zip(line[0][good], line[1][good], strict=True)]
    style: dict[str, object] = {"stroke": _colour(arm), "class_": kind, "fill": "none"}
    if dash := _dash(arm, found):
        style["stroke_dasharray"] = dash
    return element("path", d=_moves(places), **style)


def _colour(arm: Arm) -> str:
    return colour_for_depth(arm.spec.network.depth)


def _dash(arm: Arm, found: StoredStudy) -> str:
    """Plain nets are dashed; residual nets of one depth differ by finer marks, the first one solid."""
    if not arm.spec.network.residual:
        return _DASHED
    depth = arm.spec.network.depth
    same = [a for a in found.plan.arms if a.spec.network.residual and a.spec.network.depth == depth]
    return _MARKS[same.index(arm) % len(_MARKS)]


def _legend(arms: Sequence[Arm], found: StoredStudy) -> Markup:
    def sample(arm: Arm) -> Markup:
        dash: dict[str, object] = {"stroke_dasharray": _dash(arm, found)} if _dash(arm, found) else {}
        line = element("line", x1=0, x2=26, y1=5, y2=5, stroke=_colour(arm), stroke_width=2, **dash)
        return element("svg", line, width=26, height=10, aria_hidden="true")

    return element("p", *(element("span", sample(arm), arm.label, class_="key") for arm in arms), class_="legend")


def _moves(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places) if places else ""


def _grid(
    axes: _Axes, *, across: str, up: str, grouped_ticks: bool = False, ticks: Sequence[float] = ()
) -> Iterator[Markup]:
    for value in round_ticks(*axes.y, 5):
        x, y = axes.at(axes.x[0], value)
        yield element("line", x1=x, x2=_WIDTH - _RIGHT, y1=y, y2=y, class_="grid")
        yield element("text", _plain(value), x=x - 6, y=y + 4, class_="tick", text_anchor="end")
    for value in ticks or round_ticks(*axes.x, 6):
        x, y = axes.at(value, axes.y[0])
        text = grouped(round(value)) if grouped_ticks else _plain(value)
        yield element("text", text, x=x, y=y + 15, class_="tick", text_anchor="middle")
    yield element("text", across, x=_WIDTH - _RIGHT, y=_HEIGHT - 4, class_="tick", text_anchor="end")
    yield element("text", f"{up}, %", x=_LEFT + 4, y=_TOP + 9, class_="tick")


def round_ticks(low: float, high: float, count: int) -> list[float]:
    """Round values between the two."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * each for each in (1, 2, 5, 10) if size * each >= raw)
    first = math.ceil(low / step)
    return [step * number for number in range(first, math.floor(high / step) + 1)]


def _ceiling(value: float) -> float:
    """The next ten percent above."""
    return min(100.0, max(1.0, 10 * math.ceil(value / 10) if value > 5 else math.ceil(value)))


def _plain(value: float) -> str:
    return true_minus(f"{value:g}") if abs(value) > 1e-9 else "0"


def _with_key(parts: Sequence[Markup], title: str, names: Sequence[tuple[str, str, str]]) -> Markup:
    """The drawing with a row below for colour, dashes and name of each line."""
    drawn, x, y = list(parts), float(_LEFT), _HEIGHT + 12
    for colour, dash, name in names:
        width = _KEY_SAMPLE + _KEY_CHARACTER * len(name)
        if x + width > _WIDTH and x > _LEFT:
            x, y = float(_LEFT), y + _KEY_ROW
        dashes: dict[str, object] = {"stroke_dasharray": dash} if dash else {}
        drawn.append(element("line", x1=x, x2=x + 26, y1=y, y2=y, stroke=colour, stroke_width=2, **dashes))
        drawn.append(element("text", name, x=x + 32, y=y + 4, class_="tick"))
        x += width
    return _svg(drawn, y + 10, title)


def _svg(parts: Sequence[Markup], height: int, alt: str) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {_WIDTH} {height}", role="img", aria_label=alt, class_="chart")
