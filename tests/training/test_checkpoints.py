import json
import os
from pathlib import Path

import pytest
import torch

from resnet_studio.domain.errors import CheckpointError
from resnet_studio.platform import files
from resnet_studio.training import checkpoints
from resnet_studio.training.checkpoints import Snapshot


@pytest.fixture
def snapshot():
    return Snapshot(7, 1.5, {"a": torch.arange(5.0), "n": torch.tensor(3)}, {"a": torch.ones(5)})


def test_round_trip(tmp_path, snapshot):
    folder, sha256 = checkpoints.save(tmp_path / "checkpoints", snapshot)
    again = checkpoints.load(folder)
    assert (again.iteration, again.seconds) == (7, 1.5)
    assert all(torch.equal(again.weights[name], snapshot.weights[name]) for name in snapshot.weights)
    assert torch.equal(again.momentum["a"], snapshot.momentum["a"])
    assert json.loads((folder / "state.json").read_text())["weights_sha256"] == sha256


@pytest.mark.skipif(os.name == "nt", reason="modes as POSIX has them")
def test_a_checkpoint_is_its_owners_alone(tmp_path, snapshot):
    before = os.umask(0)
    try:
        folder, _ = checkpoints.save(tmp_path / "checkpoints", snapshot)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors", "state.json"])
@pytest.mark.parametrize("harm", ["remove", "truncate", "flip"])
def test_damage_is_noticed(tmp_path, snapshot, name, harm):
    folder, _ = checkpoints.save(tmp_path / "checkpoints", snapshot)
    file = folder / name
    content = bytearray(file.read_bytes())
    if harm == "remove":
        file.unlink()
    elif harm == "truncate":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 3] ^= 0xFF
        file.write_bytes(content)
    with pytest.raises(CheckpointError):
        checkpoints.load(folder)


def test_a_failure_at_any_file_operation_leaves_no_half_checkpoint(tmp_path, snapshot, monkeypatch):
    """Power-cut order: whatever exists under its final name is whole."""
    real_sync, real_rename, calls = files.sync, Path.rename, {"left": 0}

    def fragile(real):
        def call(*args):
            if calls["left"] == 0:
                raise OSError(28, "No space left on device")
            calls["left"] -= 1
            return real(*args)

        return call

    for module in (files, checkpoints):
        monkeypatch.setattr(module, "sync", fragile(real_sync))
    monkeypatch.setattr(Path, "rename", fragile(real_rename))
    failures = 0
    for allowed in range(10):
        calls["left"] = allowed
        run = tmp_path / str(allowed)
        try:
            checkpoints.save(run / "checkpoints", snapshot)
        except OSError:
            failures += 1
        for folder in run.glob("checkpoints/*"):
            assert folder.name.startswith("iteration-")
            assert checkpoints.load(folder).iteration == 7
    assert failures >= 5


def test_sweep_keeps_only_what_is_pointed_to(tmp_path, snapshot):
    kept, _ = checkpoints.save(tmp_path / "checkpoints", snapshot)
    lost, _ = checkpoints.save(tmp_path / "checkpoints", snapshot)
    torn = tmp_path / "checkpoints" / ".writing-9-abc"
    torn.mkdir()
    checkpoints.remove(checkpoints.loose(tmp_path / "checkpoints", {kept}))
    assert kept.exists()
    assert not lost.exists()
    assert not torn.exists()


@pytest.mark.skipif(os.geteuid() != 0 if hasattr(os, "geteuid") else True, reason="mounting a tmpfs needs root")
def test_a_full_disk_is_an_oserror_and_leaves_the_old_checkpoint(tmp_path):
    import subprocess

    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here")
    try:
        small = Snapshot(1, 0.0, {"a": torch.zeros(1000)}, {"a": torch.zeros(1000)})
        large = Snapshot(2, 0.0, {"a": torch.zeros(200_000)}, {"a": torch.zeros(10)})
        folder, _ = checkpoints.save(disk / "checkpoints", small)
        with pytest.raises(OSError, match="No space left"):
            checkpoints.save(disk / "checkpoints", large)
        assert [f.name for f in (disk / "checkpoints").iterdir()] == [folder.name]
        assert checkpoints.load(folder).iteration == 1
    finally:
        subprocess.run(["umount", disk], check=True)
