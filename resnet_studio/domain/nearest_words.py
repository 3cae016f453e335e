"""What a person may have meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

_LIKENESS = 0.6  # of 1, from which on two words are near


def nearest(word: str, known: Iterable[str], most: int = 2, likeness: float = _LIKENESS) -> Sequence[str]:
    """The known words near ``word``, the nearest first.

    One that differs from it in capitals, spaces, hyphens and underscores alone is meant, and no other.
    """
    words = list(known)
    alike = [one for one in words if _bare(one) == _bare(word)]
    return alike[:1] or get_close_matches(word.casefold(), words, most, likeness)


def _bare(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
