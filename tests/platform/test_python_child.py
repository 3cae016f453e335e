"""Python children: the modules they import are the program's own, whatever lies in the current folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import resnet_studio
from resnet_studio.cli.check_installation import _display
from resnet_studio.data.streaming.crops import SQUARE
from resnet_studio.data.streaming.pool import DecodingPool
from resnet_studio.data.streaming.worker import Task
from resnet_studio.domain.events import never_stop
from resnet_studio.platform.home import Home
from resnet_studio.platform.python_child import python_command, safe_path

PACKAGE = Path(resnet_studio.__file__).parent
MODULES = ("json", "struct", "hashlib", "numpy", "PIL", "PySide6", "resnet_studio")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder has modules of well-known names, each of which leaves a mark when it is imported."""
    folder = tmp_path / "current"
    mark = f"open({os.fspath(tmp_path / 'marks')!r}, 'a').write(__name__ + ' ')\n"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(mark)
    (folder / "PIL.py").unlink()
    (folder / "PIL").mkdir()
    (folder / "PIL" / "__init__.py").write_text(mark)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(os.fspath(folder))
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(("", os.fspath(folder))))
    return tmp_path / "marks"


def test_an_ordinary_child_would_import_them(hostile: Path) -> None:
    """The control of what follows."""
    subprocess.run([sys.executable, "-c", "import json, PIL"], check=True)
    assert hostile.read_text().split() == ["json", "PIL"]


def test_a_child_imports_nothing_from_the_current_folder(hostile: Path) -> None:
    code = f"import {', '.join(MODULES)}; print(resnet_studio.__file__)"
    said = subprocess.run(python_command(code), capture_output=True, text=True, check=True)
    assert said.stdout.strip() == resnet_studio.__file__
    assert not hostile.exists()


def test_decoding_processes_import_nothing_from_it(hostile: Path, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "a.png")
    into = np.empty((1, 3, 8, 8), np.uint8)
    with DecodingPool(tmp_path, 8, 1) as pool:
        assert pool.submit(Task(["a.png"], [SQUARE]), into).wait(never_stop).errors == {}
    assert into[0, :, 0, 0].tolist() == [1, 2, 3]
    assert not hostile.exists()


def test_the_installation_check_imports_nothing_from_it(hostile: Path, tmp_path: Path) -> None:
    found = {check.name: check for check in _display(Home(tmp_path))}
    assert found["Qt"].value.startswith("starts")
    assert not hostile.exists()


def test_a_checkout_in_the_current_folder_comes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PACKAGE.parent)
    monkeypatch.setattr(sys, "path", ["", os.fspath(PACKAGE.parent), *sys.path])
    said = subprocess.run(
        python_command("import resnet_studio; print(sys.path[-1], resnet_studio.__file__)"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == [os.fspath(PACKAGE.parent), resnet_studio.__file__]


def test_every_python_child_is_started_this_way() -> None:
    starts = re.compile(r"sys\.executable|multiprocessing\.(Process|Pool|get_context)|ProcessPoolExecutor|QProcess")
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if starts.search(path.read_text())}
    assert found == {"platform/python_child.py", "runner/devices.py"}
    assert "safe_path()" in (PACKAGE / "runner" / "devices.py").read_text()


def test_what_a_library_starts_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    current = tmp_path / "current"
    current.mkdir()
    (current / "multiprocessing.py").write_text("open('imported', 'w').close()")
    main = tmp_path / "main.py"
    main.write_text(
        "import multiprocessing, sys\n"
        "from contextlib import nullcontext\n"
        "from resnet_studio.platform.python_child import safe_path\n"
        "if __name__ == '__main__':\n"
        "    with safe_path() if sys.argv[1] == 'safe' else nullcontext():\n"
        "        child = multiprocessing.get_context('spawn').Process(target=print)\n"
        "        child.start()\n"
        "    child.join()\n"
        "    sys.exit(child.exitcode)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    for kind, imported in (("safe", False), ("as it is", True)):
        ended = subprocess.run([sys.executable, main, kind], cwd=current, env=environment, capture_output=True)
        assert (ended.returncode == 0, (current / "imported").exists()) == (not imported, imported), ended.stderr


def test_threads_that_start_children_leave_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with safe_path():
            inside.set()
            leave.wait(10)

    def second() -> None:
        with safe_path():
            assert os.environ["PYTHONSAFEPATH"] == "1"

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(10)
    threads[1].start()
    threads[1].join(0.2)  # it waits for the first one
    leave.set()
    for thread in threads:
        thread.join(10)
    assert "PYTHONSAFEPATH" not in os.environ
