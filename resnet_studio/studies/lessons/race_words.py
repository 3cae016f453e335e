"""What a race says, and what had been predicted of it, in sentences that the measured errors choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from resnet_studio.domain.text_numbers import percent
from resnet_studio.studies.learning import Stand, differ, learning_now, numbers_of
from resnet_studio.studies.rule import LEAST_SEEDS, MARGIN
from resnet_studio.text import _

_APART = 2.0  # percentage points between both errors of a net, from which on they are explained


@dataclass(frozen=True, slots=True)
class RaceEnd:
    """Of a race that has ended: where each net stands, and its last test error in percent, None where there is none."""

    shallow: Stand
    deep: Stand
    residual: Stand
    tests: tuple[float | None, float | None, float | None] = (None, None, None)

    @property
    def stands(self) -> tuple[Stand, Stand, Stand]:
        return self.shallow, self.deep, self.residual


def while_racing(stands: Sequence[Stand]) -> tuple[str, ...]:
    found = learning_now(stands)
    return (found,) if found else ()


def race_words(end: RaceEnd) -> tuple[str, ...]:
    """What depth did, what the shortcuts did, and how much one race is worth."""
    return (
        _depth(end.shallow, end.deep),
        _shortcut(end.deep, end.residual),
        _(
            "This is one race with one seed: it speaks of these three runs. The page Studies gives verdicts, over "
            "{least} seeds or more.",
            least=LEAST_SEEDS,
        ),
    )


def _depth(shallow: Stand, deep: Stand) -> str:
    numbers = numbers_of(deep, shallow)
    if shallow.guesses and deep.guesses:
        return _(
            "Neither {other} ({other_error}) nor {one} ({one_error}) has learned anything yet: a guess is wrong at "
            "{chance}. So this race says nothing of depth; race again.", **numbers
        )  # fmt: skip
    if not differ(shallow, deep):
        return _(
            "Depth made no clear difference here: {one} ends at a training error of {one_error}, {other} at "
            "{other_error}. A longer race may tell.", **numbers
        )  # fmt: skip
    if deep.error > shallow.error:
        return _(
            "More depth made it worse: {one} ends at a training error of {one_error}, {points} points above {other} "
            "({other_error}), on the very images that both were trained on. That is degradation.", **numbers
        )  # fmt: skip
    return _(
        "More depth did not hurt in this race: {one} ends at a training error of {one_error}, {points} points below "
        "{other} ({other_error}). That is not what the paper found; race again, or longer.", **numbers
    )  # fmt: skip


def _shortcut(deep: Stand, residual: Stand) -> str:
    numbers = numbers_of(residual, deep)
    if residual.guesses and deep.guesses:
        return _(
            "Both nets of that depth still guess, {other} at {other_error} and {one} at {one_error}: of the shortcuts "
            "it says nothing yet.", **numbers
        )  # fmt: skip
    if not differ(deep, residual):
        return _(
            "The shortcuts made no clear difference here: {one} is at {one_error}, {other} at {other_error}.", **numbers
        )
    if residual.error < deep.error:
        return _(
            "The shortcuts did that: {one} has the same layers, the same initial weights and the same batches as "
            "{other}, and ends at {one_error}, {points} points below it ({other_error}).", **numbers
        )  # fmt: skip
    return _(
        "The shortcuts did not help in this race: {one} ends at {one_error}, {points} points above {other} "
        "({other_error}). That is not what the paper found; race again, or longer.", **numbers
    )  # fmt: skip


def prediction_words(predicted: Mapping[str, float], stands: Sequence[Stand], roles: Sequence[str]) -> tuple[str, ...]:
    """Each predicted pair of curves beside the measured one; empty where fewer than two were predicted.

    Args:
        predicted: Errors in percent by role.
        stands: The nets, in the order of ``roles``.
        roles: Of the nets that raced.
    """
    known = [(predicted[role], stand) for role, stand in zip(roles, stands, strict=True) if role in predicted]
    pairs = list(combinations(known, 2))
    if not pairs:
        return ()
    right, outcomes = 0, []
    for (first, one), (second, other) in pairs:
        numbers = {"one": one.name, "other": other.name}
        expected = first - second
        if abs(expected) < MARGIN:
            said = _("{one} level with {other}", **numbers)
        elif expected < 0:
            said = _("{one} below {other}", **numbers)
        else:
            said = _("{other} below {one}", **numbers)
        differs = differ(one, other)
        agrees = (expected < 0) == (one.error < other.error) if differs else False
        hit = agrees if differs and abs(expected) >= MARGIN else not differs and abs(expected) < MARGIN
        right += hit
        if hit:
            outcomes.append(_("{said}: so it came", said=said))
        elif not differs:
            outcomes.append(_("{said}: no clear difference", said=said))
        else:
            outcomes.append(_("{said}: it came otherwise", said=said))
    return (
        _(
            "You predicted {outcomes}. {right} of {all} right.",
            outcomes="; ".join(outcomes), right=right, all=len(pairs),
        ),
    )  # fmt: skip


def too_early(*, begun: bool) -> tuple[str, ...]:
    """Of two errors that are to be compared, before the race has ended."""
    if begun:
        return (_("The race is not over: both errors of each net are drawn as they are measured."),)
    return (_("There are no errors to compare yet: they come with the race."),)


def _lag(end: RaceEnd) -> str:
    """Why the two errors of one net differ by points after a short race, where they do; else empty."""
    tests = [(stand, test) for stand, test in zip(end.stands, end.tests, strict=True) if test is not None]
    if all(abs(test - stand.error) < _APART for stand, test in tests):
        return ""
    return " " + _(
        "That the two differ in one net has two further causes: in tests batch norm uses averages that lag behind the "
        "weights while these move fast, and a training error is a mean over recent batches, of shifted and mirrored "
        "images."
    )


def overfitting_words(end: RaceEnd) -> tuple[str, ...]:
    """Whether the deeper plain net's trouble is one with new images."""
    test_shallow, test_deep, test_residual = end.tests
    shallow, deep = end.shallow, end.deep
    if test_shallow is None or test_deep is None:
        return (_("There is no test error of these runs: let the race come to its end."),)
    numbers = numbers_of(deep, shallow) | {
        "one_test": percent(test_deep, digits=1), "other_test": percent(test_shallow, digits=1),
    }  # fmt: skip
    measured = _(
        "Training error and test error: {one} {one_error} and {one_test}, {other} {other_error} and {other_test}, "
        "{third} {third_error} and {third_test}.",
        third=end.residual.name,
        third_error=percent(end.residual.error, digits=1),
        third_test=percent(test_residual, digits=1),
        **numbers,
    ) + _lag(end)
    if (shallow.guesses and deep.guesses) or not differ(shallow, deep):
        return (
            measured,
            _("On the training images the two do not differ clearly, so there is nothing to explain yet."),
        )
    if deep.error > shallow.error:
        return (
            measured,
            _(
                "{one} is worse on its own training images. A net that overfits would be better there and worse on new "
                "ones. So overfitting is not the cause.", **numbers
            ),
        )  # fmt: skip
    if test_deep > test_shallow:
        return (
            measured,
            _(
                "Here {one} is better on the training images and worse on new ones: that is what overfitting looks "
                "like, and not what the paper is about.", **numbers
            ),
        )  # fmt: skip
    return (measured, _("In this race {one} is better on both; there is no degradation to explain.", **numbers))
