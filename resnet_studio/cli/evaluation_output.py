"""Evaluations as JSON, tables and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from resnet_studio.cli.output import print_facts, print_table
from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import Evaluation, EvaluationSummary
from resnet_studio.domain.text_numbers import counted, duration, grouped, moment, percent
from resnet_studio.text import _

COLUMNS = ("id", "runs", "protocol", "data", "images", _("top-1 error"), _("top-5 error"), "gain", "when", "weights")
_SHOWN_CLASSES = 50  # a table longer than that is for --json


def _figures(found: Evaluation | EvaluationSummary) -> dict[str, object]:
    """What was tested, how, and the errors."""
    return {
        "run": None if found.is_ensemble else found.run_ids[0],
        "runs": list(found.run_ids),
        "protocol": str(found.protocol.kind),
        "protocol_key": found.protocol.key,
        "data": found.data,
        "data_seed": found.data_seed,
        "data_sha256": found.data_sha256,
        "images": found.images,
        "top1_error": found.top1_error,
        "top5_error": found.top5_error,
        "member_errors": list(found.member_errors),
        "gain": found.gain,
    }


def evaluation_json(evaluation: Evaluation, stored: bool) -> dict[str, object]:
    """What ``evaluate --json`` prints."""
    return {
        "id": evaluation.id,
        "stored": stored,
        **_figures(evaluation),
        "classes": list(evaluation.class_names),
        "per_class_errors": list(evaluation.per_class_errors),
        "confusion": evaluation.confusion.tolist(),
        "weights_sha256": list(evaluation.weights),
        "iterations": list(evaluation.iterations),
        "created_at": evaluation.created_at.isoformat(),
        "seconds": round(evaluation.seconds, 3),
        "skipped": list(evaluation.skipped),
        "notes": list(evaluation.notes),
    }


def show_evaluation(evaluation: Evaluation, names: dict[str, str]) -> None:
    """On stdout: the figures, then one line a class; ``names`` of the runs by id."""
    members = zip(evaluation.run_ids, evaluation.iterations, strict=True)
    words = [
        _("{names} ({run_id}), iteration {iteration}", names=names[run_id], run_id=run_id[:8], iteration=iteration)
        for run_id, iteration in members
    ]
    own = [percent(error) for error in evaluation.member_errors]
    runs = [f"{word}: {error}" for word, error in zip(words, own, strict=True)] if own else words
    print_facts(
        (
            *(
                (_("run") if len(runs) == 1 else _("member {place}", place=place), text)
                for place, text in enumerate(runs, start=1)
            ),
            (
                _("data"),
                _(
                    "{data}, {images}",
                    data=evaluation.data,
                    images=counted(evaluation.images, "test image", "test images"),
                ),
            ),
            (_("protocol"), evaluation.protocol.label),
            (_("top-1 error"), percent(evaluation.top1_error)),
            (_("top-5 error"), percent(evaluation.top5_error)),
            *([(_("gain"), _gain(evaluation.gain))] if evaluation.gain is not None else []),
            (_("time"), duration(evaluation.seconds)),
            *(
                [(_("left out"), counted(len(evaluation.skipped), "unreadable file", "unreadable files"))]
                if evaluation.skipped
                else []
            ),
            *((_("note"), note) for note in evaluation.notes),
        )
    )
    if len(evaluation.class_names) <= _SHOWN_CLASSES:
        print_table(
            (_("class"), _("images"), _("error"), _("most often taken for")),
            _class_rows(evaluation),
            right=(_("images"), _("error")),
        )


def _gain(gain: float) -> str:
    return (
        _("{gain:.2f} percentage points below the best member", gain=gain)
        if gain >= 0
        else _("none: {gain:.2f} percentage points above the best member", gain=-gain)
    )


def _class_rows(evaluation: Evaluation) -> list[tuple[str, str, str, str]]:
    rows = []
    errors = zip(evaluation.class_names, evaluation.confusion, evaluation.per_class_errors, strict=True)
    for label, (name, counts, error) in enumerate(errors):
        wrong = counts.copy()
        wrong[label] = 0
        other = int(wrong.argmax())
        taken = f"{evaluation.class_names[other]} ({wrong[other]})" if wrong[other] else ""
        rows.append((name, grouped(int(counts.sum())), percent(error), taken))
    return rows


def write_csv(found: Sequence[Evaluation], file: Path) -> None:
    """One line an image; raises UserError if the file cannot be written."""
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = CsvWriter(out)
            writer.writerow(("runs", "protocol", "image", "class", "predicted", "probability"))
            for evaluation in found:
                names = evaluation.class_names
                head = ("+".join(evaluation.run_ids), evaluation.protocol.key)
                columns = (evaluation.names, evaluation.labels, evaluation.predicted, evaluation.confidence)
                for image, label, predicted, confidence in zip(*columns, strict=True):
                    writer.writerow((*head, image, names[label], names[predicted], str(confidence)))
    except OSError as error:
        raise UserError(
            _("The file {file} cannot be written ({strerror}).", file=file, strerror=error.strerror or error)
        ) from None


def summary_json(summary: EvaluationSummary) -> dict[str, object]:
    """One entry of ``evaluations --json``."""
    return {
        "id": summary.id,
        **_figures(summary),
        "weights_sha256": list(summary.weights),
        "iterations": list(summary.iterations),
        "outdated": list(summary.outdated),
        "created_at": summary.created_at.isoformat(),
        "seconds": round(summary.seconds, 3),
        "skipped": summary.skipped,
    }


def summary_row(summary: EvaluationSummary, names: dict[str, str]) -> tuple[str, ...]:
    """One line under :data:`COLUMNS`."""
    return (
        summary.id[:8],
        " + ".join(names.get(run_id, run_id[:8]) for run_id in summary.run_ids),
        summary.protocol.label,
        summary.data,
        grouped(summary.images),
        percent(summary.top1_error),
        percent(summary.top5_error),
        "" if summary.gain is None else f"{summary.gain:.2f}",
        moment(summary.created_at),
        _("older than the run's") if any(summary.outdated) else "",
    )
