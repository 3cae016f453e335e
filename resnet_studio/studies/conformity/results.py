"""How errors are measured and reported, against sections 3.4, 4.1, 4.2 and Table 6."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_studio.domain.protocols import PAPER_SCALES, ProtocolKind
from resnet_studio.domain.records import EvaluationSummary
from resnet_studio.studies.conformity.checks import Check, Part, Point, Subject
from resnet_studio.text import _, _n

PAPER_RUNS = 5  # of ResNet-110, Table 6


def result_checks(subject: Subject) -> Iterator[Check]:
    yield _view(subject)
    yield _epoch(subject)
    yield _runs(subject)


def of_paper(evaluation: EvaluationSummary) -> bool:
    """Whether an ImageNet error was measured as in the paper, and with the weights that the run has now.

    That is as for Tables 2 and 3 (10-crop) or for Table 4 (multi-scale).
    """
    protocol = evaluation.protocol
    if evaluation.is_ensemble or any(evaluation.outdated):
        return False
    if protocol.kind is ProtocolKind.MULTI_SCALE:
        return protocol.sizes == PAPER_SCALES
    return protocol.kind is ProtocolKind.TEN_CROP and protocol.resize_for(224) == 256


def _view(subject: Subject) -> Check:
    size = subject.network.image_size
    if subject.cifar:
        point = Point(
            "test_view", Part.RESULT, _("Test view"), _("The image itself, one view of 32 x 32"), _("section 4.2")
        )
        if subject.imported and not any(e.protocol.kind is ProtocolKind.SINGLE for e in subject.evaluations):
            return point.not_applicable(_("imported: not tested while training; Evaluate measures it"))
        return point.compare(size == 32, _("one view of {size} x {size}", size=size))
    point = Point(
        "test_view", Part.RESULT, _("Test view"),
        _("10 crops (Tables 2 and 3), or whole images at shorter sides of 224, 256, 384, 480, 640 (Table 4)"),
        _("section 3.4"),
    )  # fmt: skip
    measured = [e for e in subject.evaluations if of_paper(e)]
    if measured:
        return point.compare(True, _("evaluated with ") + ", ".join(dict.fromkeys(e.protocol.label for e in measured)))
    if subject.imported:
        return point.not_applicable(_("imported: not tested while training; Evaluate measures it"))
    return point.compare(
        False, _("one view of {size} x {size} while training; Evaluate measures the paper's", size=size)
    )


def _epoch(subject: Subject) -> Check:
    point = Point("epoch", Part.RESULT, _("Which error"), _("Whether the last or the best one is printed is not said"),
                  _("section 4.2") if subject.cifar else _("section 4.1"))  # fmt: skip
    if subject.imported:
        return point.not_known(_("imported weights: at which iteration they were taken is not known"))
    return point.not_said(_("the last one; the best is picked on the test set and never the headline"))


def _runs(subject: Subject) -> Check:
    has = _n(
        "{count} run: its last errors", "{count} runs: mean and standard deviation of their last errors", subject.seeds
    )
    of_five = subject.cifar and subject.network.residual and subject.network.depth == 110
    if not of_five:
        point = Point("runs", Part.RESULT, _("Runs behind a figure"), _("Not said, but for ResNet-110"),
                      _("Table 6") if subject.cifar else _("section 4.1"))  # fmt: skip
        return (
            point.not_said(has)
            if subject.status is not None
            else point.not_applicable(_("counted when runs have finished"))
        )
    point = Point("runs", Part.RESULT, _("Runs behind a figure"),
                  _("Five: the best of them, and mean and standard deviation"), _("Table 6"))  # fmt: skip
    if subject.status is None:
        return point.not_applicable(_("counted when runs have finished"))
    return point.compare(subject.seeds == PAPER_RUNS, has)
