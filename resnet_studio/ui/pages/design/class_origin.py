"""How many classes a designed network has: the data's, its family's usual number, or what a person set by hand."""

from __future__ import annotations

from enum import Enum, auto

from resnet_studio.domain.enums import Family
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.specs import RunSpec
from resnet_studio.text import _
from resnet_studio.ui.widgets.text import counted


class Origin(Enum):
    """Who said how many there are. ``STORED``: nobody knows yet, the data are being looked up."""

    DATA = auto()
    FAMILY = auto()
    HAND = auto()
    STORED = auto()


class ClassCount:
    """Remembers :class:`Origin`; each method answers with the number that the network has now."""

    def __init__(self) -> None:
        self.origin = Origin.DATA

    def restore(self, spec: RunSpec) -> None:
        """A whole design is shown. One that starts from stored weights gets a last layer for its data."""
        if spec.start_from or (spec.data.row and spec.network.classes == len(spec.data.row.class_names)):
            self.origin = Origin.DATA
        elif spec.network.classes == NetworkSpec(family=spec.network.family).classes:
            self.origin = Origin.FAMILY
        else:
            self.origin = Origin.HAND if spec.data.folder is None else Origin.STORED

    def set_by_hand(self) -> None:
        self.origin = Origin.HAND

    def of_family(self, family: Family, now: int, data: int) -> int:
        """A person chose another family: the paper's ImageNet networks have 1000 classes, those of CIFAR the data's."""
        if self.origin is Origin.HAND:
            return now
        self.origin = Origin.DATA if family is Family.CIFAR else Origin.FAMILY
        return data if family is Family.CIFAR else NetworkSpec(family=family).classes

    def of_data(self, now: str, data: int) -> str:
        """The data are known to have ``data`` classes. What a person typed stays."""
        if self.origin is Origin.STORED:
            self.origin = Origin.DATA if now == str(data) else Origin.HAND
        return str(data) if self.origin is Origin.DATA else now

    def take_data(self, data: int) -> str:
        """A person wants the data's, now and when others are chosen."""
        self.origin = Origin.DATA
        return str(data)


def classes_fault(network: NetworkSpec, data: int | None) -> str:
    """Why a designed network cannot be trained on data of so many classes, None if not known yet; empty if it can."""
    if data is None or data == network.classes:
        return ""
    return _(
        "The data has {data}: to be trained on it, the network needs as many.", data=counted(data, "class", "classes")
    )
