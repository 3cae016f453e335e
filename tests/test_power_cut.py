"""A training that ends at any single step of a checkpoint leaves rows of whole checkpoints alone, and can go on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "benchmarks" / "power_cut.py"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir() or not hasattr(os, "fork"), reason="needs fork and /proc")
def test_no_row_points_to_a_checkpoint_that_is_not_whole():
    result = subprocess.run(
        [sys.executable, SCRIPT, "--quick"], capture_output=True, text=True, timeout=230, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout.splitlines()[-1])
    kinds = [step.partition(" ")[0] for step in told["steps"]]
    assert kinds == [
        "mkdir", *["write", "fsync"] * 3, "fsync", "rename", "fsync", "add_checkpoint", "drop_checkpoint",
        *["unlink"] * 3, "rmdir",
    ]  # fmt: skip
    assert told["attempts"] == len(kinds)
    assert told["equal"]
    assert told["fsynced_before_row"]
