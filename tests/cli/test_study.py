"""``study``: listed, shown, trained, gone on with after a stop, told and reported."""

from __future__ import annotations

import html.parser
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.studies.catalog import STUDIES
from resnet_studio.studies.rule import Outcome

from .conftest import Said, say

At = Callable[..., Said]

GRID = """
name = "Tiny <b>depths</b>"
question = "Is <script>alert(1)</script> asked?"

[grid]
depth = [8, 14, 20]
block = ["plain", "basic"]

[fixed]
data = "folder:images"
width = 4
image_size = 8
classes = 3
iterations = 60
batch_size = 16
learning_rate = 0.05
milestones = []
test_every = 30
device = "cpu"
precision = "float32"
"""


@dataclass(frozen=True)
class Studied:
    """A home in which a grid was trained with three seeds, and the grid's file."""

    home: Path
    file: Path
    told: dict[str, Any]

    def say(self, *arguments: object) -> Said:
        return say("--home", self.home, *arguments)


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory, images: Path) -> Studied:
    folder = tmp_path_factory.mktemp("study")
    (folder / "images").symlink_to(images)
    file = folder / "grid.toml"
    file.write_text(GRID, encoding="utf-8")
    said = say("--home", folder / "home", "study", "run", file, "--json")
    assert said.code == 0, said.err
    return Studied(folder / "home", file, said.json)


def test_the_gallery_is_listed(at_home: At) -> None:
    told = at_home("study", "list", "--json").json
    assert [study["key"] for study in told] == [study.key for study in STUDIES]
    assert set(told[0]["budgets"]) == {"quick", "standard", "paper"}
    quick = told[0]["budgets"]["quick"]
    assert (quick["runs"], quick["seconds"], len(quick["cohorts"])) == (12, None, 3)
    table = at_home("study", "list").out
    assert all(study.key in table and study.question[:30] in table for study in STUDIES)
    assert "not known yet" in table


def test_a_study_is_shown_before_anything_starts(at_home: At, studied: Studied) -> None:
    shown = at_home("study", "show", "figure-6").out
    for expected in ("45 runs in 5 cohorts", "Figure 6", "64 000", "ResNet-110", "8.75 %", "Holm", "third of 5 %"):
        assert expected in shown
    told = at_home("study", "show", studied.file, "--json", "--seeds", 5).json
    assert (told["runs"], told["seeds"], len(told["cohorts"])) == (30, [0, 1, 2, 3, 4], 5)
    assert told["disk_bytes"] > 30 * 2 * 8 * 5_000
    assert at_home("study", "run", studied.file, "--dry-run").code == 0
    assert at_home("runs", "list", "--json").json == []


@pytest.mark.slow
def test_a_grid_is_trained_and_answered(studied: Studied) -> None:
    told = studied.told
    assert (told["done"], told["all"]) == (18, 18)
    assert {(place["status"], place["iteration"]) for place in told["runs"]} == {("finished", 60)}
    assert {run["study"] for run in told["records"]} == {"own/tiny-b-depths-b"}
    assert len({run["cohort"] for run in told["records"]}) == 3
    assert len(told["verdicts"]) == 5
    for verdict in told["verdicts"]:
        assert verdict["outcome"] in set(Outcome) - {Outcome.NOT_ENOUGH}
        assert verdict["seeds"] == [0, 1, 2]
        assert verdict["low"] <= verdict["estimate"] <= verdict["high"]


@pytest.mark.slow
def test_what_is_done_is_not_trained_again_and_more_seeds_are_added(studied: Studied) -> None:
    before = {run["id"]: run["weights_sha256"] for run in studied.told["records"]}
    again = studied.say("study", "run", studied.file, "--json").json
    assert {run["id"]: run["weights_sha256"] for run in again["records"]} == before
    more = studied.say("study", "run", studied.file, "--seeds", 4, "--json").json
    assert (more["done"], more["all"]) == (24, 24)
    assert before.items() <= {run["id"]: run["weights_sha256"] for run in more["records"]}.items()
    assert [verdict["seeds"] for verdict in more["verdicts"]] == [[0, 1, 2]] * 5  # the next look is at five
    assert "1 seed more is there; the next look is at 5." in more["verdicts"][0]["sentence"]


def test_a_study_is_refused_at_once_where_another_program_holds_the_history(
    at_home: At, tmp_path: Path, images: Path
) -> None:
    (tmp_path / "images").symlink_to(images)
    file = tmp_path / "grid.toml"
    file.write_text(GRID, encoding="utf-8")
    with RunStore.open(Home(tmp_path / "home")):
        said = at_home("study", "run", file)
    assert (said.code, said.out) == (2, "")
    assert said.err.count("in use by another ResNet Studio") == 1
    assert "runs are done" not in said.err


