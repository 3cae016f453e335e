"""The whole list for one run, what the paper measured of its network, and what the run itself did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from resnet_studio.domain.data_sets import CIFAR10
from resnet_studio.domain.enums import Family
from resnet_studio.domain.paper import paper_sentence
from resnet_studio.domain.records import EvaluationSummary, RunRecord
from resnet_studio.domain.specs import DataSpec, RunSpec
from resnet_studio.domain.text_numbers import counted, percent
from resnet_studio.studies.conformity.checks import Check, Part, Point, State, Subject, Yardstick
from resnet_studio.studies.conformity.figures import PaperFigure, paper_figures
from resnet_studio.studies.conformity.images import data_checks, has_cifar_classes, image_checks, is_imagenet
from resnet_studio.studies.conformity.network import network_checks
from resnet_studio.studies.conformity.recipe import optimizer_checks
from resnet_studio.studies.conformity.results import result_checks
from resnet_studio.studies.seeds import SeedGroup, seed_group
from resnet_studio.text import _

NAMED = 4  # topics that the one-sentence summary names at most


@dataclass(frozen=True, slots=True)
class Conformity:
    """The result of :func:`of_spec` and :func:`of_run`.

    Attributes:
        label: The network's, as the paper writes it.
        yardstick: Which of the paper's experiments the run is held against.
        checks: Network, data, recipe, results, in this order.
        figures: The paper's errors for this very network, none where it printed none.
        remark: What else the paper says of the network, or why its errors are not this run's.
        group: The run's own errors, with its finished siblings of other seeds; None before training.
        evaluations: The run's stored evaluations.
    """

    label: str
    yardstick: Yardstick
    checks: tuple[Check, ...]
    figures: tuple[PaperFigure, ...]
    remark: str
    group: SeedGroup | None = None
    evaluations: tuple[EvaluationSummary, ...] = ()

    def of(self, state: State) -> tuple[Check, ...]:
        return tuple(check for check in self.checks if check.state is state)

    def check(self, key: str) -> Check:
        """Raises KeyError for a point that is not in the list."""
        for check in self.checks:
            if check.key == key:
                return check
        raise KeyError(key)

    @property
    def counts(self) -> dict[State, int]:
        return {state: len(self.of(state)) for state in State}

    @property
    def sentence(self) -> str:
        """``Conforms in 18 points, differs in 3: batch, length, data set; the paper leaves 5 open ...``."""
        counts = self.counts
        differing = [check.topic[:1].lower() + check.topic[1:] for check in self.of(State.DIFFERS)]
        named = ", ".join(differing[:NAMED])
        more = _(" and {differing} more", differing=len(differing) - NAMED) if len(differing) > NAMED else ""
        conforms = counts[State.CONFORMS]
        text = _("Conforms in {conforms}", conforms=counted(conforms, "point", "points"))
        text += (
            _(", differs in {differing}: {named}{more}", differing=len(differing), named=named, more=more)
            if differing
            else _(", differs in none")
        )
        if counts[State.OPEN]:
            text += _("; the paper leaves {counts} open", counts=counts[State.OPEN])
        if counts[State.UNKNOWN]:
            text += _("; {counts} not known", counts=counted(counts[State.UNKNOWN], "is", "are"))
        return f"{text}."

    @property
    def short(self) -> str:
        """``✓ 18  ≠ 3  ○ 5  ? 2``, for one line."""
        counts = self.counts
        return "  ".join(
            f"{state.sign} {counts[state]}" for state in State if counts[state] and state is not State.NOT_APPLICABLE
        )

    @property
    def paper(self) -> str:
        """The paper's errors for this network as one sentence, empty where it printed none."""
        return f"{'; '.join(figure.sentence for figure in self.figures)}." if self.figures else ""

    @property
    def own(self) -> str:
        """The run's own errors: the last, or mean and deviation over seeds; the best in brackets. Often empty."""
        lines = []
        if self.group is not None and self.group.sentence:
            lines.append(_("test error {sentence}", sentence=self.group.sentence))
        lines += [_evaluated(found) for found in self.evaluations if not found.is_ensemble and not any(found.outdated)]
        return "; ".join(lines)


