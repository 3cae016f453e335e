"""Paths to a run's files: none of them leads out of the folder of all runs, whatever the history says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.errors import CheckpointError, StoreError
from resnet_studio.networks.weights import load_tensors
from resnet_studio.platform.home import Home
from resnet_studio.training.checkpoints import load

RUN, OTHER = "a" * 32, "b" * 32
BAD_IDS = ["", ".", "..", "../../x", "/etc", f"../runs/{RUN}", RUN.upper(), RUN + "\n", RUN[:-1], f"{RUN}/x", "\0" * 32]
BAD_CHECKPOINTS = [
    "", ".", "..", "/", "/etc/passwd", RUN, f"{RUN}/checkpoints", f"{RUN}/checkpoints/", f"{RUN}/checkpoints/..",
    f"{RUN}/checkpoints/../../x", f"{RUN}/checkpoints/../checkpoints/x", f"{RUN}/../{OTHER}/checkpoints/x",
    f"{OTHER}/checkpoints/x", f"../runs/{RUN}/checkpoints/x", f"{RUN}/checkpoints/a/b", f"{RUN}/checkpoints/.hidden",
    f"{RUN}/checkpoints/x\n", f"/{RUN}/checkpoints/x", f"{RUN}\\checkpoints\\x",
]  # fmt: skip


@pytest.mark.parametrize("run_id", BAD_IDS)
def test_what_is_no_id_has_no_folder(home: Home, run_id: str) -> None:
    with pytest.raises(StoreError, match="is not the id of a run"):
        home.run(run_id)


@pytest.mark.parametrize("stored", BAD_CHECKPOINTS)
def test_a_checkpoint_lies_in_its_own_run(home: Home, stored: str) -> None:
    with pytest.raises(CheckpointError, match="does not lie in the folder of run aaaaaaaa"):
        home.run(RUN).checkpoint(stored)


def test_what_is_written_is_found_again(home: Home) -> None:
    files = home.run(RUN)
    folder = files.checkpoints / "iteration-00000007-abcdef"
    assert files.checkpoint(files.stored_name(folder)) == folder
    assert {files.path, files.preprocessing.parent, files.left_out.parent, files.checkpoints.parent} == {
        home.runs / RUN
    }
    assert not files.path.exists()


@pytest.mark.parametrize("inner", ["", "checkpoints", "checkpoints/x", "preprocessing.safetensors", "left-out.txt"])
def test_a_link_to_somewhere_else_is_refused(home: Home, tmp_path: Path, inner: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    link = home.runs / RUN / inner
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(mine, target_is_directory=True)
    files = home.run(RUN)
    paths = {
        "": lambda: files.path,
        "checkpoints": lambda: files.checkpoints,
        "checkpoints/x": lambda: files.checkpoint(f"{RUN}/checkpoints/x"),
        "preprocessing.safetensors": lambda: files.preprocessing,
        "left-out.txt": lambda: files.left_out,
    }
    with pytest.raises(StoreError, match="is a link to somewhere else"):
        paths[inner]()
    files.remove()
    assert mine.is_dir()
    assert not (home.runs / RUN).exists()


def test_a_home_that_is_itself_behind_a_link_is_fine(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "disk", target_is_directory=True)
    home = Home(tmp_path / "home").prepare()
    assert home.run(RUN).path == tmp_path / "home" / "runs" / RUN


def test_the_size_is_that_of_the_files_and_links_are_not_followed(home: Home, tmp_path: Path) -> None:
    folder = home.run(RUN)
    assert folder.size_bytes() == 0  # nothing was written
    checkpoint = folder.checkpoint(f"{RUN}/checkpoints/iteration-1")
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"x" * 1000)
    (folder.path / "left-out.txt").write_bytes(b"y" * 234)
    assert folder.size_bytes() == 1234
    (tmp_path / "large").write_bytes(b"z" * 100_000)
    (folder.path / "link").symlink_to(tmp_path / "large")
    assert folder.size_bytes() < 2000


def test_a_circle_of_links_is_refused(home: Home) -> None:
    link = home.runs / RUN / "preprocessing.safetensors"
    link.parent.mkdir()
    link.symlink_to(link)
    with pytest.raises(StoreError, match="is a link"):
        _ = home.run(RUN).preprocessing


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.timeout(60)
def test_pipes_in_place_of_a_runs_files_are_not_waited_for(tmp_path: Path) -> None:
    for name in ("state.json", "weights.safetensors", "preprocessing.safetensors"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(CheckpointError, match="pipe or a device"):
        load(tmp_path)
    with pytest.raises(CheckpointError, match="no regular file"):
        load_tensors(tmp_path / "weights.safetensors")
    with pytest.raises(CheckpointError, match="no regular file"):
        Preprocessing.load(tmp_path / "preprocessing.safetensors")
