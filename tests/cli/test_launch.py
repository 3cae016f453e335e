"""The script that starts workers in Slurm, and a program that stands where ``sbatch`` does."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import say

URL = "postgresql://me@server/resnet"


@pytest.fixture
def places(tmp_path: Path) -> tuple[object, ...]:
    return ("--home", tmp_path / "home", "--history", URL, "--runs", tmp_path / "shared runs")


def stand_in(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of the name ``sbatch``, the only one there."""
    folder.mkdir()
    program = folder / "sbatch"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_the_script_is_an_array_job_of_workers(places: tuple[object, ...], tmp_path: Path) -> None:
    script = tmp_path / "workers.sh"
    said = say(
        *places, "launch", "slurm", "--workers", 8, "--time", "8:00:00", "--option=--partition=gpu", "--output", script
    )
    assert (said.code, said.err) == (0, "")
    assert f"sbatch {script}" in said.out
    lines = script.read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    options = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")]
    for wanted in ("--array=1-8", "--time=8:00:00", "--gpus=1", "--requeue", "--signal=B:TERM@60", "--partition=gpu"):
        assert wanted in options
    assert lines[-1].startswith("exec ")
    command = shlex.split(lines[-1])[1:]
    assert command == [
        sys.executable, "-P", "-m", "resnet_studio", "--home", str(tmp_path / "home"), "--history", URL,
        "--runs", str(tmp_path / "shared runs"), "work", "--until-empty",
    ]  # fmt: skip
    subprocess.run(["sh", "-n", str(script)], check=True)
    again = say(*places, "launch", "slurm", "--workers", 9, "--time", "60", "--output", script)
    assert (again.code, "is there already" in again.err) == (2, True)
    assert script.read_text().splitlines() == lines


def test_it_is_handed_to_slurm(places: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "workers.sh"
    taken = tmp_path / "taken"
    stand_in(tmp_path / "bin", f"cp \"$1\" {shlex.quote(str(taken))}; echo 'Submitted batch job 7'", monkeypatch)
    options = ("--workers", 2, "--time", "2-0", "--gpus", 0, "--output", script, "--submit", "--json")
    said = say(*places, "launch", "slurm", *options)
    assert (said.code, said.err) == (0, "")
    assert said.json == {"script": str(script), "workers": 2, "submitted": True, "said": "Submitted batch job 7"}
    assert taken.read_text() == script.read_text()
    assert "--gpus" not in taken.read_text()


def test_a_refusal_and_a_missing_slurm_are_told(
    places: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = (*places, "launch", "slurm", "--workers", 1, "--time", "10", "--output", tmp_path / "w.sh", "--submit")
    with monkeypatch.context() as without:
        without.setenv("PATH", str(tmp_path))
        said = say(*launch)
        assert (said.code, "no sbatch on this machine" in said.err) == (2, True)
    stand_in(tmp_path / "bin", "echo 'sbatch: error: invalid partition' >&2; exit 1", monkeypatch)
    said = say(*launch)
    assert (said.code, "Slurm refused" in said.err, "invalid partition" in said.err) == (2, True, True)


def test_what_no_worker_could_use_is_refused(tmp_path: Path) -> None:
    home = ("--home", tmp_path / "home")
    rest = ("launch", "slurm", "--workers", 1, "--output", tmp_path / "w.sh", "--time")
    shared = ("--history", URL, "--runs", tmp_path)
    for arguments, why in (
        ((*home, *rest, "10"), "has one writer"),
        ((*home, "--history", URL, *rest, "10"), "one folder of checkpoints"),
        ((*home, "--history", "postgresql://me:secret@server/resnet", "--runs", tmp_path, *rest, "10"), "a password"),
        ((*home, "--history", f"{URL}?password=secret", "--runs", tmp_path, *rest, "10"), "a password"),
        ((*home, *shared, *rest, "soon"), "no time of Slurm"),
        ((*home, *shared, *rest, "10", "--option", "partition"), "no option of sbatch"),
        ((*home, *shared, *rest, "10", "--option=--array=1-9"), "Give --workers rather than --array=1-9"),
        ((*home, *shared, *rest, "10", "--option=--arr=1-9"), "Give --workers rather than --arr=1-9"),
        ((*home, *shared, *rest, "10", "--option=-a 1-9"), "Give --workers rather than -a 1-9"),
        ((*home, *shared, *rest, "10", "--option=-t9"), "Give --time rather than -t9"),
        ((*home, *shared, *rest, "10", "--option", "--x\nrm -rf"), "no option of sbatch"),
    ):
        said = say(*arguments)
        assert (said.code, why in said.err, "secret" in said.err) == (2, True, False), said.err
    assert not (tmp_path / "w.sh").exists()
