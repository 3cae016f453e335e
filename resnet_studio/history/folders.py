"""Removing what runs left on the disk, and nothing else."""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from resnet_studio.domain.home import Home

log = logging.getLogger(__name__)

_ID = re.compile(r"[0-9a-f]{32}")


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
