"""Sentences of the Evaluate part: what pressing its buttons comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from resnet_studio.domain.records import EvaluationSummary
from resnet_studio.ui.pages.compare.evaluate.plan import Plan, Task
from resnet_studio.ui.pages.compare.evaluate.run_groups import evaluation_name, source_name
from resnet_studio.ui.pages.compare.evaluate.work import task_name

_MOST_NAMED = 5


def plan_sentence(plan: Plan, names: Mapping[str, str]) -> str:
    """``2 to make: a, b. 1 is made already: c.`` ``names`` by run id."""
    if not plan.tasks:
        count = len(plan.made)
        many = "It is made already" if count == 1 else f"All {count} are made already"
        return f"{many}: {_listed(plan.made, names)}. Make again?"
    sentence = f"{len(plan.tasks)} to make: {_listed(plan.tasks, names)}."
    if plan.made:
        sentence += f" {len(plan.made)} made already: {_listed(plan.made, names)}."
    return sentence


def _listed(tasks: Sequence[Task], names: Mapping[str, str]) -> str:
    named = [task_name(task, names) for task in tasks[:_MOST_NAMED]]
    rest = len(tasks) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest else "")


def delete_question(chosen: Sequence[EvaluationSummary], names: Mapping[str, str]) -> str:
    """Names each result by its runs, its protocol and its data."""
    lines = [
        f"{evaluation_name(one, names)}: {one.protocol.label}, {source_name(one.data, one.data_seed)}"
        for one in chosen[:_MOST_NAMED]
    ]
    if len(chosen) == 1:
        return f"Delete this result for good?\n\n{lines[0]}\n\nThe runs themselves stay."
    if len(chosen) > _MOST_NAMED:
        lines.append(f"and {len(chosen) - _MOST_NAMED} more")
    listed = "\n".join(lines)
    return f"Delete these {len(chosen)} results for good?\n\n{listed}\n\nThe runs themselves stay."