def _evaluated(found: EvaluationSummary) -> str:
    data = found.data.removeprefix("folder:")
    return _(
        "{label} on {data}: top-1 {percent}, top-5 {percent_2}",
        label=found.protocol.label,
        data=data,
        percent=percent(found.top1_error),
        percent_2=percent(found.top5_error),
    )


def yardstick_of(spec: RunSpec, class_names: tuple[str, ...] = ()) -> Yardstick:
    """The data decides where they are CIFAR-10's or ImageNet's; of others the network's family does."""
    if spec.data.source == CIFAR10.key or has_cifar_classes(class_names):
        return Yardstick.CIFAR
    if is_imagenet(class_names):
        return Yardstick.IMAGENET
    return Yardstick.CIFAR if spec.network.family is Family.CIFAR else Yardstick.IMAGENET


def of_spec(
    spec: RunSpec,
    training_images: int | None = None,
    test_images: int | None = None,
    class_names: tuple[str, ...] = (),
) -> Conformity:
    """Conformity before training: a pure function, under a millisecond, for forms.

    The last three are the data's, where known; images held out are not among the training images.
    """
    subject = Subject(
        spec.network, spec.recipe, spec.data, yardstick_of(spec, class_names), spec.start_from,
        training_images=training_images, test_images=test_images, class_names=class_names,
    )  # fmt: skip
    return _conformity(subject)


def of_run(
    run: RunRecord, others: Iterable[RunRecord] = (), evaluations: Sequence[EvaluationSummary] = ()
) -> Conformity:
    """Of a stored run, in whatever state.

    Args:
        run: With its environment, from which precision, machine and counts of images are read.
        others: Stored runs among which its siblings of other seeds are looked for.
        evaluations: Stored ones of this run.
    """
    spec, group = run.spec, seed_group(run, others)
    subject = Subject(
        spec.network, spec.recipe, spec.data, yardstick_of(spec, run.class_names), spec.start_from,
        status=run.status,
        iteration=run.iteration,
        seeds=group.count,
        training_images=_whole(run.environment.get("training_images")),
        test_images=_whole(run.environment.get("test_images")),
        class_names=run.class_names,
        environment=run.environment,
        evaluations=tuple(evaluations),
    )  # fmt: skip
    return _conformity(subject, group, tuple(evaluations))


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _conformity(
    subject: Subject, group: SeedGroup | None = None, evaluations: tuple[EvaluationSummary, ...] = ()
) -> Conformity:
    checks = (
        *_whose(subject),
        *network_checks(subject),
        *data_checks(subject),
        *optimizer_checks(subject),
        *image_checks(subject),
        *result_checks(subject),
    )
    figures = paper_figures(subject.network)
    data = next(check for check in checks if check.key == "data")
    remark = (
        ""
        if figures
        else _(
            "The paper prints no error of this network. {paper_sentence}",
            paper_sentence=paper_sentence(subject.network),
        ).strip()
    )
    whose = _("this design's") if group is None else _("this run's")
    if figures and data.state is not State.CONFORMS:
        name = "CIFAR-10" if subject.network.family is Family.CIFAR else "ImageNet"
        remark = _("The paper's error is on {name}; ", name=name) + (
            _("whether {whose} data are the same is not known.", whose=whose) if data.state is State.UNKNOWN
            else _("{whose} data are others ({named}).", whose=whose, named=_named(subject.data))
        )  # fmt: skip
    return Conformity(subject.network.label, subject.yardstick, checks, figures, remark, group, evaluations)


def _whose(subject: Subject) -> tuple[Check, ...]:
    """VGG was not trained by the paper: it quotes its errors."""
    if subject.network.family is not Family.VGG:
        return ()
    point = Point(
        "whose",
        Part.NETWORK,
        _("Whose network"),
        _("VGG's errors are quoted from its own authors, with their recipe"),
        _("Table 3"),
    )
    return (point.not_said(_("held against the recipe of the paper's own nets")),)


def _named(data: DataSpec) -> str:
    folder = data.folder
    if folder is None:
        return data.source
    return folder.replace("\\", "/").rstrip("/").rpartition("/")[2] or folder
