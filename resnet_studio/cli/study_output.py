"""What ``study`` prints: previews, progress and verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from resnet_studio.cli.output import hint, print_facts, print_table
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.text_numbers import NONE, counted, file_size, grouped, percent, short_count
from resnet_studio.studies.estimate import NOT_KNOWN, Estimate
from resnet_studio.studies.plan import StudyPlan
from resnet_studio.studies.rule import rule_text
from resnet_studio.studies.stored import OtherStudy, StoredStudy
from resnet_studio.text import _, _n

_LEFT_OUT_SHOWN = 5


def preview_json(plan: StudyPlan, time: Estimate | None) -> dict[str, Any]:
    """A study before it starts; times in seconds, null where nothing comparable was measured."""
    cohorts = plan.cohorts()
    return {
        "study": plan.key,
        "title": plan.title,
        "budget": plan.budget,
        "question": plan.question,
        "where": plan.where,
        "expects": plan.expects,
        "seeds": list(plan.seeds),
        "looks": list(plan.looks),
        "runs": len(plan.runs()),
        "cohorts": [[run.label for run in cohort.runs] for cohort in cohorts],
        "seconds": None if time is None else {"expected": time.seconds, "low": time.low, "high": time.high},
        "disk_bytes": plan.disk_bytes,
        "arms": [{"key": arm.key, "name": arm.label, "spec": arm.spec.model_dump(mode="json")} for arm in plan.arms],
        "comparisons": [
            {"question": c.question, "higher": c.higher, "lower": c.lower, "measure": c.measure.name.lower(),
             "paper": c.paper}
            for c in plan.comparisons
        ],
        "left_out": list(plan.left_out),
        "rule": rule_text(plan.looks, len(plan.comparisons)),
    }  # fmt: skip


def print_preview(plan: StudyPlan, found: StoredStudy, time: Estimate | None, left: Estimate | None) -> None:
    """Question, runs, what they take, and the rule."""
    runs, cohorts = plan.runs(), plan.cohorts()
    facts: list[tuple[str, object]] = [(_("study"), plan.name), (_("question"), plan.question)]
    if plan.where:
        facts += [(_("in the paper"), plan.where), (_("the paper"), plan.expects)]
    facts += [
        (_("runs"), _("{runs} in {cohorts}", runs=counted(len(runs), "run", "runs"),
                      cohorts=counted(len(cohorts), "cohort", "cohorts"))),
        (_("seeds"), ", ".join(map(str, plan.seeds))),
        (_("time here"), NOT_KNOWN if time is None else time.words),
        (_("disk"), _("about {size}", size=file_size(plan.disk_bytes))),
    ]  # fmt: skip
    if found.done:
        facts.append((_("done"), _n("{done} of {count} run", "{done} of {count} runs", found.all, done=found.done)))
        if left is not None and found.work:
            facts.append((_("time left"), left.words))
    print_facts(facts)
    columns = (_("net"), _("parameters"), _("multiply-adds"), _("iterations"), _("batch"), _("data"))
    rows = []
    for arm in plan.arms:
        design = blueprint(arm.spec.network)
        recipe = arm.spec.recipe
        rows.append(
            (arm.label, grouped(design.parameters), short_count(design.multiply_adds), grouped(recipe.iterations),
             recipe.batch_size, arm.spec.data.label)
        )  # fmt: skip
    print_table(columns, rows, right=columns[1:5])
    for comparison in plan.comparisons:
        print(comparison.question)
    print_left_out(plan)
    print(rule_text(plan.looks, len(plan.comparisons)))


def print_left_out(plan: StudyPlan) -> None:
    """Combinations that are no runs, the first of them by name."""
    if not plan.left_out:
        return
    count = len(plan.left_out)
    print(_("Left out: {count}", count=counted(count, "combination", "combinations")))
    for sentence in plan.left_out[:_LEFT_OUT_SHOWN]:
        print(f"  {sentence}")
    if count > _LEFT_OUT_SHOWN:
        print("  …")


def print_status(found: Sequence[StoredStudy], others: Sequence[OtherStudy], *, whole: bool) -> None:
    """A line a study; ``whole``: every run, and the verdicts."""
    if not found and not others:
        hint(_("No study was trained yet; `resnet-studio study list` names them."))
        return
    if not whole:
        columns = (_("name"), _("budget"), _("data"), _("runs"), _("seeds"), _("verdict"))
        rows = [
            (
                one.plan.key, one.plan.budget, one.plan.arms[0].spec.data.label, f"{one.done}/{one.all}",
                one.seeds_done, one.headline,
            )
            for one in found
        ]  # fmt: skip
        rows += [
            (one.key, "", "", f"{one.done}/{one.all}", one.seeds, _("by its file: study status FILE")) for one in others
        ]
        print_table(columns, rows, right=columns[3:5])
        return
    for one in found:
        heads = (_("net"), _("seed"), _("run"), _("status"), _("iterations"), _("training error"), _("test error"))
        print_table(heads, [_place_row(one, index) for index in range(len(one.places))], title=one.plan.name,
                    right=(heads[1], *heads[4:]))  # fmt: skip
        print_verdicts(one)


def _place_row(found: StoredStudy, index: int) -> tuple[object, ...]:
    place = found.places[index]
    run, length = place.run, place.arm.spec.recipe.iterations
    if run is None:
        return (place.arm.label, place.seed, NONE, _("to be trained"), f"0/{length}", NONE, NONE)
    return (
        place.arm.label, place.seed, run.short_id, _(run.status.value), f"{run.iteration}/{length}",
        percent(run.training_error), percent(run.test_error),
    )  # fmt: skip


def print_verdicts(found: StoredStudy) -> None:
    """Question and sentence of each, then the rule."""
    for verdict in found.verdicts:
        print()
        print(verdict.comparison.question)
        print(f"  {verdict.text}")
        if verdict.comparison.paper:
            print(_("  The paper: {paper}", paper=verdict.comparison.paper))
    print()
    print(rule_text(found.plan.looks, len(found.plan.comparisons)))
