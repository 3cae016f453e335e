"""Where the tests find the file in which a home's history lies."""

from __future__ import annotations

from pathlib import Path

from resnet_studio.history.sqlite.storage import FILE_NAME
from resnet_studio.platform.home import Home


def database_of(home: Home) -> Path:
    return home.root / FILE_NAME
