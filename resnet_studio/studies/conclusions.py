"""What finished runs say of depth and shortcuts, in plain words, and no more than their numbers show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import grouped, percent
from resnet_studio.studies.catalog import LONGER, find_study
from resnet_studio.studies.learning import guesses
from resnet_studio.studies.verdicts import EQUAL_WITHIN, Outcome
from resnet_studio.text import _, _n

_MACHINE = frozenset({"loading", "precision", "layout", "engine", "exact", "device"})
_COMMON = ("family", "branch", "width", "widths", "stem", "image_size", "classes")
_KIND = ("residual", "shortcut", "activation", "stride_place", "zero_padding")
_SURE = 2.0  # standard errors


@dataclass(frozen=True, slots=True)
class _Level:
    """Where one network ended: the mean of its seeds' training errors, and the variance of that mean."""

    results: tuple[Outcome, ...]

    @property
    def label(self) -> str:
        return self.results[0].label

    @property
    def depth(self) -> int:
        return self.results[0].depth

    @property
    def errors(self) -> list[float]:
        return [result.training_error for result in self.results if result.training_error is not None]

    @property
    def error(self) -> float:
        return fmean(self.errors)

    @property
    def noise(self) -> float:
        """Of several seeds as they scatter; of one, as a share of so many images scatters."""
        if len(self.errors) > 1:
            return variance(self.errors) / len(self.errors)
        share, run = self.error / 100, self.results[0].run
        images = min(TRAINING_ERROR_WINDOW, max(run.iteration, 1)) * run.spec.recipe.batch_size
        return 100.0**2 * share * (1 - share) / images

    @property
    def guesses(self) -> bool:
        run = self.results[0].run
        return guesses(self.error, run, min(TRAINING_ERROR_WINDOW, run.iteration))


def conclusion(results: Sequence[Outcome]) -> str:
    """Deep against shallow of each kind, then plain against residual; one line for each recipe and data set.

    Only finished runs that differ in nothing but depth, shortcuts and seeds are compared, by their training errors:
    a network that is worse on the very images it is trained on does not overfit. Empty where nothing can be compared.
    """
    groups: dict[object, list[Outcome]] = {}
    for result in results:
        if result.run.status is RunStatus.FINISHED and result.training_error is not None:
            groups.setdefault(_setting(result), []).append(result)
    found = [(group[0], text) for group in groups.values() if (text := _of_group(group))]
    if len(found) < 2:
        return "".join(text for _unused, text in found)
    return "\n".join(
        _(
            "{data}, {iterations} iterations: {text}",
            data=first.run.spec.data.label,
            iterations=grouped(first.run.iterations),
            text=text,
        )
        for first, text in found
    )


def _setting(result: Outcome) -> object:
    """What runs must share to be compared."""
    spec = result.run.spec
    recipe = spec.without_seeds().recipe.model_dump(exclude=set(_MACHINE))
    common = [getattr(spec.network, name) for name in _COMMON]
    images = result.run.environment.get("data_sha256", "")
    return repr((recipe, common, spec.data.model_dump(), spec.start_from, images))


def _of_group(results: Sequence[Outcome]) -> str:
    """By kind and depth; a seed counts for a comparison only where both sides have it."""
    kinds: dict[tuple[object, ...], dict[int, list[Outcome]]] = {}
    for result in results:
        network = result.run.spec.network
        kind = tuple(getattr(network, name) for name in _KIND)
        kinds.setdefault(kind, {}).setdefault(result.depth, []).append(result)
    sentences: list[str] = []
    seeds: set[int] = set()
    for kind in sorted(kinds, key=str):
        depths = kinds[kind]
        pair = _paired(depths[min(depths)], depths[max(depths)]) if len(depths) > 1 else None
        if pair is not None:
            sentences.append(_depth_sentence(*pair))
            seeds.add(len(pair[0].results))
    plain = [depths for kind, depths in kinds.items() if not kind[0]]
    residual = [depths for kind, depths in kinds.items() if kind[0]]
    if len(plain) == 1:
        for depths in residual:
            common = set(plain[0]) & set(depths)
            pair = _paired(plain[0][max(common)], depths[max(common)]) if common else None
            if pair is not None:
                sentences.append(_shortcut_sentence(*pair, alone=len(residual) == 1))
                seeds.add(len(pair[0].results))
    if not sentences:
        return ""
    text = " ".join(sentences)
    if seeds == {1}:
        return _("In this run, with one seed: {text}", text=text)
    if len(seeds) == 1:
        return _n("With {count} seed: {text}", "On the mean of {count} seeds: {text}", max(seeds), text=text)
    return _("On the mean of {least} to {most} seeds: {text}", least=min(seeds), most=max(seeds), text=text)


