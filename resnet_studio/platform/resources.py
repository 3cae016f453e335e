"""The files in ``resources/``, found in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def resources() -> Path:
    """The folder that holds icons and sample images.

    Raises:
        FileNotFoundError: If the installation lacks it.
    """
    for folder in (_PACKAGE / "resources", _PACKAGE.parent / "resources"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no resources folder beside {_PACKAGE}; install ResNet Studio again")
