"""Shared fixtures: a home folder, a store, and networks and cohorts small enough to train in a test."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # for exact mode; must be there before torch loads
os.environ["RESNET_STUDIO_LANGUAGE"] = "en"  # whatever the machine speaks: tests read the texts of the code
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tiny networks: threads that spin while waiting cost the most

import functools
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
import typer.main

from resnet_studio.__main__ import UNSTOPPABLE
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace, twin
from resnet_studio.platform.compile_cache import VARIABLE
from resnet_studio.platform.home import Home

from . import postgres
from .disks import SmallDisk, small_disk

# Several test processes have one core each, and so have the programs that they start: on two threads a network as small
# as a test's costs ten times the processor time that it costs on one. The fixture every_core lifts it.
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
TEST_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "")
if CORES and TEST_PROCESS:
    os.sched_setaffinity(0, {sorted(CORES)[int(TEST_PROCESS.removeprefix("gw")) % len(CORES)]})

COMPILING = ("test_compiled", "test_graphed", "test_shares", "test_measurements")
"""Modules whose slow tests compile, most of them the same: one process takes them, and compiles it once."""
LONGEST = ("test_kill", "test_power_cut", "test_attack", "test_odd_values")
"""Modules of the tests that take longest, half a minute and more."""
_USUAL, _LONG = 1, 4  # weights of a slow test, and of one of those modules


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first: a mistake shows early. Where several processes test, each begins with its part of the slow
    ones, the longest first: none of them is then left for the end, when the other processes have nothing to do. The
    tests of a module stay together, as far as that goes, so that what they share is made once."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    fast = [item for item in items if not item.get_closest_marker("slow")]
    if not TEST_PROCESS:
        items[:] = fast + slow
        return
    count = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    process_of, quick = _dealt(slow, count), set(fast)
    # Each process is given as many tests as the others, in this order; see xdist's scheduler "worksteal".
    share, parts, begun = len(items) // count, [], 0
    of_nobody = [item for item in fast if item.path not in process_of]
    for number in range(count):
        own = [item for item in (*slow, *fast) if process_of.get(item.path) == number]
        first = COMPILING if number == 0 else LONGEST
        own.sort(key=lambda item: (item in quick, item.path.stem not in first))
        rest = of_nobody[begun:] if number == count - 1 else of_nobody[begun : begun + max(0, share - len(own))]
        begun += len(rest)
        parts += own + rest
    items[:] = parts


def _dealt(slow: list[pytest.Item], count: int) -> dict[Path, int]:
    """The process, from 0, that takes a module's slow tests: the first one those that compile, each other module the
    one that has least to do until then."""
    weights: dict[Path, int] = {}
    for item in slow:
        long = item.path.stem in (*COMPILING, *LONGEST)
        weights[item.path] = weights.get(item.path, 0) + (_LONG if long else _USUAL)
    dealt, work = {}, [0] * count
    compiling_first = sorted(weights, key=lambda path: (path.stem not in COMPILING, -weights[path]))
    for path in compiling_first:
        number = 0 if path.stem in COMPILING else work.index(min(work))
        dealt[path] = number
        work[number] += weights[path]
    return dealt


def pytest_sessionfinish() -> None:
    """Let networks that are still being compiled end: a process that ends meanwhile aborts, see __main__'s leave."""
    for thread in threading.enumerate():
        if thread.name in UNSTOPPABLE:
            thread.join(120)


@pytest.fixture(scope="session", autouse=True)
def commands_made_once() -> Iterator[None]:
    """The tree of the command line's commands takes a twentieth of a second to make, and a program makes it once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(typer.main, "get_command", functools.cache(typer.main.get_command))
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    """SQLAlchemy compiles each statement once an engine. A program has one history; tests open thousands."""
    from resnet_studio.history.postgres import connections as of_postgres
    from resnet_studio.history.sqlite import connections as of_sqlite

    dialects: dict[str, sqlalchemy.Dialect] = {}
    compiled: dict[object, object] = {}  # their keys have the dialect in them

    def create_engine(*arguments: object, **options: object) -> sqlalchemy.Engine:
        engine = sqlalchemy.create_engine(*arguments, **options)
        engine.dialect = dialects.setdefault(engine.dialect.name, engine.dialect)
        engine.update_execution_options(compiled_cache=compiled)
        return engine

    with pytest.MonkeyPatch.context() as patch:
        for module in (of_sqlite, of_postgres):
            patch.setattr(module, "create_engine", create_engine)
        yield


@pytest.fixture(scope="session", autouse=True)
def layouts_probed_once() -> Iterator[None]:
    """The first training in each home takes half a second to find this machine's memory layout. torch is not loaded for
    that where no test module has loaded it."""
    if "torch" not in sys.modules:
        yield
        return
    from resnet_studio.training import memory_format

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_format, "channels_last_gain", functools.cache(memory_format.channels_last_gain))
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All test processes of a run keep what torch compiles in one folder: the same regions are compiled once, and C++'s
    headers too, ten seconds of processor time. Else each home that a command is given has a folder of its own."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if TEST_PROCESS else base) / "compiled"
    folder.mkdir(mode=0o700, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(folder))
        yield


@pytest.fixture
def every_core() -> Iterator[None]:
    """As many threads as the machine has cores, in the test and in what it starts."""
    before = os.sched_getaffinity(0) if CORES else set()
    if CORES:
        os.sched_setaffinity(0, CORES)
    yield
    if CORES:
        os.sched_setaffinity(0, before)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(len(before) or os.cpu_count() or 1)


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


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what a training measures of the machine first, half a second long, and a home then keeps."""
    import torch

    from resnet_studio.domain.enums import MemoryLayout, Precision
    from resnet_studio.training.memory_format import choose_layout

    cache = tmp_path_factory.mktemp("measured")
    choose_layout(MemoryLayout.AUTO, torch.device("cpu"), Precision.FLOAT32, cache)
    return cache


@pytest.fixture
def home_with_images(home: Home, drawn_images: Path, measured: Path) -> Home:
    """A home in which the built-in images need not be drawn again, nor the machine be measured."""
    for file in drawn_images.iterdir():
        os.link(file, home.data / file.name)
    shutil.copytree(measured, home.cache, dirs_exist_ok=True)
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


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def tiny_twin(tiny_run: RunSpec) -> CohortSpec:
    return twin(tiny_run)


@pytest.fixture
def cifar10_folder() -> Path:
    """The real CIFAR-10 as class folders, where RESNET_STUDIO_CIFAR10 names them."""
    path = os.environ.get("RESNET_STUDIO_CIFAR10")
    if not path:
        pytest.skip("RESNET_STUDIO_CIFAR10 does not name the real CIFAR-10")
    return Path(path)
