"""Removing what runs left on the disk, and nothing else."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from resnet_studio.history.storage import Storage
from resnet_studio.platform.home import Home

log = logging.getLogger(__name__)

_ID = re.compile(r"[0-9a-f]{32}")


def run_folders(home: Home) -> set[str]:
    """Ids of the runs that have a folder."""
    try:
        return {folder.name for folder in home.runs.iterdir() if _ID.fullmatch(folder.name) and folder.is_dir()}
    except OSError:
        return set()


def lost_history(home: Home, storage: Storage) -> str:
    """A sentence if runs have left folders but the history that knows of them is missing or empty, else empty."""
    what = storage.missing()
    count = len(run_folders(home)) if what else 0
    if not count:
        return ""
    folders = "the folder of 1 run lies" if count == 1 else f"folders of {count} runs lie"
    return (
        f"The history {storage.where} {what}, but {folders} in {home.runs}; they are left as they are: put a backup "
        "of the history in its place to have these runs again."
    )


def remove_run_folders(home: Home, run_ids: Iterable[str]) -> dict[str, tuple[Path, str]]:
    """Remove the folder of each run, where there is one.

    A name that is not a whole run id is never joined to a path, and a link is removed, not followed: nothing outside
    the runs folder can be reached.

    Returns:
        The folders that could not be removed, with the reason, by run id.
    """
    stuck: dict[str, tuple[Path, str]] = {}
    for run_id in run_ids:
        if not _ID.fullmatch(run_id):
            log.warning("run %r has an id that cannot be a folder's name", run_id)
            continue
        folder = home.run(run_id)
        try:
            if folder.is_symlink():
                folder.unlink()
            elif folder.exists():
                shutil.rmtree(folder)
        except OSError as error:
            log.warning("cannot remove %s", folder, exc_info=True)
            stuck[run_id] = (folder, error.strerror or str(error))
    return stuck