@pytest.mark.slow
def test_a_killed_study_goes_on_to_the_same_bits(studied: Studied, tmp_path: Path, images: Path) -> None:
    """One run of the first cohort is back where a kill may leave it: at no checkpoint, written down as interrupted."""
    home = tmp_path / "home"
    first = say("--home", home, "study", "run", studied.file, "--seeds", 1, "--json").json
    with RunStore.open(Home(home)) as store:
        lost = store.list_runs()[0]
        for checkpoint in store.checkpoints(lost.id):
            store.drop_checkpoint(lost.id, checkpoint.iteration)
        store.truncate_curves(lost.id, 0)
        store.set_status(lost.id, RunStatus.INTERRUPTED, iteration=0)
    status = say("--home", home, "study", "status", studied.file, "--seeds", 1, "--json").json
    assert (status["done"], status["all"]) == (5, 6)
    again = say("--home", home, "study", "run", studied.file, "--seeds", 1, "--json").json
    assert again["done"] == 6
    assert {run["id"]: run["weights_sha256"] for run in again["records"]} == {
        run["id"]: run["weights_sha256"] for run in first["records"]
    }


@pytest.mark.slow
def test_how_far_studies_are(studied: Studied) -> None:
    whole = studied.say("study", "status", studied.file).out
    for expected in ("plain-20", "finished", "60/60", "Is the training error of plain-20 higher"):
        assert expected in whole
    listed = studied.say("study", "status")
    assert "own/tiny-b-depths-b" in listed.out
    assert studied.say("study", "status", "--json").json[0]["study"] == "own/tiny-b-depths-b"


def test_without_a_study_status_says_so(at_home: At) -> None:
    assert "No study was trained yet" in at_home("study", "status").err


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [f"{tag} {name}" for name, _value in attrs if name in ("src", "href", "data", "action")]


@pytest.mark.slow
def test_a_report_is_one_file_that_loads_nothing(studied: Studied, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    said = studied.say("study", "report", studied.file, "--html", file, "--json")
    assert said.code == 0
    assert set(said.json) == {"study", "budget", "verdicts"}
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) < 2_000_000
    found = _Links()
    found.feed(text)
    assert found.loads == []
    assert not re.search(r"https?:|url\(|@import|<b>depths|<script", text)
    assert "Tiny &lt;b&gt;depths" in text
    assert "script" not in found.tags
    assert text.count("<svg") >= 5 + 4
    verdicts = said.json["verdicts"]
    for expected in (*(verdict["question"] for verdict in verdicts), "third of 5 %", "study run", "data sha256"):
        assert expected in text
    for expected in ("Training error against depth", "points differ", "plain-14", "Conforms in"):
        assert expected in text


@pytest.mark.slow
def test_a_report_before_anything_was_trained(at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    told = at_home("study", "report", "too-deep", "--html", file, "--json").json
    assert [verdict["outcome"] for verdict in told["verdicts"]] == ["not-enough", "not-enough"]
    assert "ResNet-1202 7.93 %" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "nothing"), "No study is called 'nothing'"),
        (("show", "nothing.toml"), "cannot be read"),
        (("show", "FILE", "--budget", "quick"), "leave --budget out"),
        (("show", "degradation", "--data", "nowhere"), "--data"),
        (("run", "plain-residual", "--budget", "paper"), "give its folder with --data folder:PATH"),
        (("run", "degradation", "--budget", "standard"), "resnet-studio data download cifar10"),
    ],
)
def test_what_cannot_be_done_is_said(at_home: At, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    file = tmp_path / "grid.toml"
    file.write_text('name = "a"\n[grid]\ndepth = [8, 14]\n', encoding="utf-8")
    said = at_home("study", *(str(file) if word == "FILE" else word for word in arguments))
    assert said.code == 2
    assert words in said.err
    assert "Traceback" not in said.err


def test_a_bad_file_is_named(at_home: At, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('name = "a"\n[grid]\ndpeth = [8]\n', encoding="utf-8")
    said = at_home("study", "run", file)
    assert said.code == 2
    assert "bad.toml: dpeth is no field of a run; did you mean depth" in said.err


@pytest.mark.slow
def test_nets_together_are_evaluated(at_home: At, images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real study with nets and data small enough to train in a test."""
    from dataclasses import replace as changed

    from resnet_studio.cli.commands import queue
    from resnet_studio.domain.specs import NetworkSpec, replace
    from resnet_studio.studies import catalog
    from resnet_studio.studies.catalog import gallery_study
    from resnet_studio.studies.study import BudgetName

    study = gallery_study("together")
    budget = study.budgets[BudgetName.QUICK]
    assert budget.recipe is not None
    nets = {f"resnet-{depth}": NetworkSpec(depth=depth, width=4, image_size=8) for depth in (8, 14)}
    small = changed(budget, networks=nets, iterations=20, recipe=replace(budget.recipe, batch_size=8, test_every=20))
    row = changed(study, budgets={**study.budgets, BudgetName.QUICK: small})
    monkeypatch.setattr(catalog, "STUDIES", (row,))
    monkeypatch.setattr(queue, "STUDIES", (row,))
    arguments = ("study", "run", "together", "--data", f"folder:{images}", "--seeds", 1, "--json")
    verdicts = at_home(*arguments).json["verdicts"]
    assert [(one["measure"], len(one["differences"])) for one in verdicts] == [("together", 1), ("scales", 1)]
    stored = at_home("evaluations", "--json").json
    assert [len(one["runs"]) for one in stored] == [2, 2]
    assert at_home(*arguments).json["verdicts"] == verdicts
    assert len(at_home("evaluations", "--json").json) == 2
    at_home("queue", "add", "--study", "together", "--data", f"folder:{images}", "--seeds", 2)
    assert at_home("queue", "run", "--json").code == 0
    assert len(at_home("evaluations", "--json").json) == 4
