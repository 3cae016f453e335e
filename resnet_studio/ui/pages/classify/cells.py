"""What one network said of one image, and how often it was right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from resnet_studio.domain.protocols import SINGLE, Protocol
from resnet_studio.domain.records import Prediction, RunRecord
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class Cell:
    """One image with the network's answer, as the grid shows it.

    ``truth`` is the true class if the image's folder or file is named like one of the network's, else empty; ``note``
    what was done to the file's pixels.
    """

    run: RunRecord
    predictions: tuple[Prediction, ...] = ()
    truth: str = ""
    views: int = 1
    of: int = 1
    protocol: Protocol = SINGLE
    note: str = ""

    @property
    def first_look(self) -> bool:
        """The answer is that of the single view: none of the protocol's own views is seen yet."""
        return self.views == 0

    @property
    def whole(self) -> bool:
        return bool(self.predictions) and self.views == self.of

    @property
    def sign(self) -> str:
        """``3 of 10 views`` while an answer is being refined, else empty."""
        if not self.predictions or self.whole:
            return ""
        return _("single view so far") if self.first_look else _("{views} of {of} views", views=self.views, of=self.of)

    @property
    def right(self) -> bool | None:
        """Whether the first guess is the true class; None where that is not known."""
        if not self.truth or not self.predictions:
            return None
        return self.predictions[0].label == self.truth


@dataclass(frozen=True, slots=True)
class Score:
    """How many first guesses are right, of those whose true class is known: answers of different views apart."""

    right: int = 0
    known: int = 0
    first_right: int = 0
    first_known: int = 0
    unfinished: int = 0

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> Score:
        counts: Counter[str] = Counter()
        for cell in cells:
            if cell.right is None:
                continue
            kind = "whole" if cell.whole else "first" if cell.first_look else "unfinished"
            counts[kind] += 1
            counts[f"{kind} right"] += cell.right
        return cls(counts["whole right"], counts["whole"], counts["first right"], counts["first"], counts["unfinished"])

    @property
    def sentence(self) -> str:
        """``4 of 5 right``; answers that come from the single view, because the others are missing, stand apart."""
        first = _("{first_right} of {first_known}", first_right=self.first_right, first_known=self.first_known)
        if not self.known:
            return _("{first} right by single view", first=first) if self.first_known else ""
        whole = _("{right} of {known} right", right=self.right, known=self.known)
        return _("{whole}; by single view {first}", whole=whole, first=first) if self.first_known else whole
