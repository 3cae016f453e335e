"""How errors are measured and reported, against sections 3.4, 4.1, 4.2 and Table 6."""

from __future__ import annotations

from collections.abc import Iterator

from resnet_studio.domain.protocols import PAPER_SCALES, ProtocolKind
from resnet_studio.domain.records import EvaluationSummary
from resnet_studio.studies.conformity.checks import Check, Part, Point, Subject

PAPER_RUNS = 5  # of ResNet-110, Table 6


def result_checks(subject: Subject) -> Iterator[Check]:
    yield _view(subject)
    yield _epoch(subject)
    yield _runs(subject)


def of_paper(evaluation: EvaluationSummary) -> bool:
    """Whether an ImageNet error was measured as for Tables 2 and 3 (10-crop) or for Table 4 (multi-scale), and with
    the weights that the run has now."""
    protocol = evaluation.protocol
    if evaluation.is_ensemble or any(evaluation.outdated):
        return False
    if protocol.kind is ProtocolKind.MULTI_SCALE:
        return protocol.sizes == PAPER_SCALES
    return protocol.kind is ProtocolKind.TEN_CROP and protocol.resize_for(224) == 256


def _view(subject: Subject) -> Check:
    size = subject.network.image_size
    if subject.cifar:
        point = Point("test_view", Part.RESULT, "Test view", "The image itself, one view of 32 x 32", "section 4.2")
        if subject.imported and not any(e.protocol.kind is ProtocolKind.SINGLE for e in subject.evaluations):
            return point.not_applicable("imported: not tested while training; Evaluate measures it")
        return point.compare(size == 32, f"one view of {size} x {size}")
    point = Point(
        "test_view", Part.RESULT, "Test view",
        "10 crops (Tables 2 and 3), or whole images at shorter sides of 224, 256, 384, 480, 640 (Table 4)",
        "section 3.4",
    )  # fmt: skip
    measured = [e for e in subject.evaluations if of_paper(e)]
    if measured:
        return point.compare(True, "evaluated with " + ", ".join(dict.fromkeys(e.protocol.label for e in measured)))
    if subject.imported:
        return point.not_applicable("imported: not tested while training; Evaluate measures it")
    return point.compare(False, f"one view of {size} x {size} while training; Evaluate measures the paper's")


def _epoch(subject: Subject) -> Check:
    point = Point("epoch", Part.RESULT, "Which error", "Whether the last or the best one is printed is not said",
                  "section 4.2" if subject.cifar else "section 4.1")  # fmt: skip
    if subject.imported:
        return point.not_known("imported weights: at which iteration they were taken is not known")
    return point.not_said("the last one; the best is picked on the test set and never the headline")


def _runs(subject: Subject) -> Check:
    has = "1 run" if subject.seeds == 1 else f"{subject.seeds} runs: mean and standard deviation of their last errors"
    of_five = subject.cifar and subject.network.residual and subject.network.depth == 110
    if not of_five:
        point = Point("runs", Part.RESULT, "Runs behind a figure", "Not said, but for ResNet-110",
                      "Table 6" if subject.cifar else "section 4.1")  # fmt: skip
        return (
            point.not_said(has)
            if subject.status is not None
            else point.not_applicable("counted when runs have finished")
        )
    point = Point("runs", Part.RESULT, "Runs behind a figure",
                  "Five: the best of them, and mean and standard deviation", "Table 6")  # fmt: skip
    if subject.status is None:
        return point.not_applicable("counted when runs have finished")
    return point.compare(subject.seeds == PAPER_RUNS, has)
