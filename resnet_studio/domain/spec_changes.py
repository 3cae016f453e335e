"""Changing some fields of a specification: what follows from them and was not given is decided anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from resnet_studio.domain.enums import Block, Family
from resnet_studio.domain.spec import Spec, readers, unread_values
from resnet_studio.domain.specs import NetworkSpec, RecipeSpec, RunSpec

# Field of a network -> fields that follow from it
_FOLLOWERS: dict[str, tuple[str, ...]] = {
    "block": ("branch", "shortcut"),
    "stages": ("depth", "widths"),
    "depth": ("stages", "widths"),
    "width": ("widths",),
    "widths": ("width",),
}


def changed_values(spec: Spec, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of ``spec`` with ``given`` (dotted names) in them, ready to be validated.

    Only a value that really changes lets others follow: a new family keeps nothing of the old network, a new block
    has its usual shortcut, a new depth its stages, another schedule has no milestones, a batch that cannot be divided
    into the shares of batch norm is seen whole.
    """
    if isinstance(spec, RunSpec):
        values = {name: value for name, value in spec.model_dump().items() if name not in ("network", "recipe", "data")}
        values |= {name: value for name, value in given.items() if "." not in name}
        for part in ("network", "recipe", "data"):
            own = {name.removeprefix(f"{part}."): v for name, v in given.items() if name.startswith(f"{part}.")}
            values[part] = changed_values(getattr(spec, part), own)
        for name in _unread_in_family(spec, given):
            values["recipe"].pop(name, None)
        return values
    new = {name: value for name, value in given.items() if value != getattr(spec, name, None)}
    if isinstance(spec, NetworkSpec) and "family" in new:
        return dict(given)
    reset = set(_followers(spec, new)) - given.keys()
    return {name: value for name, value in {**spec.model_dump(), **given}.items() if name not in reset}


def _unread_in_family(spec: RunSpec, given: Mapping[str, Any]) -> set[str]:
    """Fields of the recipe that nobody reads with the family given, were read before, and were not given."""
    family = given.get("network.family", spec.network.family)
    recipe = spec.recipe.own_values()
    now, before = (
        unread_values(RecipeSpec, {**recipe, "network.family": each}) for each in (family, spec.network.family)
    )
    return {name for name in now.keys() - before.keys() if f"recipe.{name}" not in given}


def followers(kind: type[Spec], field: str) -> tuple[str, ...]:
    """The fields that go back to what is usual when ``field`` changes."""
    direct = _FOLLOWERS.get(field, ()) if kind is NetworkSpec else ()
    return (*_and_readers(kind, direct), *readers(kind, field))


def _and_readers(kind: type[Spec], fields: tuple[str, ...]) -> tuple[str, ...]:
    return (*fields, *(reader for field in fields for reader in readers(kind, field)))


def _followers(spec: Spec, new: Mapping[str, Any]) -> Iterator[str]:
    for field in new:
        for follower in followers(type(spec), field):
            becomes_plain = field == "block" and new[field] == Block.PLAIN
            if not (becomes_plain and follower in ("branch", "stride_place")):  # the plain counterpart: same layers
                yield follower
    if isinstance(spec, RecipeSpec) and spec.bn_images and new.get("batch_size", 0) % spec.bn_images:
        yield "bn_images"
    if not isinstance(spec, NetworkSpec):
        return
    if "depth" in new and spec.family is Family.IMAGENET:  # the depth says which block
        yield from _and_readers(NetworkSpec, ("branch",))
        if new.get("block", spec.block) != Block.PLAIN:
            yield from _and_readers(NetworkSpec, ("block", "shortcut"))
