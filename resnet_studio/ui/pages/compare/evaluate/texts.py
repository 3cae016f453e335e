"""Sentences of the Evaluate part: what pressing its buttons comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_studio.domain.records import EvaluationSummary
from resnet_studio.text import _, _n
from resnet_studio.ui.pages.compare.evaluate.plan import Plan, Task
from resnet_studio.ui.pages.compare.evaluate.run_groups import evaluation_name, source_name
from resnet_studio.ui.pages.compare.evaluate.work import task_name

_MOST_NAMED = 5


def plan_sentence(plan: Plan, names: Mapping[str, str]) -> str:
    """``Evaluate makes 2 results: a, b. 1 is there already: c.`` ``names`` by run id."""
    if not plan.tasks:
        count = len(plan.made)
        return _n(
            "{count} result is there already: {listed}. Evaluate again?",
            "All {count} results are there already: {listed}. Evaluate again?",
            count,
            listed=_listed(plan.made, names),
        )
    sentence = _n(
        "Evaluate makes {count} result: {listed}.",
        "Evaluate makes {count} results: {listed}.",
        len(plan.tasks),
        listed=_listed(plan.tasks, names),
    )
    if plan.made:
        there = _n(
            "{count} is there already: {listed}.",
            "{count} are there already: {listed}.",
            len(plan.made),
            listed=_listed(plan.made, names),
        )
        sentence += f" {there}"
    return sentence


def _listed(tasks: Sequence[Task], names: Mapping[str, str]) -> str:
    named = [task_name(task, names) for task in tasks[:_MOST_NAMED]]
    rest = len(tasks) - len(named)
    return ", ".join(named) + (_(" and {rest} more", rest=rest) if rest else "")


def delete_question(chosen: Sequence[EvaluationSummary], names: Mapping[str, str]) -> str:
    """Names each result by its runs, its protocol and its data."""
    lines = [
        f"{evaluation_name(one, names)}: {one.protocol.label}, {source_name(one.data, one.data_seed)}"
        for one in chosen[:_MOST_NAMED]
    ]
    if len(chosen) == 1:
        return _("Delete this result for good?\n\n{lines}\n\nThe runs themselves stay.", lines=lines[0])
    if len(chosen) > _MOST_NAMED:
        lines.append(_("and {chosen} more", chosen=len(chosen) - _MOST_NAMED))
    listed = "\n".join(lines)
    return _(
        "Delete these {chosen} results for good?\n\n{listed}\n\nThe runs themselves stay.",
        chosen=len(chosen),
        listed=listed,
    )
