"""What was measured on this machine, kept as JSON: a value for each key, such as a device and a version of torch."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from resnet_studio.platform.files import replacing

log = logging.getLogger(__name__)


class MeasuredCache:
    """One file in the home's cache folder. One that cannot be read or written only costs another measurement."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def entries(self) -> dict[str, Any]:
        """Everything that is known, empty where nothing can be read."""
        try:
            known = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def get(self, key: str) -> Any:
        """None if it was never measured."""
        return self.entries().get(key)

    def keep(self, key: str, value: Any) -> None:
        """Add ``value``, which JSON can hold, in the place of what was known of ``key``."""
        text = json.dumps({**self.entries(), key: value}, indent=1)
        try:
            with replacing(self._file) as part:
                part.write_text(text, encoding="utf-8")
        except OSError as error:
            log.info("what was measured could not be kept in %s: %s", self._file, error)

    def clear(self) -> None:
        """Let everything be measured anew."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.info("%s could not be removed: %s", self._file, error)
