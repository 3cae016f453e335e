"""What finished runs say of depth and shortcuts, in plain words, by the rule of every verdict and no more than it.

For runs that somebody chose (Train's cohort, ticked runs of Compare) and that need not be of a study.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import grouped, percent
from resnet_studio.studies.learning import guesses
from resnet_studio.studies.plan import Comparison
from resnet_studio.studies.rule import LEAST_SEEDS, LOOKS, Outcome
from resnet_studio.studies.run_results import RunResult
from resnet_studio.studies.single_cohorts import LONGER, find_single_cohort
from resnet_studio.studies.verdicts import Verdict, claim_of, decide
from resnet_studio.text import _

_MACHINE = frozenset({"loading", "precision", "layout", "engine", "exact", "device"})
_COMMON = ("family", "branch", "width", "widths", "stem", "image_size", "classes")
_KIND = ("residual", "shortcut", "activation", "stride_place", "zero_padding")

_Seeds = Mapping[int, RunResult]  # results of one network by seed


def conclusion(results: Sequence[RunResult]) -> str:
    """Deep against shallow of each kind, then plain against residual; one line for each recipe and data set.

    Only runs that have ended and differ in nothing but depth, shortcuts and seeds are compared, by their training
    errors: a network that is worse on the very images it is trained on does not overfit. One or two seeds give no
    verdict: what is said then is said of these runs. Empty where nothing can be compared.
    """
    found = [(group[0], text) for group in _settings(results) if (text := _text(chosen_verdicts(group), group))]
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


def all_verdicts(results: Sequence[RunResult]) -> tuple[Verdict, ...]:
    """What :func:`conclusion` puts into words; those of one recipe and data set share alpha."""
    return tuple(verdict for group in _settings(results) for verdict in chosen_verdicts(group))


def _settings(results: Sequence[RunResult]) -> list[list[RunResult]]:
    groups: dict[object, list[RunResult]] = {}
    for result in results:
        if result.ended and result.counted(result.training_error) is not None:
            groups.setdefault(_setting(result), []).append(result)
    return list(groups.values())


def _setting(result: RunResult) -> object:
    """What runs must share to be compared."""
    spec = result.run.spec
    recipe = spec.without_seeds().recipe.model_dump(exclude=set(_MACHINE))
    common = [getattr(spec.network, name) for name in _COMMON]
    images = result.run.environment.get("data_sha256", "")
    return repr((recipe, common, spec.data.model_dump(), spec.start_from, images))


def chosen_verdicts(results: Sequence[RunResult]) -> tuple[Verdict, ...]:
    """Of runs with one recipe and data set: first by depth, then by shortcut; a seed counts where both sides have it.

    Deeper plain nets are held to be worse, deeper residual nets better, and residual nets better than plain ones: that
    is how the signs are to be read, and no more.
    """
    kinds: dict[tuple[object, ...], dict[int, dict[tuple[int, int], RunResult]]] = {}
    for result in sorted(results, key=lambda one: one.run.end_order, reverse=True):  # of several the first to end
        network = result.run.spec.network
        kind = tuple(getattr(network, name) for name in _KIND)
        kinds.setdefault(kind, {}).setdefault(result.depth, {})[result.run.spec.recipe.seeds] = result
    claims = []
    for kind in sorted(kinds, key=str):
        depths = kinds[kind]
        if len(depths) > 1:
            shallow, deep = depths[min(depths)], depths[max(depths)]
            claims.append((shallow, deep) if kind[0] else (deep, shallow))
    plain = [depths for kind, depths in kinds.items() if not kind[0]]
    residual = [kinds[kind] for kind in sorted(kinds, key=str) if kind[0]]
    if len(plain) == 1:
        shared_depths = ((depths, set(plain[0]) & set(depths)) for depths in residual)
        claims += [(plain[0][max(common)], depths[max(common)]) for depths, common in shared_depths if common]
    made = []
    for higher, lower in claims:
        if shared := sorted(higher.keys() & lower.keys()):
            labels = (higher[shared[0]].label, lower[shared[0]].label)
            question = _("Is the training error of {higher} higher than that of {lower}?",
                         higher=labels[0], lower=labels[1])  # fmt: skip
            sides = [(seeds[0], higher[seeds], lower[seeds]) for seeds in shared]
            made.append(claim_of(Comparison(question, *labels), *labels, sides, {}))
    return decide(made, LOOKS)


def _text(verdicts: Sequence[Verdict], results: Sequence[RunResult]) -> str:
    if not verdicts:
        return ""
    by_label = {result.label: result for result in results}
    sentences = " ".join(_sentence(v, by_label[v.higher], by_label[v.lower]) for v in verdicts)
    counts = {len(verdict.pairs) for verdict in verdicts}
    if max(counts) >= LEAST_SEEDS:
        return sentences
    if counts == {1}:
        return _(
            "In this run, with one seed: {text} One seed speaks of this run only; {least} give a verdict.",
            text=sentences,
            least=LEAST_SEEDS,
        )
    return _(
        "On the mean of {count} seeds: {text} {least} seeds give a verdict.",
        count=max(counts),
        text=sentences,
        least=LEAST_SEEDS,
    )


def _sentence(verdict: Verdict, higher: RunResult, lower: RunResult) -> str:
    if verdict.outcome is not Outcome.NOT_ENOUGH or verdict.all_diverged:
        return " ".join(filter(None, (verdict.text, _why(verdict, higher, lower))))
    first, second = (_mean([getattr(pair, side) for pair in verdict.pairs]) for side in ("higher", "lower"))
    numbers = {"higher": verdict.higher, "lower": verdict.lower}
    if _guess(first, higher) and _guess(second, lower):
        return " ".join((_("{higher} and {lower} still guess.", **numbers), *verdict.notes))
    difference = first - second
    numbers |= {
        "first": percent(first, digits=1),
        "second": percent(second, digits=1),
        "points": f"{abs(difference):.1f}",
    }
    said = (
        _("{higher} ends at a training error of {first}, {points} points above {lower} ({second}).", **numbers)
        if difference >= 0
        else _("{higher} ends at a training error of {first}, {points} points below {lower} ({second}).", **numbers)
    )
    return " ".join(filter(None, (said, _why(verdict, higher, lower), *verdict.notes)))


def _why(verdict: Verdict, higher: RunResult, lower: RunResult) -> str:
    """What else the numbers say, and what they leave open."""
    seen = verdict.pairs[: verdict.judgement.used]
    first, second = (_mean([getattr(pair, side) for pair in seen]) for side in ("higher", "lower"))
    plain = not higher.run.residual
    if plain and not lower.run.residual and _guess(first, higher) and not _guess(second, lower):
        return _("The deeper plain net has not begun to learn.")
    iterations = higher.run.iterations
    behind = higher.run.residual and lower.run.residual and first < second
    if behind and higher.depth < lower.depth and iterations < LONGER.iterations:
        return _(
            "{count} iterations are too few to show depth pay off; the study “{study}” trains longer.",
            count=grouped(iterations),
            study=find_single_cohort("degradation-long").title,
        )
    return ""


def _guess(error: float, result: RunResult) -> bool:
    run = result.run
    return not result.diverged and guesses(error, run, min(TRAINING_ERROR_WINDOW, run.iteration))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
