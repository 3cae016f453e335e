"""The recipe against section 4.2 (CIFAR-10) and section 3.4 (ImageNet)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from resnet_studio.domain.enums import Decay, Family, MomentumForm, RunStatus
from resnet_studio.domain.glossary import find_term
from resnet_studio.domain.recipe_spec import RecipeSpec
from resnet_studio.domain.schedules import Plateau, Schedule, WarmUp, schedule_of
from resnet_studio.domain.text_numbers import counted, grouped
from resnet_studio.studies.conformity.checks import AUTHORS, Check, Part, Point, Subject
from resnet_studio.text import _

CIFAR_ITERATIONS, IMAGENET_ITERATIONS = 64_000, 600_000
CIFAR_MILESTONES = (32_000, 48_000)
WARMED_UP = 110  # layers
_ENDED_EARLY = (RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.DIVERGED, RunStatus.FAILED)


def recipe_point(key: str, topic: str, paper: str, where: str) -> Point:
    return Point(key, Part.RECIPE, topic, paper, where)


def section(subject: Subject) -> str:
    """Where the recipe stands."""
    return _("section 4.2") if subject.cifar else _("section 3.4")


def close(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=1e-9)


def optimizer_checks(subject: Subject) -> Iterator[Check]:
    """How weights begin and change; for imported weights, as much as is known of it: nothing."""
    for check in _optimizer_checks(subject):
        yield subject.unless_imported(check)


def _optimizer_checks(subject: Subject) -> Iterator[Check]:
    recipe, where = subject.recipe, section(subject)
    yield _initial(subject)
    yield recipe_point("last_gamma", _("Last gamma of a branch"), _("Begins like every other"), where).compare(
        not recipe.zero_last_gamma, _("begins at zero: an extra") if recipe.zero_last_gamma else _("begins at one")
    )
    wanted = 128 if subject.cifar else 256
    yield recipe_point("batch_size", _("Batch"), _("{wanted} images", wanted=wanted), where).compare(
        recipe.batch_size == wanted, counted(recipe.batch_size, "image", "images")
    )
    yield recipe_point("momentum", _("Momentum"), _("SGD with 0.9"), where).compare(
        close(recipe.momentum, 0.9), _("SGD with {momentum:g}", momentum=recipe.momentum)
    )
    yield _momentum_form(recipe)
    yield recipe_point("weight_decay", _("Weight decay"), "0.0001", where).compare(
        close(recipe.weight_decay, 1e-4), f"{recipe.weight_decay:.10g}"
    )
    yield _decay(recipe, where)
    yield recipe_point("learning_rate", _("Learning rate"), _("0.1 after any warm-up"), where).compare(
        close(recipe.learning_rate, 0.1), f"{recipe.learning_rate:g}"
    )
    yield _schedule(subject)
    yield _plateau(subject)
    yield _warm_up(subject)
    yield _length(subject)
    yield recipe_point("label_smoothing", _("Label smoothing"), _("None"), where).compare(
        recipe.label_smoothing == 0,
        _("{label_smoothing:g}: an extra", label_smoothing=recipe.label_smoothing)
        if recipe.label_smoothing
        else "none",
    )
    yield _batch_norm_tests(subject)
    yield _batch_norm_images(subject)
    yield _precision(subject)
    yield _machine(subject)


def _initial(subject: Subject) -> Check:
    point = recipe_point("initial", _("Initial weights"), _("He initialisation, from nothing"), section(subject))
    if subject.start_from:
        return point.compare(
            False, _("fine-tuned: begins with the weights of run {start_from}", start_from=subject.start_from)
        )
    return point.compare(True, _("He initialisation"))


def _momentum_form(recipe: RecipeSpec) -> Check:
    torch, theirs = (find_term(key).formula for key in ("momentum", "momentum-authors"))
    point = recipe_point(
        "momentum_form",
        _("Form of momentum"),
        _("{formula}: old steps keep the rate they were made with", formula=theirs),
        AUTHORS,
    )
    if recipe.momentum_form is MomentumForm.AUTHORS:
        return point.compare(True, theirs)
    if schedule_of(recipe).constant and not recipe.warmup_rate:
        return point.compare(True, _("{formula}: the same here, where the rate never changes", formula=torch))
    return point.compare(False, _("{formula}: parts from it whenever the rate changes", formula=torch))


def _decay(recipe: RecipeSpec, where: str) -> Check:
    point = recipe_point("decay", _("Weight decay on"), _("Whether batch norm and biases decay too is not said"), where)
    return point.not_said(
        {Decay.ALL: _("every parameter"), Decay.WEIGHTS: _("convolutions and fully connected layers")}[recipe.decay]
    )


def _schedule(subject: Subject) -> Check:
    recipe = subject.recipe
    schedule = schedule_of(recipe)
    run = schedule.description if schedule.in_paper else _("{description}: an extra", description=schedule.description)
    if subject.cifar:
        point = recipe_point(
            "schedule", _("Schedule"), _("Divided by 10 after 32 000 and 48 000 iterations"), _("section 4.2")
        )
        return point.compare(recipe.schedule is Schedule.MILESTONES and recipe.milestones == CIFAR_MILESTONES, run)
    point = recipe_point("schedule", _("Schedule"), _("Divided by 10 when the error plateaus"), _("section 3.4"))
    return point.compare(recipe.schedule is Schedule.PLATEAU, run)


def _plateau(subject: Subject) -> Check:
    schedule, where = schedule_of(subject.recipe), section(subject)
    point = recipe_point(
        "plateau",
        _("What a plateau is"),
        _("Which error, and for how long it must not fall, is not said"),
        _("section 3.4"),
    )
    if not isinstance(schedule, Plateau):
        return replace(point.not_applicable(_("no plateaus in this schedule")), where=where)
    return point.not_said(schedule.patience)


def _warm_up(subject: Subject) -> Check:
    recipe, depth = subject.recipe, subject.network.depth
    has = WarmUp(recipe).description
    if not subject.cifar:
        return recipe_point("warm_up", _("Warm-up"), _("None"), _("section 3.4")).compare(not recipe.warmup_rate, has)
    point = recipe_point(
        "warm_up",
        _("Warm-up"),
        _("ResNet-110 alone: 0.01 until the training error is below 80 %, about 400 iterations"),
        _("section 4.2"),
    )
    warmed = close(recipe.warmup_rate, 0.01) and close(recipe.warmup_error, 80.0)
    if depth == WARMED_UP and not subject.network.residual:
        return point.not_said(_("{has}; of plain-110 it is not said", has=has))
    if depth > WARMED_UP:
        return point.not_said(_("{has}; of more than {warmed_up} layers it is not said", has=has, warmed_up=WARMED_UP))
    return point.compare(warmed if depth == WARMED_UP else not recipe.warmup_rate, has)


def _length(subject: Subject) -> Check:
    wanted = CIFAR_ITERATIONS if subject.cifar else IMAGENET_ITERATIONS
    paper = (
        _("{wanted} iterations", wanted=grouped(wanted))
        if subject.cifar
        else _("Up to {wanted} iterations", wanted=grouped(wanted))
    )
    point = recipe_point("iterations", _("Length"), paper, section(subject))
    has = subject.recipe.iterations
    if subject.status in _ENDED_EARLY:
        return point.compare(
            False,
            _(
                "{status} after {iteration} of {has}",
                status=subject.status,
                iteration=grouped(subject.iteration),
                has=grouped(has),
            ),
        )
    going = subject.status is not None and subject.iteration < has
    now = _(", now at {iteration}", iteration=grouped(subject.iteration)) if going else ""
    return point.compare(has == wanted, _("{has}{now}", has=counted(has, "iteration", "iterations"), now=now))


def _batch_norm_tests(subject: Subject) -> Check:
    point = recipe_point(
        "bn_statistics", _("Batch norm in tests"), _("Statistics measured over the training set after training"),
        AUTHORS,
    )  # fmt: skip
    if subject.network.family is Family.VGG:
        return point.not_applicable(_("VGG has no batch norm"))
    recomputed = subject.recipe.bn_statistics == "recomputed"
    return point.compare(
        recomputed, _("measured anew after training") if recomputed else _("moving averages kept while training")
    )


def _batch_norm_images(subject: Subject) -> Check:
    size = subject.recipe.pass_size
    has = (
        _("{size}: the whole batch", size=grouped(size))
        if subject.recipe.shares == 1
        else _("{size}: the batch in {shares} shares", size=grouped(size), shares=subject.recipe.shares)
    )
    if subject.cifar:
        paper, where = _("Over how many images batch norm looks is not said"), _("section 4.2")
    else:
        paper, where = _("32: batch norm looks at one GPU's share of the batch"), AUTHORS
    point = recipe_point("bn_images", _("Images a batch norm sees"), paper, where)
    if subject.network.family is Family.VGG:
        return point.not_applicable(_("VGG has no batch norm"))
    return point.not_said(has) if subject.cifar else point.compare(size == 32, has)


def _precision(subject: Subject) -> Check:
    point = recipe_point("precision", _("Precision"), _("Not said"), section(subject))
    precision = str(subject.recipe.precision)
    has = subject.environment.get("precision")
    if has is None:
        return point.not_said(
            _("{precision}: a probe chooses when training starts", precision=precision)
            if precision == "auto"
            else precision
        )
    kept = _(" in convolutions and products, weights in float32") if has == "bfloat16" else ""
    chosen = _(", chosen by a probe") if precision == "auto" else ""
    return point.not_said(f"{has}{kept}{chosen}")


def _machine(subject: Subject) -> Check:
    point = recipe_point("machine", _("Machine and versions"), _("Not said"), section(subject))
    found = subject.environment
    name = found.get("device_name") or found.get("device")
    if not name:
        return point.not_said(_("device {device}: chosen when training starts", device=subject.recipe.device))
    versions = [f"{title} {found[key]}" for key, title in _VERSIONS if found.get(key)]
    return point.not_said(", ".join([name, *versions]))


_VERSIONS = (("torch", "torch"), ("engine", "engine"), ("resnet_studio", "ResNet Studio"))
