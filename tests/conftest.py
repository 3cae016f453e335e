"""Shared fixtures: a home folder, a store, and networks and cohorts small enough to train in a test."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for exact mode; must be there before torch loads
os.environ["RESNET_STUDIO_LANGUAGE"] = "en"  # whatever the machine speaks: tests read the texts of the code
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tiny networks: threads that spin while waiting cost the most

from collections.abc import Iterator
from pathlib import Path

import pytest

from resnet_studio.domain.specs import CohortSpec, RunSpec, replace, twin
from resnet_studio.platform.home import Home

from . import postgres
from .disks import SmallDisk, small_disk


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first: a mistake shows early."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare()


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL server; skipped where none can be had."""
    pytest.importorskip("psycopg", reason="psycopg is not installed: pip install 'resnet-studio[postgres]'")
    with postgres.running_server() as running:
        if running is None:
            pytest.skip(postgres.NONE)
        yield running


@pytest.fixture(scope="session")
def filled_template(server: postgres.Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with the tables of an empty history, to be copied."""
    from resnet_studio.history.store import open_history

    name = server.make_database()
    open_history(server.url(name), home=Home(tmp_path_factory.mktemp("template"))).close()
    return name


@pytest.fixture
def database(server: postgres.Server, filled_template: str) -> Iterator[str]:
    """The URL of an empty history's database, dropped after the test."""
    name = server.make_database(filled_template)
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def shared_home(tmp_path: Path, database: str) -> Home:
    """A home whose history is in PostgreSQL."""
    return Home(tmp_path / "home", history=database).prepare()


@pytest.fixture(scope="session")
def drawn_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in images' cache, drawn once for the whole session."""
    from resnet_studio.data.datasets.builtin import open_builtin
    from resnet_studio.domain.data_sets import BUILTIN

    once = Home(tmp_path_factory.mktemp("drawn")).prepare()
    open_builtin(BUILTIN, 0, once)
    return once.data


@pytest.fixture
def home_with_images(home: Home, drawn_images: Path) -> Home:
    """A home in which the built-in images need not be drawn again."""
    for file in drawn_images.iterdir():
        os.link(file, home.data / file.name)
    return home


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A real disk of a few megabytes that can be filled; skipped where none can be mounted."""
    with small_disk(tmp_path / "disk") as made:
        yield made


@pytest.fixture
def home_on_disk(disk: SmallDisk, drawn_images: Path) -> Home:
    """A home on it; the built-in images lie elsewhere."""
    made = Home(disk.root / "home").prepare()
    for file in drawn_images.iterdir():
        (made.data / file.name).symlink_to(file)
    return made


@pytest.fixture
def tiny_run() -> RunSpec:
    """ResNet-8 of width 4 on tiny inputs: some milliseconds an iteration."""
    run = RunSpec()
    return replace(
        run,
        network=replace(run.network, depth=8, width=4, image_size=8),
        recipe=replace(
            run.recipe,
            iterations=12,
            batch_size=16,
            milestones=(8,),
            test_every=5,
            learning_rate=0.05,
            precision="float32",
            device="cpu",
        ),
    )


@pytest.fixture
def tiny_twin(tiny_run: RunSpec) -> CohortSpec:
    return twin(tiny_run)


@pytest.fixture
def cifar10_folder() -> Path:
    """The real CIFAR-10 as class folders, where RESNET_STUDIO_CIFAR10 names them."""
    path = os.environ.get("RESNET_STUDIO_CIFAR10")
    if not path:
        pytest.skip("RESNET_STUDIO_CIFAR10 does not name the real CIFAR-10")
    return Path(path)
