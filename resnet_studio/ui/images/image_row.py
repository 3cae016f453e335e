"""One image that is shown, wherever it comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from resnet_studio.domain.records import NamedImage
from resnet_studio.domain.visible_text import visible_line

Source = Path | NamedImage
_NUMBERING = re.compile(r"[\s_\-.(]*\d*\)?$")  # "star-2", "star (3)" and "star" are all stars


@dataclass(frozen=True, slots=True)
class ImageRow:
    """One image on the page.

    Attributes:
        hints: What may name its true class, in lower case: its folder, then the file itself.
        beside: Names of the folders beside its folder, in lower case.
    """

    key: str
    source: Source
    name: str
    folder: str = ""
    hints: tuple[str, ...] = ()
    beside: frozenset[str] = frozenset()

    def truth(self, classes: Mapping[str, str]) -> str:
        """The true class as far as names tell it, else empty; ``classes`` by their name in lower case.

        A folder is a class only beside another one of the classes: a picture in ~/Pictures/ship need be no ship.
        """
        for place, hint in enumerate(self.hints):
            of_folder = place == 0 and self.folder != ""
            if hint in classes and not (of_folder and self.beside.isdisjoint(classes.keys() - {hint})):
                return classes[hint]
        return ""

    @classmethod
    def of(cls, source: Source) -> ImageRow:
        if isinstance(source, NamedImage):
            once = _NUMBERING.sub("", source.name).casefold()
            return cls(
                source.name, source, visible_line(source.name), hints=(once, _NUMBERING.sub("", once))
            )  # "red 00012 (2)"
        hints = (source.parent.name.casefold(), _NUMBERING.sub("", source.stem).casefold())
        name, folder = visible_line(source.name), visible_line(source.parent.name)
        return cls(str(source), source, name, folder, hints, _folders_in(source.parent.parent))


@lru_cache(maxsize=256)
def _folders_in(parent: Path) -> frozenset[str]:
    """In lower case; asked once for all images of a folder."""
    try:
        with os.scandir(parent) as entries:
            return frozenset(entry.name.casefold() for entry in entries if entry.is_dir())
    except OSError:
        return frozenset()
