"""The language's catalogue: from ``resources/locale``, by RESNET_STUDIO_LANGUAGE or by the system's locale."""

from __future__ import annotations

import functools
import logging
import os
import sys
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)

DOMAIN = "resnet_studio"
VARIABLE = "RESNET_STUDIO_LANGUAGE"
SOURCE = "en"  # the language of the texts in the code
PSEUDO = "pseudo"
_PACKAGE = Path(__file__).resolve().parent.parent


class Catalogue(Protocol):
    def gettext(self, message: str, /) -> str: ...

    def ngettext(self, one: str, many: str, number: int, /) -> str: ...


class SourceTexts:
    """The texts as they stand in the code."""

    def gettext(self, message: str, /) -> str:
        return message

    def ngettext(self, one: str, many: str, number: int, /) -> str:
        return one if number == 1 else many


@functools.cache
def catalogue() -> Catalogue:
    """The one in use, chosen at the first call."""
    return load(languages())


def languages() -> list[str]:
    """Names such as ``de_DE.UTF-8`` or ``de``, the preferred one first; empty where none is set."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return [chosen]
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return value.split(":")
    if sys.platform == "win32":
        import ctypes
        import locale

        language = locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage())
        return [language] if language else []
    return []


def load(names: list[str], folder: Path | None = None) -> Catalogue:
    """The first language that has a compiled catalogue (``LANGUAGE/LC_MESSAGES/resnet_studio.mo``), else the source.

    A catalogue that cannot be read is left out.
    """
    folder = folder or locale_folder()
    for name in names:
        if name == PSEUDO:
            from resnet_studio.text.pseudo import PseudoTexts

            return PseudoTexts()
        if name.partition(".")[0].partition("_")[0] in (SOURCE, "C", "POSIX"):
            break
        if folder is None:
            continue
        import gettext

        try:
            return gettext.translation(DOMAIN, folder, [name])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, LookupError, SyntaxError):  # SyntaxError: a plural formula
            log.warning("the catalogue of %s cannot be read", name, exc_info=True)
    return SourceTexts()


def locale_folder() -> Path | None:
    """In an installed package and in a checkout alike; None where there is none."""
    places = (_PACKAGE / "resources" / "locale", _PACKAGE.parent / "resources" / "locale")
    return next((place for place in places if place.is_dir()), None)
