"""The page of a study.

Question, verdicts with their rule and dots, charts, tables, conformity, the paper's numbers, how to repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from resnet_studio import __version__
from resnet_studio.domain.documents import to_toml
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import TRAINING_ERROR_WINDOW
from resnet_studio.domain.text_numbers import duration, grouped, moment, percent, short_count
from resnet_studio.studies.report.charts import dots
from resnet_studio.studies.report.markup import Content, Markup, element, joined, table
from resnet_studio.studies.report.pictures import pictures
from resnet_studio.studies.result_rows import recipe_differences, result_columns, result_rows, seeds_note
from resnet_studio.studies.rule import rule_text
from resnet_studio.studies.stored import StoredStudy
from resnet_studio.text import _, _n

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--line:#d7dce3;--page:#fff;--good:#00795a;--bad:#b04a00}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#38424f;--page:#14181e;--good:#4cc9a4;
--bad:#ff9d5c}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2rem auto;
padding:0 1rem}
h1{margin-bottom:0}h2{margin-top:2.2rem;border-bottom:1px solid var(--line)}
.question{font-size:1.2rem}.soft,figcaption{color:var(--soft)}section.verdict{border-left:4px solid var(--line);
padding-left:1rem;margin:1.4rem 0}section.shown{border-color:var(--good)}section.opposite{border-color:var(--bad)}
.badge{font-weight:600}table{border-collapse:collapse;font-size:.92rem}th,td{padding:.25rem .7rem;border-bottom:1px
solid var(--line);text-align:left;vertical-align:top}.n{text-align:right;font-variant-numeric:tabular-nums}
td.n,td:first-child{white-space:nowrap}.wide{overflow-x:auto;margin:.8rem 0}
.chart{width:100%;height:auto}.tick{font-size:11px;fill:var(--soft)}.grid{stroke:var(--line)}
.zero{stroke:var(--ink)}.margin{fill:var(--line);fill-opacity:.55}.interval{stroke:var(--ink);stroke-width:2}
.mean{fill:var(--ink)}.seed{fill:#0072B2}.unseen{fill:none;stroke:#0072B2}.thin{stroke-width:.8;stroke-opacity:.45}
.thick{stroke-width:2.2}.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.9rem}
.key i{display:inline-block;width:26px;margin-right:.4rem;vertical-align:middle}.key svg{margin-right:.4rem}
pre{overflow-x:auto;border:1px solid var(--line);padding:.7rem;font-size:.85rem}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(found: StoredStudy, command: str, *, made_at: datetime | None = None) -> str:
    """The whole file as text: nothing is loaded from anywhere, and nothing in it is run.

    Args:
        found: The study and what the history has of it.
        command: What trains it again.
        made_at: Now, if left out.
    """
    plan = found.plan
    body = joined(
        (
            element("h1", plan.name),
            element("p", plan.question, class_="question"),
            *_verdicts(found),
            *_charts(found),
            *_results(found),
            *_paper(found),
            *_repeat(found, command),
            element(
                "p",
                _("Made {time} by ResNet Studio {version}.", time=moment(made_at or datetime.now(UTC)),
                  version=__version__),
                class_="soft",
            ),
        )
    )  # fmt: skip
    head = joined(
        (
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            element("title", plan.name),
            element("style", Markup(_STYLE)),
        )
    )
    return f"<!DOCTYPE html>\n<html><head>{head}</head>\n<body>{body}</body></html>\n"


def _verdicts(found: StoredStudy) -> Iterator[Markup]:
    yield element("h2", _("Verdict"))
    for verdict in found.verdicts:
        parts = [
            element("h3", verdict.comparison.question),
            element("p", element("span", verdict.outcome.words, class_="badge")),
            element("p", verdict.text),
            dots(verdict),
        ]
        if verdict.pairs:
            parts.append(
                element(
                    "p",
                    _(
                        "A dot a seed: {higher} minus {lower}, in points; to the right it speaks for the question. "
                        "Square and line: mean and interval. Grey: less than a point.",
                        higher=verdict.higher,
                        lower=verdict.lower,
                    ),
                    class_="soft",
                )
            )
        if verdict.comparison.paper:
            parts.append(element("p", _("The paper: {paper}", paper=verdict.comparison.paper)))
        if sentence := verdict.beside_the_paper:
            parts.append(element("p", sentence))
        yield element("section", *parts, class_=f"verdict {verdict.outcome}")
    yield element("h3", _("The rule"))
    yield element("p", rule_text(found.plan.looks, len(found.plan.comparisons)))


def _charts(found: StoredStudy) -> Iterator[Markup]:
    for picture in pictures(found):
        yield element("h2", picture.title)
        yield element("figure", picture.drawing, element("figcaption", picture.words))


def _results(found: StoredStudy) -> Iterator[Markup]:
    rows = [
        (
            row.label, grouped(row.parameters), short_count(row.multiply_adds), str(row.seeds), row.training_error,
            row.test_error, row.paper,
        )
        for row in result_rows(found)
    ]  # fmt: skip
    yield element("h2", _("Results"))
    yield table(result_columns(), rows, numbers=(1, 2, 3, 4, 5))
    yield element(
        "p",
        _(
            "Mean ± standard deviation over the seeds. Training error: mean of the last {window} iterations; test "
            "error: the last one.",
            window=TRAINING_ERROR_WINDOW,
        )
        + " "
        + seeds_note(found),
        class_="soft",
    )
    heads = (
        _("net"),
        _("seed"),
        _("run"),
        _("status"),
        _("iterations"),
        _("training error"),
        _("test error"),
        _("time"),
    )
    runs = [(place, place.run) for place in found.places if place.run is not None]
    yield element("h3", _("Runs"))
    yield table(
        heads,
        [
            (
                place.arm.label, str(place.seed), run.short_id, _(run.status.value),
                f"{grouped(run.iteration)} / {grouped(run.iterations)}", percent(run.training_error),
                percent(run.test_error), duration(run.seconds),
            )
            for place, run in runs
        ],
        numbers=(1, 4, 5, 6, 7),
    )  # fmt: skip
    bad = [run for _place, run in runs if run.status in (RunStatus.DIVERGED, RunStatus.FAILED)]
    for run in bad:
        yield element("p", _("{name} {status}: {reason}", name=run.name, status=_(run.status.value), reason=run.reason))


def _paper(found: StoredStudy) -> Iterator[Markup]:
    plan = found.plan
    yield element("h2", _("Beside the paper"))
    if plan.expects:
        yield element("p", element("b", plan.where), ": ", plan.expects)
    lists, differences = recipe_differences(found)
    if differences:
        yield element("p", _n("{count} point differs:", "{count} points differ:", len(differences)))
        rows: list[Sequence[Content]] = [
            (each.topic, each.run, _("{paper} ({where})", paper=each.paper, where=each.where), each.nets)
            for each in differences
        ]
        yield table((_("point"), _("here"), _("the paper"), _("nets")), rows)
    else:
        yield element("p", _("Every point of the paper that these runs can meet is met."))
    yield table((_("net"), _("conformity")), [(arm.label, one.sentence) for arm, one in lists])


def _repeat(found: StoredStudy, command: str) -> Iterator[Markup]:
    yield element("h2", _("How to repeat it"))
    yield element("pre", command)
    facts: dict[str, dict[str, None]] = {}
    for run in found.runs:
        for key, value in run.environment.items():
            if value and not key.startswith("until_"):
                facts.setdefault(key, {})[value] = None
    if facts:
        rows = [(key.replace("_", " "), ", ".join(values)) for key, values in sorted(facts.items())]
        yield element("h3", _("What the bits depend on"))
        yield table((_("what"), _("here")), rows)
    yield element("h3", _("The first net as a run file"))
    yield element("pre", to_toml(found.plan.arms[0].with_seed(found.plan.seeds[0])))
