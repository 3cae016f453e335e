"""Specifications of runs as the history keeps them, each text parsed once."""

from __future__ import annotations

import re
from functools import lru_cache

from resnet_studio.domain.documents import from_json
from resnet_studio.domain.errors import NewerSpecError, SpecError
from resnet_studio.domain.specs import MAX_SEED, RunSpec
from resnet_studio.text import _

_NUMBER = r"(0|[1-9]\d{0,9})"
_SEEDS = re.compile(rf'"init_seed":{_NUMBER},"data_seed":{_NUMBER}(?=[,}}])')  # as they are written


def what_helps(error: SpecError) -> str:
    """With a stored document that cannot be read: the end of a sentence."""
    if isinstance(error, NewerSpecError):
        return _("install the version of ResNet Studio that wrote it")
    return _("the history is damaged there")


@lru_cache(maxsize=16_384)
def stored_spec(text: str) -> RunSpec:
    """The specification of a run. Of those that differ in their seeds alone one is validated for all.

    Raises:
        SpecError: If it is none.
    """
    found = _SEEDS.findall(text)
    seeds = tuple(map(int, found[0])) if len(found) == 1 else ()
    if not seeds or max(seeds) > MAX_SEED:
        return from_json(RunSpec, text)
    first = _first_spec(_SEEDS.sub('"init_seed":0,"data_seed":0', text))
    recipe = first.recipe.model_copy(update={"init_seed": seeds[0], "data_seed": seeds[1]})
    return first.model_copy(update={"recipe": recipe})


@lru_cache(maxsize=4096)
def _first_spec(text: str) -> RunSpec:
    return from_json(RunSpec, text)
