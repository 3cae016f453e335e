"""The files of one run. Every path to them is made here, and none of them leads out of the folder of all runs."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from pathlib import Path, PurePosixPath

from resnet_studio.domain.errors import CheckpointError, StoreError
from resnet_studio.text import _

_ID = re.compile(r"[0-9a-f]{32}")
_CHECKPOINTS = "checkpoints"
_CHECKPOINT_NAME = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


def is_run_id(text: object) -> bool:
    """Whether ``text`` is what every run's id is: 32 hexadecimal digits in lower case."""
    return isinstance(text, str) and bool(_ID.fullmatch(text))


class RunFolder:
    """Names of files and folders; nothing is made until it is written to.

    Raises:
        StoreError: From the constructor, for an id that no run can have; from each path, if the folder or one in it is
            a link to somewhere else.
    """

    def __init__(self, runs: Path, run_id: str) -> None:
        if not is_run_id(run_id):
            raise StoreError(
                _(
                    "{run_id!r} is not the id of a run, so no folder belongs to it; the history was changed by hand.",
                    run_id=str(run_id)[:80],
                )
            )
        self._runs, self.run_id = runs, run_id

    @property
    def path(self) -> Path:
        return self._inside(self._runs / self.run_id)

    @property
    def preprocessing(self) -> Path:
        """What the run's images go through (safetensors)."""
        return self._inside(self.path / "preprocessing.safetensors")

    @property
    def left_out(self) -> Path:
        """The image files that could not be read, a line each, with the reasons."""
        return self._inside(self.path / "left-out.txt")

    @property
    def checkpoints(self) -> Path:
        """The folder of the run's checkpoints, a folder each."""
        return self._inside(self.path / _CHECKPOINTS)

    def checkpoint(self, stored: str) -> Path:
        """The folder of a checkpoint, from how the history names it (relative to the folder of all runs).

        Raises:
            CheckpointError: If that is no place in this run's own folder.
        """
        parts = PurePosixPath(stored).parts
        if parts[:-1] == (self.run_id, _CHECKPOINTS) and _CHECKPOINT_NAME.fullmatch(parts[-1]):
            return self._inside(self.checkpoints / parts[-1])
        raise CheckpointError(
            _(
                "The checkpoint {stored!r} does not lie in the folder of run {run_id}; it is left out.",
                stored=stored[:200],
                run_id=self.run_id[:8],
            )
        )

    def stored_name(self, checkpoint: Path) -> str:
        """How the history names a checkpoint of this run, whatever the system's separators."""
        return f"{self.run_id}/{_CHECKPOINTS}/{checkpoint.name}"

    def size_bytes(self) -> int:
        """What its files take, links not followed; what cannot be read counts as nothing."""
        total = 0
        for folder, _folders, files in os.walk(self._runs / self.run_id):
            for name in files:
                with contextlib.suppress(OSError):
                    total += os.lstat(Path(folder) / name).st_size
        return total

    def remove(self) -> None:
        """Remove it all, if there is anything; a link is removed, not followed. Raises OSError where it cannot be."""
        folder = self._runs / self.run_id
        if folder.is_symlink():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)

    def _inside(self, path: Path) -> Path:
        try:
            inside = path.resolve() == self._runs.resolve() / path.relative_to(self._runs)
        except (OSError, RuntimeError):  # a circle of links
            inside = False
        if not inside:
            raise StoreError(
                _("{path} is a link to somewhere else; put the run's files themselves in its place.", path=path)
            )
        return path
