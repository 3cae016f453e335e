"""What the design promises of the whole: one-way imports, a window before torch, a wheel that holds everything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

WINDOW = """
import json, sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from resnet_studio.__main__ import start
from resnet_studio.ui.pages.rows import PAGES

app = QApplication(sys.argv[:1])
seen = {}

def look():
    for window in app.topLevelWidgets():
        if window.objectName() == "main_window" and window.isVisible():
            seen.setdefault("shown", "torch" in sys.modules)
            if all(window.findChild(object, f"{row.key}_page") for row in PAGES):
                seen["built"] = "torch" in sys.modules
                window.close()

timer = QTimer()
timer.timeout.connect(look)
timer.start(20)
QTimer.singleShot(60_000, app.quit)
code = start(["--home", sys.argv[1]])
timer.stop()
print(json.dumps(seen))
sys.exit(code)
"""


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip


def test_imports_go_one_way(tmp_path: Path) -> None:
    """Layers, Qt only above, SQLAlchemy only in the history, no torch below: as pyproject.toml says."""
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(sys.argv[1:])"
    said = run(sys.executable, "-c", code, "--no-cache", "--config", ROOT / "pyproject.toml")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "0 broken" in said.stdout


def test_the_contracts_can_fail(tmp_path: Path) -> None:
    """A package that breaks a layer is found out: the check above is no formality."""
    shutil.copytree(ROOT / "resnet_studio", tmp_path / "resnet_studio", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "resnet_studio" / "domain" / "enums.py").open("a") as file:
        file.write("\nimport torch\nfrom resnet_studio import runner\n")
    code = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command(sys.argv[1:])"
    said = run(sys.executable, "-c", code, "--no-cache", cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert said.returncode == 1
    assert "Imports go one way BROKEN" in said.stdout
    assert "No torch in domain and history BROKEN" in said.stdout


def test_the_window_is_shown_before_torch_is_loaded(tmp_path: Path) -> None:
    """The whole program, from its entry point to a window whose pages are all built."""
    said = run(sys.executable, "-c", WINDOW, tmp_path / "home", QT_QPA_PLATFORM="offscreen")
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout.splitlines()[-1]) == {"shown": False, "built": False}


EAGER = """
import sys
from resnet_studio.__main__ import main
sys.argv[1:] = [
    "--home", sys.argv[1], "train", "--depth", "8", "--width", "4", "--iterations", "1", "--milestones=",
    "--batch-size", "8", "--precision", "float32", "--layout", "channels-last", "--engine", "eager", "--device", "cpu",
]
try:
    main()
finally:
    print(*(name for name in ("torchvision", "torch._dynamo", "sympy") if name in sys.modules))
"""


def test_eager_training_loads_neither_torchvision_nor_torchs_compiler(tmp_path: Path) -> None:
    """They take as long to load as torch itself, before the first step."""
    said = run(sys.executable, "-c", EAGER, tmp_path / "home")
    assert said.returncode == 0, said.stderr
    assert said.stdout.splitlines()[-1] == ""


@pytest.mark.skipif(shutil.which("ruff") is None, reason="ruff is not installed")
def test_no_module_on_the_way_to_the_window_imports_torch_at_its_top() -> None:
    said = run("ruff", "check", "--no-cache", "--select", "TID253", "resnet_studio")
    assert said.returncode == 0, said.stdout


def files(folder: Path) -> set[Path]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as pip builds it and unpacked as pip unpacks it."""
    folder = tmp_path_factory.mktemp("wheel")
    code = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    built = run(sys.executable, "-c", code, folder)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_what_the_program_reads(installed: Path) -> None:
    package = installed / "resnet_studio"
    for kept in ("resources", "history/migrations"):
        source = ROOT / kept if kept == "resources" else ROOT / "resnet_studio" / kept
        here, there = files(source), files(package / kept)
        assert here
        assert here <= there
    assert not list(installed.rglob("tests"))
    (information,) = installed.glob("*.dist-info")
    assert "resnet-studio = resnet_studio.__main__:main" in (information / "entry_points.txt").read_text()
    assert "License-Expression: MIT" in (information / "METADATA").read_text()


def test_the_installed_program_finds_its_resources_and_its_schema(installed: Path, tmp_path: Path) -> None:
    """Away from the checkout: the icon is there, and a new history is made with the migrations of the wheel."""
    code = (
        "import sys; from pathlib import Path; import resnet_studio; from resnet_studio.platform.home import Home;"
        "from resnet_studio.platform.resources import resources; from resnet_studio.history.store import RunStore;"
        "site = Path(sys.argv[1]); assert Path(resnet_studio.__file__).is_relative_to(site);"
        "assert resources().is_relative_to(site); assert (resources() / 'icon.png').is_file();"
        "store = RunStore.open(Home(Path(sys.argv[2]))); assert store.list_runs() == []; store.close()"
    )
    said = run(sys.executable, "-c", code, installed, tmp_path / "home", cwd=tmp_path, PYTHONPATH=str(installed))
    assert (said.returncode, said.stderr) == (0, "")
    version = run(sys.executable, "-m", "resnet_studio", "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert version.stdout.startswith("ResNet Studio ")


def test_the_bad_pair_of_qt_and_python_is_excluded() -> None:
    """PySide6 6.12.0 aborts on Python before 3.12; nothing installs it there."""
    import tomllib

    dependencies = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    old = [line for line in dependencies if line.startswith("pyside6") and "< '3.12'" in line]
    assert len(old) == 1
    assert "!=6.12.0" in old[0]


def test_the_readme_names_the_two_commands_that_are_run() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("pip install . && resnet-studio demo", 'pip install -e ".[test]" && pytest'):
        assert command in readme
    assert 'pip install -e ".[test]" && pytest' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
