"""One image that is shown, wherever it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from resnet_studio.domain.records import NamedImage

Source = Path | NamedImage
_NUMBERING = re.compile(r"[\s_\-.(]*\d*\)?$")  # "star-2", "star (3)" and "star" are all stars


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image on the page. ``hints`` may name its true class, in lower case: its folder, then the file itself."""

    key: str
    source: Source
    name: str
    folder: str = ""
    hints: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: Source) -> ImageRow:
        if isinstance(source, NamedImage):
            once = _NUMBERING.sub("", source.name).casefold()
            return cls(source.name, source, source.name, hints=(once, _NUMBERING.sub("", once)))  # "red 00012 (2)"
        hints = (source.parent.name.casefold(), _NUMBERING.sub("", source.stem).casefold())
        return cls(str(source), source, source.name, source.parent.name, hints)
