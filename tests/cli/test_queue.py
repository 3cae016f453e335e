"""The queue without a window: filled, reordered, trained to its end, stopped, and changed beside another program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.queue import QueueStatus
from resnet_studio.history.steer import answer_requests
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..warm_python import WarmProcess
from .conftest import TINY, Said, Trained

Say = Callable[..., Said]


@pytest.fixture
def tiny(images: Path) -> tuple[object, ...]:
    return (*TINY, "--data", f"folder:{images}", "--iterations", 20, "--test-every", 10)


def listed(at_home: Say, *options: str) -> list[dict[str, object]]:
    said = at_home("queue", "list", "--json", *options)
    assert (said.code, said.err) == (0, "")
    return said.json


def test_added_entries_are_listed_moved_and_removed(at_home: Say, tiny: tuple[object, ...]) -> None:
    assert at_home("queue", "list").out == "Nothing waits.\n"
    twin = at_home("queue", "add", *tiny, "--seed", 3, "--twin", "--json").json
    assert at_home("queue", "add", *tiny, "--seed", 4).code == 0
    (study,) = at_home("queue", "add", "--study", "degradation", "--seeds", 1, "--first", "--json").json
    assert at_home("queue", "add", "--study", "degradation", "--seeds", 1, "--json").json == [], "it waits already"
    entries = listed(at_home)
    assert [entry["position"] for entry in entries] == [1, 2, 3]
    assert (entries[0]["cohort"], entries[0]["study"]) == (study["cohort"], "degradation")
    assert (entries[1]["id"], entries[1]["seeds"], entries[1]["status"]) == (twin["id"], [3], "waiting")
    assert [run["name"] for run in entries[1]["runs"]] == ["plain-8", "ResNet-8"]
    assert entries[1]["progress"] == 0.0
    assert at_home("queue", "move", "1", "3").code == 0
    assert [entry["seeds"] for entry in listed(at_home)] == [[3], [4], [0]]
    assert at_home("queue", "remove", study["id"][:10]).code == 0
    assert len(at_home("runs", "list", "--json").json) == 3, "no ghost of the study is left"
    again = at_home("queue", "repeat", "1")
    assert again.code == 0
    assert [entry["seeds"] for entry in listed(at_home)] == [[3], [4], [3]]
    assert at_home("queue", "pause", "2").code == 0
    assert [entry["status"] for entry in listed(at_home)] == ["waiting", "paused", "waiting"]


def test_a_study_is_added_by_its_name_or_file_as_study_run_takes_it(at_home: Say, images: Path, tmp_path: Path) -> None:
    (named,) = at_home("queue", "add", "degradation", "--seeds", 1, "--json").json
    assert (named["study"], len(named["runs"])) == ("degradation", 4)
    file = tmp_path / "own.toml"
    file.write_text(f'name = "mine"\nseeds = 1\n[grid]\ndepth = [8, 14]\n[fixed]\ndata = "folder:{images}"\n')
    (own,) = at_home("queue", "add", file, "--json").json
    assert (own["study"], own["seeds"], len(own["runs"])) == ("own/mine", [0], 2)
    run = tmp_path / "run.toml"
    run.write_text(at_home("train", *TINY, "--data", f"folder:{images}", "--dry-run").out)
    assert at_home("queue", "add", run, "--json").json["study"] == ""
    assert [entry["study"] for entry in listed(at_home)] == ["degradation", "own/mine", ""]
    refused = at_home("queue", "add", run, "--seeds", 3)
    assert (refused.code, "belong to a study" in refused.err) == (2, True)


def test_asking_for_what_is_already_so_is_answered(at_home: Say, tiny: tuple[object, ...]) -> None:
    entry = at_home("queue", "add", *tiny, "--json").json
    assert at_home("queue", "stop", "1").out == ""
    said = at_home("queue", "stop", "1")
    assert said.code == 0
    assert said.out.startswith("ResNet-8 is stopped already, at iteration 0 of 20; go on with: ")
    assert f"queue continue {entry['id'][:8]}" in said.out
    assert at_home("queue", "continue", "1").out == ""
    assert at_home("queue", "continue", "1").out.startswith("ResNet-8 waits already, as number 1; ")
    assert at_home("queue", "pause", "1").out == ""
    assert at_home("queue", "pause", "1").out.startswith("ResNet-8 is paused already, ")


def test_what_may_share_batches_trains_together(at_home: Say, tiny: tuple[object, ...]) -> None:
    first = at_home("queue", "add", *tiny, "--json").json
    said = at_home("queue", "add", *tiny, "--block", "plain")
    assert "2 runs" in said.out
    alone = at_home("queue", "add", *tiny, "--init-seed", 1, "--alone", "--json").json
    assert [entry["cohort"] for entry in listed(at_home)] == [first["cohort"], alone["cohort"]]
    assert [len(entry["runs"]) for entry in listed(at_home)] == [2, 1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("remove", "1"), "no entry"),
        (("move", "abc", "1"), "no entry"),
        (("add", "--budget", "quick"), "belong to a study"),
        (("add", "nothing"), "No study is called 'nothing'"),
        (("add", "nothing.toml"), "There is no run file nothing.toml"),
        (("add", "degradation", "--depth", "8"), "leave out"),
        (("add", "run.toml", "--study", "degradation"), "leave out"),
        (("add", "--study", "degradation", "--depth", "8"), "leave out"),
        (("add", "--study", "nothing"), "No study"),
        (("add", "--depth", "9"), "9"),
    ],
)
def test_what_cannot_be_done_is_said(at_home: Say, arguments: tuple[str, ...], sentence: str) -> None:
    said = at_home("queue", *arguments)
    assert said.code == 2
    assert sentence in said.err
    assert listed(at_home) == []


def test_run_trains_until_nothing_waits_and_a_failure_stops_nothing(
    at_home: Say, tiny: tuple[object, ...], tmp_path: Path
) -> None:
    first = at_home("queue", "add", *tiny, "--json").json
    broken = at_home("queue", "add", *tiny, "--seed", 1, "--json").json
    last = at_home("queue", "add", *tiny, "--seed", 2, "--json").json
    with RunStore.open(Home(tmp_path / "home")) as store:  # a run that a resume refuses: its data is another's
        run_id = broken["runs"][0]["id"]
        store.set_started([run_id], ["a"], {"data_sha256": "of other images"})
    said = at_home("queue", "run", "--json")
    assert said.code == 1
    assert "have changed" in said.err
    assert [(entry["id"], entry["status"]) for entry in said.json] == [
        (first["id"], "finished"),
        (broken["id"], "failed"),
        (last["id"], "finished"),
    ]
    assert listed(at_home) == []
    assert [entry["status"] for entry in listed(at_home, "--all")] == ["finished", "failed", "finished"]
    assert at_home("queue", "run").code == 0, "nothing waits"


def test_a_queue_trained_before_says_how_long_the_rest_takes(trained: Trained, images: Path) -> None:
    options = (*TINY, "--data", f"folder:{images}", "--iterations", 600)
    assert trained.say("queue", "add", *options).code == 0
    (entry,) = trained.say("queue", "list", "--json").json
    assert entry["seconds_left"] > 0
    assert "in all." in trained.say("queue", "list").out


def test_another_program_adds_and_steers(at_home: Say, tiny: tuple[object, ...], tmp_path: Path) -> None:
    """Here a store that holds the history and answers, as every program that trains does."""
    over = threading.Event()
    with RunStore.open(Home(tmp_path / "home").prepare()) as store:

        def answer() -> None:
            while not over.wait(0.02):
                answer_requests(store)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            added = at_home("queue", "add", *tiny, "--json")
            assert at_home("queue", "pause", "1").code == 0
            refused = at_home("queue", "run")
        finally:
            over.set()
            thread.join()
        assert added.code == 0
        (entry,) = store.queue()
        assert (entry.id, entry.status) == (added.json["id"], QueueStatus.PAUSED)
        assert refused.code == 2
        assert "in use by another ResNet Studio" in refused.err


@pytest.mark.skipif(not hasattr(signal, "SIGTERM") or os.name == "nt", reason="needs SIGTERM")
def test_sigterm_stops_properly_and_the_next_run_goes_on(
    at_home: Say, tiny: tuple[object, ...], tmp_path: Path
) -> None:
    assert at_home("queue", "add", *tiny, "--iterations", 100_000, "--engine", "eager").code == 0
    assert at_home("queue", "add", *tiny).code == 0
    home = Home(tmp_path / "home")
    process = WarmProcess(
        [sys.executable, "-m", "resnet_studio", "--home", str(home.root), "queue", "run"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("iteration"):
            break
    process.send_signal(signal.SIGTERM)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "2 cohorts wait" in err
    assert "queue run" in err
    with RunStore.open(home) as store:
        first, second = store.queue()
        assert (first.status, second.status) == (QueueStatus.WAITING, QueueStatus.WAITING)
        assert first.runs[0].status is RunStatus.STOPPED
        assert first.runs[0].iteration > 0
        assert store.checkpoints(first.run_ids[0])[0].iteration == first.runs[0].iteration
