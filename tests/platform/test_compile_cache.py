"""Where torch keeps compiled code: in a folder where nobody else can put any, from before torch is loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.platform import compile_cache
from resnet_studio.platform.compile_cache import VARIABLE, use_compile_cache
from resnet_studio.platform.home import Home

pytestmark = pytest.mark.skipif(os.name == "nt", reason="owners and modes as POSIX has them")


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """And afterwards as it was."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(compile_cache, "_set_here", {""})


def mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o777


def test_it_is_a_private_folder_in_the_homes_cache(home: Home) -> None:
    assert use_compile_cache(home.cache) == ""
    assert os.environ[VARIABLE] == str(home.cache / "compiled")
    assert mode(home.cache / "compiled") == 0o700


def test_each_home_has_its_own_and_none_is_made_for_a_look(home: Home, tmp_path: Path) -> None:
    use_compile_cache(home.cache)
    other = Home(tmp_path / "other")
    assert use_compile_cache(other.cache) == ""
    assert os.environ[VARIABLE] == str(other.cache / "compiled")
    assert not other.root.exists()


def test_what_a_person_chose_stays(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    assert use_compile_cache(home.cache) == ""
    assert os.environ[VARIABLE] == str(tmp_path / "mine")


@pytest.mark.parametrize("place", ["compiled", "cache", "home", "chosen"])
def test_where_others_can_write_nothing_is_read_or_kept(
    place: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"compiled": home.cache / "compiled", "cache": home.cache, "home": home.root, "chosen": tmp_path / "mine"}
    folder = places[place]
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    if place == "chosen":
        monkeypatch.setenv(VARIABLE, str(folder))
    note = use_compile_cache(home.cache)
    assert note.startswith("Compiled code is not kept for the next run. Other users can write in")
    assert f"chmod 700 {folder}" in note
    used = Path(os.environ[VARIABLE])
    assert folder not in (used, *used.parents)
    assert mode(used) == 0o700


def test_a_folder_of_another_user_is_not_used(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: home.root.stat().st_uid + 1)
    assert "belongs to another user" in use_compile_cache(home.cache)
    assert home.root not in Path(os.environ[VARIABLE]).parents


def test_a_link_is_not_followed(home: Home, tmp_path: Path) -> None:
    (home.cache / "compiled").symlink_to(tmp_path)
    assert "is no folder of its own" in use_compile_cache(home.cache)
    assert os.environ[VARIABLE] != str(home.cache / "compiled")


AT_TORCH = """
import os, sys

class Look:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print(os.environ.get("TORCHINDUCTOR_CACHE_DIR"))
            sys.stdout.flush()
            os._exit(0)

sys.meta_path.insert(0, Look())
"""
ENTRIES = {
    "command line": "from resnet_studio.__main__ import start; start(['--home', HOME, 'network', '--depth', '20'])\n"
    "start(['--home', HOME, 'doctor'])",
    "window": "import resnet_studio.ui.application as application\n"
    "application.run_window = lambda home, cohort: __import__('torch')\n"
    "from resnet_studio.__main__ import start; start(['--home', HOME])",
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_variable_is_set_before_torch_is_loaded(entry: str, tmp_path: Path) -> None:
    code = f"HOME = {str(tmp_path / 'home')!r}\n{AT_TORCH}\n{ENTRIES[entry]}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.splitlines()[-1:] == [str(tmp_path / "home" / "cache" / "compiled")], done.stderr


AFTER_TORCH = """
import os, sys
from pathlib import Path
import torch
from torch._inductor.runtime.cache_dir_utils import cache_dir
own = cache_dir()
from resnet_studio.domain.enums import Precision
from resnet_studio.domain.specs import RecipeSpec
from resnet_studio.platform.home import Home
from resnet_studio.training.setup import Machine
home = Home(Path(sys.argv[1])).prepare()
Machine(torch.device("cpu"), Precision.FLOAT32, 1).engine(RecipeSpec(), home.cache, bool, bool, print)
print(own, cache_dir(), sep="\\n")
"""


def test_the_folder_that_torch_chose_by_itself_is_left(tmp_path: Path) -> None:
    """As where a program of its own calls the runner: torch has looked for its folder long before."""
    done = subprocess.run(
        [sys.executable, "-c", AFTER_TORCH, str(tmp_path / "home")],
        env={**os.environ, "TMPDIR": str(tmp_path)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    own, used = done.stdout.splitlines()
    assert Path(own).parent == tmp_path, done.stderr
    assert used == str(tmp_path / "home" / "cache" / "compiled")
