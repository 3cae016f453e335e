"""Tiny class folders, and a twin trained on them for a few iterations."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ..colour_folders import COLOURS, Colour, write_colour_folders


def write_class_folders(root: Path, colours: Mapping[str, Colour] = COLOURS, count: int = 12, size: int = 8) -> Path:
    """``count`` training and as many test images of each class."""
    return write_colour_folders(root, train=count, test=count, noise=20, side=size, seed=7, colours=colours)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, 12 training and 12 test images each, 8x8."""
    return write_class_folders(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def folders() -> Callable[..., Path]:
    return write_class_folders


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Home:
    """A home with a plain and a residual run of 12 iterations, two checkpoints each; to be copied, not used."""
    from resnet_studio.runner.run_cohort import run

    home = Home(tmp_path_factory.mktemp("trained"))
    run_spec = RunSpec(
        network=NetworkSpec(depth=8, width=4, image_size=8, classes=3),
        recipe=RecipeSpec(
            iterations=12, batch_size=16, milestones=(8,), test_every=5, learning_rate=0.05, precision="float32",
            device="cpu",
        ),
        data=DataSpec(source=f"folder:{pictures}"),
    )  # fmt: skip
    with RunStore.open(home) as store:
        run(twin(run_spec), store, lambda event: None, checkpoint_seconds=0.0)
    return home


@pytest.fixture
def home(tmp_path: Path, trained_home: Home) -> Home:
    shutil.copytree(trained_home.root, tmp_path / "home")
    return Home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Iterator[RunStore]:
    with RunStore.open(home) as store:
        yield store


@pytest.fixture
def trained(store: RunStore) -> tuple[RunRecord, ...]:
    """Plain, then residual."""
    return tuple(store.list_runs())
