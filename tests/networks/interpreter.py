"""Triton's kernels on the processor: in a process of its own, for Triton decides as it is loaded what they become."""

from __future__ import annotations

import os
import subprocess
import sys


def interpret(program: str) -> None:
    """Run a program in which kernels are interpreted; fails with what it printed if it does."""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True,
        timeout=220, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
