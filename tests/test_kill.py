"""kill -9 at random moments, resume, and the final weights are bit for bit those of a run that was never killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "benchmarks" / "kill_nine.py"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_ten_kills_at_random_moments_change_nothing():
    result = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "10"], capture_output=True, text=True, timeout=230, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    assert told["kills"] == sum(told["landed"].values()) == 10
    assert len(told["landed"]) > 3, "kills of several kinds"
    assert told["equal"], f"repeat with --seed {told['seed']}"
