"""Tests of what is true of a file alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

RUNS = 40


@pytest.fixture
def backend() -> str:
    return "sqlite"


@pytest.fixture(scope="session")
def forty_runs(tmp_path_factory: pytest.TempPathFactory, tiny_twin: CohortSpec) -> Path:
    """The folder of a home with forty runs with curves and a checkpoint each, all of it in the file itself."""
    home = Home(tmp_path_factory.mktemp("forty runs")).prepare()
    with RunStore.open(home) as store:
        for number in range(RUNS // 2):
            for run in store.create_cohort(tiny_twin):
                store.rename(run.id, f"run {number} {run.name}")
                store.set_tags(run.id, ["kept", f"number {number}"])
                for first in (1, 501):
                    values = np.arange(first, first + 500, dtype=np.float32)
                    store.append_chunks([CurveChunk(run.id, Series.TRAINING_LOSS, first, values)])
                store.add_checkpoint(run.id, 1000, f"{run.id}/checkpoints/x", "0" * 64, 1.0)
                store.set_status(run.id, RunStatus.FINISHED)
                home.run(run.id).path.mkdir()
    return home.root


@pytest.fixture
def filled(home: Home, forty_runs: Path) -> Home:
    """A copy of it."""
    shutil.copytree(forty_runs, home.root, dirs_exist_ok=True)
    return home
