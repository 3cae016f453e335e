"""What only a process of its own shows: signals, pipes, exit codes, and what is loaded on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..warm_python import WarmProcess
from .conftest import TINY, Said, Trained, one_core, say

COMMAND = (sys.executable, "-m", "resnet_studio")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes as POSIX has them")


def environment(**changed: str) -> dict[str, str]:
    """Without a display; standard output as buffered as a user's."""
    unset = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "PYTHONUNBUFFERED")
    return {**{name: value for name, value in os.environ.items() if name not in unset}, **changed}


def start_training(home: Path, images: Path, iterations: int, *more: str) -> subprocess.Popen[str]:
    arguments = ("--home", str(home), "train", *TINY, "--data", f"folder:{images}", "--iterations", str(iterations),
                 "--test-every", "100000", "--seed", "5", *more)  # fmt: skip
    with one_core():  # inherited
        return WarmProcess(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )


def wait_for_training(process: subprocess.Popen[str]) -> None:
    """Until the first line that tells an iteration."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("iteration"):
            return
    raise AssertionError(f"training never began: {process.communicate()}")


def stored(home: Path) -> dict[str, Any]:
    (run,) = say("--home", home, "runs", "list", "--json").json
    assert isinstance(run, dict)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_leaves_a_resumable_run(name: str, tmp_path: Path, images: Path) -> None:
    """And resumed it ends with the weights of a run that nobody disturbed."""
    iterations, number = 400, signal.Signals[name]
    with start_training(tmp_path, images, iterations) as process:
        wait_for_training(process)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    run = stored(tmp_path)
    assert run["status"] == "stopped"
    assert 0 < run["iteration"] < iterations
    assert f"resume with: resnet-studio --home {tmp_path} resume {run['id']}" in said
    assert "Traceback" not in said
    if number is not signal.SIGTERM:
        return
    resumed = say("--home", tmp_path, "resume", run["id"], "--json").json
    assert (resumed["status"], resumed["iteration"]) == ("finished", iterations)
    undisturbed = say(
        "--home", tmp_path / "other", "train", *TINY, "--data", f"folder:{images}", "--iterations", iterations,
        "--test-every", 100000, "--seed", 5, "--json",
    )  # fmt: skip
    assert resumed["weights_sha256"] == undisturbed.json["weights_sha256"]


@pytest.mark.slow
def test_training_outlives_the_reader_of_its_lines(tmp_path: Path, images: Path) -> None:
    with start_training(tmp_path, images, 40) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert said == ""
    assert process.returncode == 0
    assert stored(tmp_path)["status"] == "finished"


def test_without_a_display_one_sentence_names_the_demo(tmp_path: Path) -> None:
    for arguments in ((), ("--home", str(tmp_path / "home"))):
        said = subprocess.run(
            [*COMMAND, *arguments], capture_output=True, text=True, env=environment(), timeout=60, check=False
        )
        assert said.returncode == 2
        assert said.stdout == ""
        (sentence,) = said.stderr.splitlines()
        assert "No display was found" in sentence
        assert "`resnet-studio demo`" in sentence
    assert not (tmp_path / "home").exists()


def test_a_reader_that_goes_away_is_no_error(original: Trained) -> None:
    with subprocess.Popen(
        [*COMMAND, "--home", str(original.home), "runs", "export", *original.ids],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
    assert said == ""
    assert process.returncode == 0


def test_a_terminal_that_knows_no_unicode(original: Trained) -> None:
    said = subprocess.run(
        [*COMMAND, "--home", str(original.home), "runs", "list"],
        capture_output=True, env=environment(PYTHONIOENCODING="ascii", PYTHONUTF8="0"), timeout=60, check=False,
    )  # fmt: skip
    assert (said.returncode, said.stderr) == (0, b"")
    assert original.ids[0][:8].encode() in said.stdout


LOADED = """
import json, sys
from resnet_studio.__main__ import start
code = start(sys.argv[1:])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
sys.exit(code)
"""


def loaded(*arguments: str) -> set[str]:
    said = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        capture_output=True, text=True, env=environment(), timeout=60, check=False,
    )  # fmt: skip
    return set(json.loads(said.stderr.splitlines()[-1]))


def test_the_way_to_the_window_loads_no_command_line() -> None:
    assert loaded().isdisjoint({"typer", "click", "rich", "torch"})


def test_commands_that_need_no_torch_do_not_wait_for_it(original: Trained, tmp_path: Path) -> None:
    home = ("--home", str(original.home))
    for arguments in (
        ("network", "--depth", "56"), (*home, "runs", "list"), (*home, "compare", *original.ids),
        (*home, "study", "list"), ("train", "--dry-run"),
    ):  # fmt: skip
        assert "torch" not in loaded(*arguments)


def test_main_py_does_the_same(at_home: Callable[..., Said]) -> None:
    script = Path(__file__).parents[2] / "main.py"
    said = subprocess.run(
        [sys.executable, str(script), "--version"],
        capture_output=True, text=True, env=environment(), timeout=60, check=False,
    )  # fmt: skip
    assert (said.returncode, said.stdout) == (0, at_home("--version").out)
