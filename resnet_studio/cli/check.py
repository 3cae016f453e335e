"""One result of `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from resnet_studio.text import N_


class State(StrEnum):
    OK = N_("ok")
    NOTE = N_("note")  # works, but something is less than it could be
    WRONG = N_("wrong")


@dataclass(frozen=True, slots=True)
class Check:
    """What was found, and where it is not well, what to do about it; ``details`` names each thing it is about."""

    name: str
    value: str
    state: State = State.OK
    advice: str = ""
    details: tuple[str, ...] = ()
