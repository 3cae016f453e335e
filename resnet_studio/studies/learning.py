"""Whether networks have begun to learn: their training errors beside the error of a guess."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import percent
from resnet_studio.domain.word_lists import all_of
from resnet_studio.studies.rule import MARGIN
from resnet_studio.studies.run_results import RunResult
from resnet_studio.text import _, _n

_LEAST = 2.0  # percentage points below chance; nearer to it nobody has learned anything worth the name
_SURE = 3.0  # standard errors
_NAMED_AT_MOST = 3
_LESIONED = 3  # nets from which blocks are taken at a time, at most
_WORDS = {2: _("Both"), 3: _("All three"), 4: _("All four"), 5: _("All five"), 6: _("All six")}


@dataclass(frozen=True, slots=True)
class Stand:
    """How one run stands: the name it is shown by, and its training error in percent over its last ``iterations``."""

    run: RunRecord
    name: str
    error: float
    iterations: int

    @property
    def guesses(self) -> bool:
        return guesses(self.error, self.run, self.iterations)

    @property
    def noise(self) -> float:
        """Variance of the error, of a share of so many images."""
        share = self.error / 100
        return 100.0**2 * share * (1 - share) / (max(self.iterations, 1) * self.run.spec.recipe.batch_size)


def stand_of(result: RunResult) -> Stand | None:
    """Of a run that has ended; a diverged one counts as wrong in all. None where no training error is known."""
    error = result.counted(result.training_error)
    if error is None:
        return None
    return Stand(result.run, result.run.name, error, min(TRAINING_ERROR_WINDOW, result.run.iteration))


def differ(one: Stand, other: Stand) -> bool:
    """Whether their errors are a point and more apart, and more than chance puts between two shares."""
    return abs(one.error - other.error) >= max(MARGIN, _SURE * math.sqrt(one.noise + other.noise))


def numbers_of(one: Stand, other: Stand) -> dict[str, str]:
    """What sentences on two of them name."""
    return {
        "one": one.name, "other": other.name,
        "one_error": percent(one.error, digits=1), "other_error": percent(other.error, digits=1),
        "points": f"{abs(one.error - other.error):.1f}", "chance": percent(chance_error(one.run), digits=0),
    }  # fmt: skip


def chance_error(run: RunRecord) -> float:
    """Error in percent of one who guesses among the network's classes, each as frequent as the others."""
    return 100.0 - 100.0 / run.spec.network.classes


def guesses(error: float, run: RunRecord, iterations: int) -> bool:
    """Whether an error in percent, the mean of the last ``iterations`` batches, cannot be told from chance."""
    chance = chance_error(run) / 100
    images = max(iterations, 1) * run.spec.recipe.batch_size
    deviation = 100.0 * math.sqrt(chance * (1 - chance) / images)
    return error > 100.0 * chance - max(_LEAST, _SURE * deviation)


def learned(stands: Sequence[Stand]) -> list[Stand]:
    """Those that no longer guess, the deepest residual ones first, three at most.

    Taking out a block shows something in them alone.
    """
    able = [stand for stand in stands if math.isfinite(stand.error) and not stand.guesses]
    able.sort(key=lambda stand: (not stand.run.residual, -stand.run.spec.network.depth))
    return able[:_LESIONED]


def learning_now(stands: Sequence[Stand]) -> str:
    """One sentence: who still guesses and who learns; empty without an error.

    Where some guess, those alone are said to learn whose error clearly differs from theirs.
    """
    stands = [stand for stand in stands if math.isfinite(stand.error)]
    if not stands:
        return ""
    guessing = [stand for stand in stands if stand.guesses]
    learning = [stand for stand in stands if not stand.guesses]
    if not learning:
        chance = percent(chance_error(stands[0].run), digits=1)
        if len(stands) == 1:
            return _("{name} still guesses: chance is {chance}.", name=stands[0].name, chance=chance)
        return _("{all} still guess: chance is {chance}.", all=_all(len(stands)), chance=chance)
    if guessing:
        chance = percent(chance_error(stands[0].run), digits=1)
        learning = [stand for stand in learning if all(differ(stand, other) for other in guessing)]
        if not learning:
            return _("{all} are near chance so far ({chance}).", all=_all(len(stands)), chance=chance)
        return _(
            "{guessing} ({chance}) while {learning}.",
            guessing=_n("{names} stays at chance", "{names} stay at chance", len(guessing), names=_names(guessing)),
            chance=chance,
            learning=_n("{names} learns", "{names} learn", len(learning), names=_names(learning)),
        )
    low, high = (choose(stands, key=lambda stand: stand.error) for choose in (min, max))
    if len(stands) == 1:
        return _("{name} learns: its training error is {error}.", name=low.name, error=percent(low.error, digits=1))
    if not differ(low, high):
        return _("{all} learn, so far without a clear difference.", all=_all(len(stands)))
    return _(
        "{all} learn: the training error of {low} is the lowest now ({low_error}), that of {high} the highest "
        "({high_error}).",
        all=_all(len(stands)),
        low=low.name,
        low_error=percent(low.error, digits=1),
        high=high.name,
        high_error=percent(high.error, digits=1),
    )


def _all(count: int) -> str:
    return _WORDS.get(count) or _("All {count}", count=count)


def _names(stands: Sequence[Stand]) -> str:
    """``a, b and c``; of more than three how many they are."""
    names = [stand.name for stand in stands]
    if len(names) > _NAMED_AT_MOST:
        return _("{count} runs", count=len(names))
    return all_of(names)
