"""Checkpoints: a folder each, written beside, made durable, then renamed; only then may anything point to it.

``weights.safetensors`` holds parameters and batch-norm statistics, ``optimizer.safetensors`` the momentum of each
parameter, ``state.json`` the iteration, the seconds, what training has decided so far (warm-up, plateaus) and the
SHA-256 of all of it. Loading never unpickles.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors.torch import save as to_bytes
from torch import Tensor

from resnet_studio.domain.errors import CheckpointError, UserError
from resnet_studio.networks.weights import digest, load_tensors
from resnet_studio.platform.files import replacing, sync
from resnet_studio.platform.outside_files import LARGEST_STATE, TOO_MUCH, open_regular, read_regular
from resnet_studio.platform.private_folder import FOLDER_MODE, write_private
from resnet_studio.text import _

FORMAT = 2
_READ = (1, 2)  # 1: from before training decided anything; such runs go on exactly as they would have
_LARGEST = 1 << 40  # bytes of a checkpoint's file
DAMAGED = "damaged-"  # how the names of checkpoints begin that were set aside
WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything a run needs to go on; tensors lie on the CPU.

    ``seconds`` is training time so far; ``progress`` is what training has decided and seen, plain numbers, empty in a
    checkpoint of format 1.
    """

    iteration: int
    seconds: float
    weights: Mapping[str, Tensor]
    momentum: Mapping[str, Tensor]
    progress: Mapping[str, float | bool | None] = field(default_factory=dict)


def save(parent: Path, snapshot: Snapshot) -> tuple[Path, str]:
    """Write ``snapshot`` as a folder of its own in ``parent``; returns that and the digest of the weights.

    Raises:
        OSError: If the disk is full or the folder cannot be written; no partial folder stays behind.
    """
    folder = parent / f"iteration-{snapshot.iteration:08d}-{secrets.token_hex(3)}"
    sha256 = digest(snapshot.weights)
    with replacing(folder) as beside:
        beside.mkdir(FOLDER_MODE)
        _write(beside / WEIGHTS, to_bytes(dict(snapshot.weights)))
        _write(beside / OPTIMIZER, to_bytes(dict(snapshot.momentum)))
        state: dict[str, Any] = {
            "format": FORMAT,
            "iteration": snapshot.iteration,
            "seconds": snapshot.seconds,
            "progress": dict(snapshot.progress),
            "weights_sha256": sha256,
            "files": {name: _file_digest(beside / name) for name in (WEIGHTS, OPTIMIZER)},
        }
        _write(beside / STATE, json.dumps({**state, "sha256": _state_digest(state)}, indent=2).encode())
    return folder, sha256


def load(folder: Path) -> Snapshot:
    """Read a checkpoint and verify it.

    Raises:
        CheckpointError: If anything is missing, damaged or of a newer format.
    """
    try:
        state = json.loads(read_regular(folder / STATE, LARGEST_STATE).decode())
        found = state.pop("sha256", None)
        version, files = state["format"], state["files"]
        iteration, seconds = int(state["iteration"]), float(state["seconds"])
        progress = dict(state.get("progress", {}))
        for name in (WEIGHTS, OPTIMIZER):
            if _file_digest(folder / name) != files[name]:
                raise CheckpointError(
                    _("The checkpoint {folder} is damaged ({name}); it is left out.", folder=folder, name=name)
                )
        if version == FORMAT and found != _state_digest(state):
            raise CheckpointError(
                _("The checkpoint {folder} is damaged ({state}); it is left out.", folder=folder, state=STATE)
            )
    except CheckpointError:
        raise
    except (UserError, OSError, ValueError, LookupError, TypeError, AttributeError, *TOO_MUCH) as error:
        raise CheckpointError(
            _("The checkpoint {folder} cannot be read ({error}); it is left out.", folder=folder, error=error)
        ) from None
    if version not in _READ:
        raise CheckpointError(
            _(
                "The checkpoint {folder} has format {version}; this ResNet Studio reads up to {format}.",
                folder=folder,
                version=version,
                format=FORMAT,
            )
        )
    weights, momentum = load_tensors(folder / WEIGHTS), load_tensors(folder / OPTIMIZER)
    return Snapshot(iteration, seconds, weights, momentum, progress)


def set_aside(folder: Path) -> Path | None:
    """Rename a damaged checkpoint so that nothing takes it for one any more; nobody but its owner removes it.

    Returns:
        Its new place, None if there is nothing to rename or it cannot be renamed.
    """
    target = folder.with_name(f"{DAMAGED}{folder.name}")
    try:
        folder.rename(target)
    except OSError:
        return None
    return target


def loose(parent: Path, keep: set[Path]) -> list[Path]:
    """Checkpoint folders in ``parent`` that nothing points to: torn writes, and whole ones without a row.

    Damaged ones that were set aside are none.
    """
    try:
        return [folder for folder in parent.iterdir() if folder not in keep and not folder.name.startswith(DAMAGED)]
    except OSError:
        return []


def remove(folders: Iterable[Path]) -> None:
    """What cannot be removed stays, and is loose at the next start."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    """Write and make durable; our own write, because a full disk must be an OSError with its number."""
    write_private(path, content)
    sync(path)


def _state_digest(state: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _file_digest(path: Path) -> str:
    with open_regular(path, _LARGEST) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
