"""What the analyses of the lessons say, in sentences that the measured values choose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from resnet_studio.domain.analyses.construct import Construction
from resnet_studio.domain.analyses.lesion import Lesion
from resnet_studio.domain.analyses.paths import Paths
from resnet_studio.domain.analyses.responses import BlockResponse, Responses
from resnet_studio.domain.analyses.result import AnalysisResult, rounded
from resnet_studio.domain.analyses.shattered import Shattered
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.text_numbers import grouped, percent, short_count
from resnet_studio.studies.lessons.race_words import RaceEnd
from resnet_studio.text import _, _n

Results = Sequence[AnalysisResult]
_ALIKE = 0.1  # a cosine below which neighbouring gradients have next to nothing in common
_LEVEL = 1.25  # a growth between its inverse and itself is neither growth nor decay worth the name
_TRIFLE = 1.0  # percentage points of a lesion that hardly matters
_LITTLE = 5.0  # points; a net with a high error that loses no more has nothing to lose


def signal_words(results: Results, _race: RaceEnd | None) -> tuple[str, ...]:
    found = [cast(SignalCheck, one) for one in results]
    said = [_growth(one) for one in found]
    plain = next((one for one in found if not one.net.residual), None)
    residual = next((one for one in found if one.net.residual), None)
    if plain is not None and np.isfinite(plain.growth):
        said.append(_saying(plain, residual))
    if residual is not None:
        below = int((residual.gains < 1.0).sum())
        numbers = {"network": residual.net.label, "of": len(residual.gains), "least": f"{residual.gains.min():.2f}"}
        said.append(
            _n(
                "“At least 1 with a shortcut”: in {network} the gain of {count} of {of} blocks is below 1, the "
                "smallest is {least}.",
                "“At least 1 with a shortcut”: in {network} the gains of {count} of {of} blocks are below 1, the "
                "smallest is {least}.",
                below,
                **numbers,
            )
            if below
            else _("“At least 1 with a shortcut”: so it is here, the smallest gain of {network} is {least}.", **numbers)
        )
    return tuple(said)


def _growth(one: SignalCheck) -> str:
    name = one.net.label
    if not np.isfinite(one.growth):
        return _("In {network} the gradient could not be followed: it is not a finite number.", network=name)
    if one.growth > _LEVEL:
        return _(
            "{network}: from the last block back to the first the gradient grows {times} times.",
            network=name,
            times=rounded(one.growth),
        )
    if one.growth < 1 / _LEVEL:
        return _(
            "{network}: from the last block back to the first the gradient shrinks to {share}.",
            network=name,
            share=rounded(one.growth),
        )
    return _("{network}: the gradient stays about as large, {times} times.", network=name, times=rounded(one.growth))


def _saying(plain: SignalCheck, residual: SignalCheck | None) -> str:
    if plain.growth < 1 / _LEVEL:
        return _("“Gradients vanish in a deep plain net”: here, before training, they do.")
    if plain.growth <= _LEVEL:
        return _("“Gradients vanish in a deep plain net”: here, before training, they do not.")
    if residual is None or residual.growth >= plain.growth:
        return _(
            "“Gradients vanish in a deep plain net”: here, before training, they grow towards the input instead. "
            "Batch norm is known to cause that (Yang and others, 2019)."
        )
    return _(
        "“Gradients vanish in a deep plain net”: here, before training, they grow towards the input instead, {times} "
        "times as much as with shortcuts. Batch norm is known to cause that (Yang and others, 2019); the paper does "
        "not blame vanishing gradients.",
        times=rounded(plain.growth / residual.growth),
    )


def shattered_words(results: Results, _race: RaceEnd | None) -> tuple[str, ...]:
    found = [cast(Shattered, one) for one in results]
    said = []
    for one in found:
        cosine = one.cosine[1]
        numbers = {"network": one.net.label, "cosine": f"{cosine:.2f}"}
        if cosine < _ALIKE:
            said.append(
                _(
                    "{network}: cosine {cosine}. One small step on, the gradient has next to nothing in common with "
                    "the one before; it looks like noise.", **numbers
                )
            )  # fmt: skip
        else:
            said.append(_("{network}: cosine {cosine}. Neighbouring images agree to that degree.", **numbers))
    plain = next((one for one in found if not one.net.residual), None)
    residual = next((one for one in found if one.net.residual), None)
    if plain is not None and residual is not None:
        if residual.cosine[1] > plain.cosine[1] + _ALIKE:
            said.append(
                _(
                    "Same layers, same weights: the shortcuts alone make the difference. What raises the score at one "
                    "point raises it next door too in the residual net, and hardly in the plain one."
                )
                if plain.cosine[1] < _ALIKE
                else _("Same layers, same weights: the shortcuts alone make the difference.")
            )
        else:
            said.append(_("At this depth the shortcuts make no clear difference to it."))
        said.append(_("This is so before training. It does not prove why training goes as it does."))
    return tuple(said)


def lesion_words(results: Results, _race: RaceEnd | None) -> tuple[str, ...]:
    found = [cast(Lesion, one) for one in results if cast(Lesion, one).blocks]
    said = [_one_lesion(one) for one in found]
    able = [one for one in found if not _knows_nothing(one)]
    plain = [float(np.median(one.differences)) for one in able if not one.net.residual]
    residual = [float(np.median(one.differences)) for one in able if one.net.residual]
    if plain and residual:
        if max(residual) < min(plain) - _TRIFLE:
            said.append(
                _(
                    "A residual block adds a correction to what passes by it; without it the rest goes on with nearly "
                    "the same. A plain layer has no way around it: what follows was never trained on its input."
                )
            )
        else:
            said.append(
                _(
                    "In nets trained as shortly as these the residual net does not bear the loss of a block better. "
                    "Longer training, or a stored run, may show it otherwise."
                )
            )
    return tuple(said)


def _knows_nothing(one: Lesion) -> bool:
    """Its error, whole, is nearly that of what is left of it at its worst: nothing to lose."""
    return bool(np.max(one.differences) < _LITTLE and one.error > 50)


def _one_lesion(one: Lesion) -> str:
    rises = one.differences
    worst = one.blocks[int(np.argmax(rises))]
    numbers = {
        "network": one.net.label, "whole": percent(one.error, digits=1), "median": f"{np.median(rises):+.1f}",
        "most": f"{rises.max():+.1f}", "block": worst.name, "all": len(one.blocks),
    }  # fmt: skip
    if _knows_nothing(one):
        return _(
            "{network} (whole {whole}) has little to lose: whatever is taken out, its error rises by {most} points at "
            "most.",
            **numbers,
        )
    hardly = int((rises < _TRIFLE).sum())
    return _(
        "{network} (whole {whole}): without one block {median} points at the median, {most} without {block}; {hardly} "
        "of {all} blocks, each alone, raise it by less than a point.",
        hardly=hardly,
        **numbers,
    )


def paths_words(results: Results, _race: RaceEnd | None) -> tuple[str, ...]:
    said = []
    for one in (cast(Paths, one) for one in results):
        count = sum(each.paths for each in one.lengths)
        low, high = one.span(0.95)
        longest = one.lengths[-1].blocks
        said.append(
            _(
                "{network} has {count} paths of 0 to {longest} branches. Those of {low} to {high} carry 95 % of the "
                "gradient.",
                network=one.net.label,
                count=grouped(count) if count < 10**6 else short_count(count),
                longest=longest,
                low=low,
                high=high,
            )
            if count > 1
            else _("{network} is plain: there is one path, through everything.", network=one.net.label)
        )
        if count > 1 and high < longest:
            said.append(
                _("The longest path, the only one that a plain net of that depth has, contributes next to nothing.")
            )
    return tuple(said)


def construction_words(results: Results, race: RaceEnd | None) -> tuple[str, ...]:
    (one,) = (cast(Construction, each) for each in results)
    numbers = {"deeper": one.deeper, "network": one.net.label, "images": grouped(one.images), "added": len(one.added)}
    if one.difference == 0.0:
        said = _(
            "Difference 0: on {images} images every output of {deeper} equals that of {network} to the last bit, with "
            "{added} blocks more.", **numbers
        )  # fmt: skip
    elif one.changed == 0:
        said = _(
            "The outputs of {deeper} and {network} differ by {difference} at most, which is rounding, and all {images} "
            "answers are the same.", difference=f"{one.difference:.1g}", **numbers
        )  # fmt: skip
    else:
        said = _n(
            "The outputs differ by up to {difference}, and {count} of {images} answers is another: the copy is not "
            "exact.",
            "The outputs differ by up to {difference}, and {count} of {images} answers are others: the copy is not "
            "exact.",
            one.changed, difference=f"{one.difference:.2g}", images=grouped(one.images),
        )  # fmt: skip
        return (said,)
    if race is None:
        return (said, _("So a {deeper} as good as {network} exists.", **numbers))
    errors = {"own": percent(race.deep.error, digits=1), "theirs": percent(race.shallow.error, digits=1)}
    if race.deep.error > race.shallow.error:
        return (
            said,
            _(
                "So a {deeper} with the training error of {network} ({theirs}) exists, and yours, trained from random "
                "weights, ended at {own}. The trouble is not what a deeper net can express, but what training finds.",
                **numbers, **errors,
            ),
        )  # fmt: skip
    return (
        said,
        _(
            "So a {deeper} with the training error of {network} ({theirs}) exists. In your race training found a "
            "better one ({own}), so here there was nothing to explain.", **numbers, **errors,
        ),
    )  # fmt: skip


def responses_words(results: Results, _race: RaceEnd | None) -> tuple[str, ...]:
    (one,) = (cast(Responses, each) for each in results)
    ratios = np.array([block.ratio for block in one.blocks])
    small = int((ratios < 1.0).sum())
    return (
        _(
            "{network}: norm(F(x)) / norm(x) is {median} at the median of its {all} blocks, from {least} to {most}. In "
            "{small} of them the shortcut carries more than the branch adds.",
            network=one.net.label,
            median=f"{np.median(ratios):.2f}",
            all=len(ratios),
            least=f"{np.nanmin(ratios):.2f}",
            most=f"{np.nanmax(ratios):.2f}",
            small=small,
        ),
    )


def block_formula(block: BlockResponse) -> str:
    """The block's own numbers in the formula's markup."""
    return (
        r"\frac{\norm{F(x)}}{\norm{x}} = \frac{"
        rf"{block.branch_norm:.0f}}}{{{block.input_norm:.0f}}} = {block.ratio:.2f}"
    )


def block_words(block: BlockResponse) -> str:
    numbers = {"block": block.name, "share": f"{block.ratio:.2f}"}
    if not np.isfinite(block.ratio):
        return _("Nothing enters {block}.", **numbers)
    if block.ratio < 0.5:
        return _("{block}: H(x) = F(x) + x is mostly x; F adds a correction of {share} of its size.", **numbers)
    if block.ratio < 1.0:
        return _("{block}: F(x) is {share} times as large as x: less than what passes by it.", **numbers)
    return _("{block}: F(x) is {share} times as large as x: here the branch outweighs the shortcut.", **numbers)