def _paired(first: Sequence[Outcome], second: Sequence[Outcome]) -> tuple[_Level, _Level] | None:
    """Both with the seeds that they share, one run a seed; None without any."""
    sides = [{result.run.spec.recipe.seeds: result for result in reversed(side)} for side in (first, second)]
    shared = sorted(sides[0].keys() & sides[1].keys())
    if not shared:
        return None
    one, other = (_Level(tuple(side[seeds] for seeds in shared)) for side in sides)
    return one, other


def _clear(first: _Level, second: _Level) -> bool:
    least = max(EQUAL_WITHIN, _SURE * math.sqrt(first.noise + second.noise))
    return abs(second.error - first.error) >= least


def _depth_sentence(shallow: _Level, deep: _Level) -> str:
    residual = shallow.results[0].run.residual
    if shallow.guesses and deep.guesses:
        return _("{shallow} and {deep} still guess.", shallow=shallow.label, deep=deep.label)
    if not _clear(shallow, deep):
        what = (
            _("with shortcuts depth makes no clear difference")
            if residual
            else _("depth makes no clear difference to the plain nets")
        )
    elif deep.error < shallow.error:
        what = _("with shortcuts more layers help") if residual else _("more layers help the plain nets")
    elif residual:
        iterations = shallow.results[0].run.iterations
        what = (
            _("with shortcuts, too, more layers are behind after {count} iterations", count=grouped(iterations))
            if iterations >= LONGER.iterations
            else _(
                "{count} iterations are too few to show depth pay off; the study “{study}” trains longer",
                count=grouped(iterations),
                study=find_study("degradation-long").title,
            )
        )
    elif deep.guesses:
        what = _("the deeper plain net has not begun to learn")
    else:
        what = _("more layers made the plain net worse, on the very images it is trained on")
    return _(
        "{deep} ends at a training error of {deep_error}, {shallow} at {shallow_error}: {what}.",
        deep=deep.label,
        deep_error=percent(deep.error, digits=1),
        shallow=shallow.label,
        shallow_error=percent(shallow.error, digits=1),
        what=what,
    )


def _shortcut_sentence(plain: _Level, residual: _Level, *, alone: bool) -> str:
    start = (
        _("At {depth} layers, with shortcuts", depth=plain.depth)
        if alone
        else _("At {depth} layers, with {label},", depth=plain.depth, label=residual.label)
    )
    numbers = _(
        "({residual} against {plain})",
        residual=percent(residual.error, digits=1),
        plain=percent(plain.error, digits=1),
    )
    points = abs(residual.error - plain.error)
    if plain.guesses and residual.guesses:
        return _(
            "At {depth} layers, {plain} and {residual} still guess.",
            depth=plain.depth,
            plain=plain.label,
            residual=residual.label,
        )
    if not _clear(plain, residual):
        return _("{start} the training error is not clearly another {numbers}.", start=start, numbers=numbers)
    if residual.error < plain.error:
        return _(
            "{start} the training error is {points:.1f} points lower {numbers}.",
            start=start,
            points=points,
            numbers=numbers,
        )
    return _(
        "{start} the training error is {points:.1f} points higher {numbers}.",
        start=start,
        points=points,
        numbers=numbers,
    )
