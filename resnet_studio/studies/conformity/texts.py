"""A conformity list as text, as JSON, as rows of a table, and as the remarks of a run file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from resnet_studio.domain.csv_text import CsvWriter
from resnet_studio.domain.records import RunRecord
from resnet_studio.studies.conformity.checks import Check, Part, State
from resnet_studio.studies.conformity.report import Conformity
from resnet_studio.text import _

CSV_COLUMNS = ("run", "name", "part", "topic", "state", "paper", "where", "has")


def shown_checks(found: Conformity, *, only_differences: bool = False) -> tuple[Check, ...]:
    """All points, or those in which the run differs or might."""
    if not only_differences:
        return found.checks
    return tuple(check for check in found.checks if check.state in (State.DIFFERS, State.UNKNOWN))


def headline(found: Conformity) -> list[str]:
    """What stands above the list: yardstick, summary, the paper's errors, the run's own."""
    lines = [_("Held against {yardstick}.", yardstick=found.yardstick), found.sentence]
    if found.paper:
        lines.append(_("The paper on {label}: {paper}", label=found.label, paper=found.paper))
    if found.remark:
        lines.append(found.remark)
    if found.own:
        lines.append(_("Here: {own}.", own=found.own))
    return lines


def as_text(found: Conformity, *, only_differences: bool = False) -> str:
    """Plain text, a line for what the run has and one for what the paper has where they are not the same."""
    lines = [*headline(found)]
    checks = shown_checks(found, only_differences=only_differences)
    for part in Part:
        of_part = [check for check in checks if check.part is part]
        if of_part:
            lines += ["", _(part.value)]
        for check in of_part:
            lines.append(f"  {check.state.sign} {check.topic} ({_(check.state.value)}): {check.run}")
            if check.state is not State.NOT_APPLICABLE:
                lines.append(_("      paper, {where}: {paper}", where=check.where, paper=check.paper))
    return "\n".join(lines) + "\n"


def as_json(found: Conformity) -> dict[str, Any]:
    """Everything, for programs; errors in percent."""
    group = found.group
    result = None
    if group is not None:
        result = {
            "last_test_error": group.runs[0].test_error if group.count == 1 else None,
            "mean_test_error": group.mean,
            "standard_deviation": group.deviation,
            "seeds": group.count,
            "runs": [run.id for run in group.runs],
            "best_test_error": group.best,
        }
    return {
        "yardstick": str(found.yardstick),
        "summary": found.sentence,
        "counts": {str(state): count for state, count in found.counts.items()},
        "paper": [
            {"table": f.table, "protocol": f.protocol, "top1": f.top1, "top5": f.top5, "text": f.sentence}
            for f in found.figures
        ],
        "remark": found.remark,
        "result": result,
        "checks": [
            {
                "key": check.key,
                "part": str(check.part),
                "topic": check.topic,
                "state": str(check.state),
                "paper": check.paper,
                "where": check.where,
                "run": check.run,
            }
            for check in found.checks
        ],
    }


def as_csv(found: Sequence[tuple[RunRecord, Conformity]]) -> str:
    """One line a run and point, under ``CSV_COLUMNS``."""
    out = io.StringIO()
    writer = CsvWriter(out)
    writer.writerow(CSV_COLUMNS)
    for run, conformity in found:
        for check in conformity.checks:
            writer.writerow(
                (run.id, run.name, check.part, check.topic, check.state, check.paper, check.where, check.run)
            )
    return out.getvalue()


def csv_columns(found: Sequence[Conformity]) -> dict[str, list[str]]:
    """Columns that a table of results gains, one value a run, in the runs' order."""
    groups = [conformity.group for conformity in found]
    return {
        "seeds": [str(group.count) if group else "" for group in groups],
        "mean_test_error": [_number(group.mean if group else None) for group in groups],
        "std_test_error": [_number(group.deviation if group else None) for group in groups],
        "paper_error": [conformity.paper for conformity in found],
        "conformity": [conformity.sentence for conformity in found],
        "differs_in": ["; ".join(f"{c.topic}: {c.run}" for c in conformity.of(State.DIFFERS)) for conformity in found],
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def as_caption(found: Sequence[tuple[str, Conformity]]) -> str:
    """A line a run, by name, for the words that go with a figure."""
    lines = [f"{name}: {' '.join(headline(conformity))}" for name, conformity in found]
    return "\n".join(lines)


def as_remarks(found: Conformity) -> str:
    """Lines for the top of a run file; TOML does not read what follows a number sign."""
    lines = [
        *headline(found),
        *(
            _("{topic}: {run} (paper: {paper})", topic=c.topic, run=c.run, paper=c.paper)
            for c in found.of(State.DIFFERS)
        ),
    ]
    return "".join(f"# {' '.join(line.split())}\n" for line in lines)
