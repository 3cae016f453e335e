"""The recipe against section 4.2 (CIFAR-10) and section 3.4 (ImageNet)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from resnet_studio.domain.enums import Decay, Family, MomentumForm, RunStatus
from resnet_studio.domain.recipe_spec import RecipeSpec
from resnet_studio.domain.schedules import Plateau, Schedule, WarmUp, schedule_of
from resnet_studio.domain.text_numbers import counted, grouped
from resnet_studio.studies.conformity.checks import AUTHORS, Check, Part, Point, Subject

CIFAR_ITERATIONS, IMAGENET_ITERATIONS = 64_000, 600_000
CIFAR_MILESTONES = (32_000, 48_000)
WARMED_UP = 110  # layers
_ENDED_EARLY = (RunStatus.STOPPED, RunStatus.INTERRUPTED, RunStatus.DIVERGED, RunStatus.FAILED)


def recipe_point(key: str, topic: str, paper: str, where: str) -> Point:
    return Point(key, Part.RECIPE, topic, paper, where)


def section(subject: Subject) -> str:
    """Where the recipe stands."""
    return "section 4.2" if subject.cifar else "section 3.4"


def close(value: float, wanted: float) -> bool:
    return math.isclose(value, wanted, rel_tol=1e-9)


def optimizer_checks(subject: Subject) -> Iterator[Check]:
    """How weights begin and change; for imported weights, as much as is known of it: nothing."""
    for check in _optimizer_checks(subject):
        yield subject.unless_imported(check)


def _optimizer_checks(subject: Subject) -> Iterator[Check]:
    recipe, where = subject.recipe, section(subject)
    yield _initial(subject)
    yield recipe_point("last_gamma", "Last gamma of a branch", "Begins like every other", where).compare(
        not recipe.zero_last_gamma, "begins at zero: an extra" if recipe.zero_last_gamma else "begins at one"
    )
    wanted = 128 if subject.cifar else 256
    yield recipe_point("batch_size", "Batch", f"{wanted} images", where).compare(
        recipe.batch_size == wanted, counted(recipe.batch_size, "image")
    )
    yield recipe_point("momentum", "Momentum", "SGD with 0.9", where).compare(
        close(recipe.momentum, 0.9), f"SGD with {recipe.momentum:g}"
    )
    yield _momentum_form(recipe)
    yield recipe_point("weight_decay", "Weight decay", "0.0001", where).compare(
        close(recipe.weight_decay, 1e-4), f"{recipe.weight_decay:.10g}"
    )
    yield _decay(recipe, where)
    yield recipe_point("learning_rate", "Learning rate", "0.1 after any warm-up", where).compare(
        close(recipe.learning_rate, 0.1), f"{recipe.learning_rate:g}"
    )
    yield _schedule(subject)
    yield _plateau(subject)
    yield _warm_up(subject)
    yield _length(subject)
    yield recipe_point("label_smoothing", "Label smoothing", "None", where).compare(
        recipe.label_smoothing == 0, f"{recipe.label_smoothing:g}: an extra" if recipe.label_smoothing else "none"
    )
    yield _batch_norm_tests(subject)
    yield _batch_norm_images(subject)
    yield _precision(subject)
    yield _machine(subject)


def _initial(subject: Subject) -> Check:
    point = recipe_point("initial", "Initial weights", "He initialisation, from nothing", section(subject))
    if subject.start_from:
        return point.compare(False, f"fine-tuned: begins with the weights of run {subject.start_from}")
    return point.compare(True, "He initialisation")


def _momentum_form(recipe: RecipeSpec) -> Check:
    point = recipe_point(
        "momentum_form", "Form of momentum", "v = m v + lr g, then w = w - v: old steps keep the rate they were made "
        "with", AUTHORS,
    )  # fmt: skip
    if recipe.momentum_form is MomentumForm.AUTHORS:
        return point.compare(True, "v = m v + lr g, w = w - v")
    if schedule_of(recipe).constant and not recipe.warmup_rate:
        return point.compare(True, "v = m v + g, w = w - lr v: the same here, where the rate never changes")
    return point.compare(False, "v = m v + g, w = w - lr v: parts from it whenever the rate changes")


def _decay(recipe: RecipeSpec, where: str) -> Check:
    point = recipe_point("decay", "Weight decay on", "Whether batch norm and biases decay too is not said", where)
    return point.not_said({Decay.ALL: "every parameter", Decay.WEIGHTS: "convolutions and fully connected layers"}[
        recipe.decay
    ])  # fmt: skip


def _schedule(subject: Subject) -> Check:
    recipe = subject.recipe
    schedule = schedule_of(recipe)
    run = schedule.description if schedule.in_paper else f"{schedule.description}: an extra"
    if subject.cifar:
        point = recipe_point("schedule", "Schedule", "Divided by 10 after 32 000 and 48 000 iterations", "section 4.2")
        return point.compare(recipe.schedule is Schedule.MILESTONES and recipe.milestones == CIFAR_MILESTONES, run)
    point = recipe_point("schedule", "Schedule", "Divided by 10 when the error plateaus", "section 3.4")
    return point.compare(recipe.schedule is Schedule.PLATEAU, run)


def _plateau(subject: Subject) -> Check:
    schedule, where = schedule_of(subject.recipe), section(subject)
    point = recipe_point("plateau", "What a plateau is", "Which error, and for how long it must not fall, is not said",
                         "section 3.4")  # fmt: skip
    if not isinstance(schedule, Plateau):
        return replace(point.not_applicable("no plateaus in this schedule"), where=where)
    return point.not_said(schedule.patience)


def _warm_up(subject: Subject) -> Check:
    recipe, depth = subject.recipe, subject.network.depth
    has = WarmUp(recipe).description
    if not subject.cifar:
        return recipe_point("warm_up", "Warm-up", "None", "section 3.4").compare(not recipe.warmup_rate, has)
    point = recipe_point(
        "warm_up", "Warm-up", "ResNet-110 alone: 0.01 until the training error is below 80 %, about 400 iterations",
        "section 4.2",
    )  # fmt: skip
    warmed = close(recipe.warmup_rate, 0.01) and close(recipe.warmup_error, 80.0)
    if depth == WARMED_UP and not subject.network.residual:
        return point.not_said(f"{has}; of plain-110 it is not said")
    if depth > WARMED_UP:
        return point.not_said(f"{has}; of more than {WARMED_UP} layers it is not said")
    return point.compare(warmed if depth == WARMED_UP else not recipe.warmup_rate, has)


def _length(subject: Subject) -> Check:
    wanted = CIFAR_ITERATIONS if subject.cifar else IMAGENET_ITERATIONS
    paper = f"{grouped(wanted)} iterations" if subject.cifar else f"Up to {grouped(wanted)} iterations"
    point = recipe_point("iterations", "Length", paper, section(subject))
    has = subject.recipe.iterations
    if subject.status in _ENDED_EARLY:
        return point.compare(False, f"{subject.status} after {grouped(subject.iteration)} of {grouped(has)}")
    going = subject.status is not None and subject.iteration < has
    now = f", now at {grouped(subject.iteration)}" if going else ""
    return point.compare(has == wanted, f"{counted(has, 'iteration')}{now}")


def _batch_norm_tests(subject: Subject) -> Check:
    point = recipe_point(
        "bn_statistics", "Batch norm in tests", "Statistics measured over the training set after training",
        AUTHORS,
    )  # fmt: skip
    if subject.network.family is Family.VGG:
        return point.not_applicable("VGG has no batch norm")
    recomputed = subject.recipe.bn_statistics == "recomputed"
    return point.compare(
        recomputed, "measured anew after training" if recomputed else "moving averages kept while training"
    )


def _batch_norm_images(subject: Subject) -> Check:
    size = subject.recipe.batch_size
    has = f"{grouped(size)}: the whole batch, on one device"
    if subject.cifar:
        paper, where = "Over how many images batch norm looks is not said", "section 4.2"
    else:
        paper, where = "32: batch norm looks at one GPU's share of the batch", AUTHORS
    point = recipe_point("bn_images", "Images a batch norm sees", paper, where)
    if subject.network.family is Family.VGG:
        return point.not_applicable("VGG has no batch norm")
    return point.not_said(has) if subject.cifar else point.compare(size == 32, has)


def _precision(subject: Subject) -> Check:
    point = recipe_point("precision", "Precision", "Not said", section(subject))
    precision = str(subject.recipe.precision)
    has = subject.environment.get("precision")
    if has is None:
        return point.not_said(
            f"{precision}: a probe chooses when training starts" if precision == "auto" else precision
        )
    kept = " in convolutions and products, weights in float32" if has == "bfloat16" else ""
    chosen = ", chosen by a probe" if precision == "auto" else ""
    return point.not_said(f"{has}{kept}{chosen}")


def _machine(subject: Subject) -> Check:
    point = recipe_point("machine", "Machine and versions", "Not said", section(subject))
    found = subject.environment
    name = found.get("device_name") or found.get("device")
    if not name:
        return point.not_said(f"device {subject.recipe.device}: chosen when training starts")
    versions = [f"{title} {found[key]}" for key, title in _VERSIONS if found.get(key)]
    return point.not_said(", ".join([name, *versions]))


_VERSIONS = (("torch", "torch"), ("engine", "engine"), ("resnet_studio", "ResNet Studio"))
