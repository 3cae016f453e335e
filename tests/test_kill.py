"""kill -9 at random moments, resume, and the final weights are bit for bit those of a run that was never killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_six_kills_at_random_moments_change_nothing():
    result = subprocess.run(
        [sys.executable, BENCHMARKS / "kill_nine.py", "--kills", "6"],
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["kills"] == sum(told["landed"].values()) == 6
    assert len(told["landed"]) > 2, "kills of several kinds"
    assert told["equal"], f"repeat with --seed {told['seed']}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_a_queue_whose_window_and_command_line_are_killed_ends_as_one_that_never_was():
    result = subprocess.run(
        [sys.executable, BENCHMARKS / "kill_queue.py", "--kills", "3", "--cohorts", "2", "--iterations", "30"],
        capture_output=True, text=True, timeout=580, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["kills"] == sum(told["landed"].values()) == 3
    assert told["equal"], f"repeat with --seed {told['seed']}"
