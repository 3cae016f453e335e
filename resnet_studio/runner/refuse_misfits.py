"""Refusing, before anything is stored, runs that could never begin with the weights they ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import RunSpec
from resnet_studio.domain.weight_compatibility import misfit

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore


def refuse_misfits(specs: Iterable[RunSpec], store: RunStore) -> None:
    """Raises UserError if a run to start from is gone, has no weights, or has another network."""
    for spec in specs:
        if spec.start_from and (sentence := misfit(spec.network, store.get(spec.start_from))):
            raise UserError(sentence)
