"""What runs left on the disk: which have a folder, what it tells without torch, and removing it."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.records import CheckpointRecord
from resnet_studio.history.storage import Storage, default_url, storage_at
from resnet_studio.platform.home import Home
from resnet_studio.platform.outside_files import LARGEST_STATE, TOO_MUCH, read_regular
from resnet_studio.platform.run_folder import RunFolder, is_run_id
from resnet_studio.text import _, _n

log = logging.getLogger(__name__)


def run_folders(home: Home) -> set[str]:
    """Ids of the runs that have a folder."""
    try:
        return {folder.name for folder in home.runs.iterdir() if is_run_id(folder.name) and folder.is_dir()}
    except OSError:
        return set()


def lost_history(home: Home, storage: Storage) -> str:
    """A sentence if runs have left folders but the history that knows of them is missing or empty, else empty."""
    what = storage.missing()
    there = run_folders(home) if what else set()
    if not there:
        return ""
    count = len(there)
    folders = _n("the folder of {count} run lies", "folders of {count} runs lie", count)
    if own := own_history(home, there):
        return _(
            "The history {where} {what}, but {folders} in {runs}; the history {own} knows them: open it with "
            '--history "", or copy it there with `resnet-studio history copy`.',
            where=storage.where,
            what=what,
            folders=folders,
            runs=home.runs,
            own=own,
        )
    return _(
        "The history {where} {what}, but {folders} in {runs}; they are left as they are: put a backup "
        "of the history in its place to have these runs again.",
        where=storage.where,
        what=what,
        folders=folders,
        runs=home.runs,
    )


def own_history(home: Home, folders: Collection[str]) -> str:
    """Where the home's own history lies, if another is in use and this one knows all of the runs; else empty."""
    from resnet_studio.history.store import RunStore

    own = replace(home, history="")
    if not home.history or home.history == default_url(own):
        return ""
    try:
        with closing(storage_at(default_url(own))) as storage:
            if storage.missing():
                return ""
        with RunStore.open(own, writer=False) as store:
            runs = (*store.list_runs(), *store.list_runs(archived=True), *store.list_runs(deleted=True))
            known = {*(run.id for run in runs), *store.unreadable, *store.unreadable_deleted}
            return storage.where if set(folders) <= known else ""
    except StoreError as error:
        log.info("the home's own history cannot be read: %s", error)
        return ""


def unlisted_runs(home: Home, known: Collection[str]) -> str:
    """A sentence if there are folders of runs that the history does not know, else empty."""
    count = len(run_folders(home) - set(known))
    if not count:
        return ""
    folders = _n("The folder of {count} run is", "The folders of {count} runs are", count)
    return _(
        "{folders} there, but not in the list; `resnet-studio doctor` names them, and nothing was deleted.",
        folders=folders,
    )


def checkpoints_there(files: RunFolder) -> list[CheckpointRecord]:
    """What the checkpoints in a run's folder say of themselves, newest first; not whether they are whole."""
    found = []
    try:
        folders = list(files.checkpoints.iterdir())
    except (OSError, StoreError):
        return []
    for folder in folders:
        name = files.stored_name(folder)
        try:
            said = json.loads(read_regular(files.checkpoint(name) / "state.json", LARGEST_STATE).decode())
            iteration, seconds, sha256 = int(said["iteration"]), float(said["seconds"]), str(said["weights_sha256"])
            made = datetime.fromtimestamp(folder.stat().st_mtime, UTC)
        except (OSError, UserError, ValueError, LookupError, TypeError, *TOO_MUCH) as error:
            log.info("%s tells nothing: %s", folder, error)
            continue
        if folder.name.startswith("iteration-"):
            found.append(CheckpointRecord(files.run_id, iteration, name, sha256, seconds, made))
    return sorted(found, key=lambda record: record.iteration, reverse=True)


def remove_run_folders(home: Home, run_ids: Iterable[str]) -> dict[str, tuple[Path, str]]:
    """Remove the folder of each run, where there is one; nothing outside the runs folder can be reached.

    Returns:
        The folders that could not be removed, with the reason, by run id.
    """
    stuck: dict[str, tuple[Path, str]] = {}
    for run_id in run_ids:
        try:
            home.run(run_id).remove()
        except StoreError as error:
            log.warning("%s", error)
        except OSError as error:
            log.warning("cannot remove the folder of run %s", run_id, exc_info=True)
            stuck[run_id] = (home.runs / run_id, error.strerror or str(error))
    return stuck


@dataclass(frozen=True, slots=True)
class StoredPreprocessing:
    """What a stored run does to its images.

    ``mean`` and ``std`` hold one number a colour (red, green, blue), of values in 0..1.
    ``per_pixel``: a mean image is subtracted, and ``mean`` is that image's own mean.
    """

    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    per_pixel: bool

    @property
    def size_text(self) -> str:
        return _("{image_size} x {image_size} pixels", image_size=self.image_size)

    @property
    def mean_text(self) -> str:
        """``0.4914, 0.4822, 0.4465``, or what the mean image's colours are."""
        return _("of each pixel, on average {mean}", mean=_text(self.mean)) if self.per_pixel else _text(self.mean)

    @property
    def std_text(self) -> str:
        """Of an image that is only shifted: none."""
        return _("none: values are not scaled") if all(value == 1 for value in self.std) else _text(self.std)


def _text(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.4g}" for value in values)


def preprocessing_of(home: Home, run_id: str) -> StoredPreprocessing | None:
    """None where the run has stored none yet, or the file cannot be read."""
    from safetensors import SafetensorError, safe_open

    file = home.run(run_id).preprocessing
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="numpy") as tensors:
            size = int(tensors.metadata()["image_size"])
            mean, std = tensors.get_tensor("mean"), tensors.get_tensor("std")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s cannot be read: %s", file, error)
        return None
    colours = tuple(float(value) for value in mean.reshape(3, -1).mean(axis=1, dtype="float64"))
    return StoredPreprocessing(size, colours, tuple(map(float, std.reshape(3))), bool(mean.shape[1] > 1))
