"""Where torch keeps what it compiled. It unpickles and executes what it finds there, so nobody else may write there."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache as once
from pathlib import Path

from resnet_studio.platform.private_folder import make_private, why_others_write
from resnet_studio.text import _

VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
_TRITON = "TRITON_CACHE_DIR"
_TORCHS_OWN = "torchinductor_"  # and the user's name, in the folder for temporary files: anybody can make it first
_set_here = {""}  # what this process has put into the variable


def use_compile_cache(cache: Path) -> str:
    """Have torch keep compiled code in a private folder in ``cache``, the home's folder of caches.

    Best before torch is loaded; what torch has chosen by itself meanwhile is replaced. A folder that the variable
    named already is used. Where others could write, the code goes to a new folder that ends with the process.

    Returns:
        A sentence if compiled code is not kept, else empty.
    """
    given = os.environ.get(VARIABLE, "")
    chosen = Path(given) if given not in _set_here and not _guessable(given) else None
    folder = chosen or cache / "compiled"
    why = next(filter(None, map(why_others_write, (folder,) if chosen else (cache.parent, cache, folder))), "")
    if not why and (chosen or cache.is_dir()):
        try:
            make_private(folder)
        except OSError as error:
            why = _("{folder} cannot be made ({strerror}).", folder=folder, strerror=error.strerror or error)
    if why:
        folder = _passing_folder()
    if chosen != folder:
        os.environ[VARIABLE] = str(folder)
        _set_here.add(str(folder))
    if _guessable(os.environ.get(_TRITON, "")):
        del os.environ[_TRITON]  # torch puts it beside its own
    return _("Compiled code is not kept for the next run. {why}", why=why) if why else ""


def _guessable(folder: str) -> bool:
    places = (tempfile.gettempdir(), "/var/tmp")
    return folder.startswith(tuple(str(Path(place, _TORCHS_OWN)) for place in places))


@once
def _passing_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="resnet-studio-compiled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
