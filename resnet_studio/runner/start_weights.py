"""Training that begins with the weights of a stored run: what is taken over, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.text_numbers import counted
from resnet_studio.domain.weight_compatibility import LAST_LAYER
from resnet_studio.runner.start import MemberStart
from resnet_studio.text import _
from resnet_studio.training.member import Member

_LAST = f"{LAST_LAYER}."


@dataclass(frozen=True, slots=True)
class Parent:
    """Whose weights a run began with. ``without_shortcuts``: a plain net took those of a residual one."""

    name: str
    parent: str
    new_head: bool
    without_shortcuts: bool


def take_over(member: Member, start: MemberStart) -> Parent | None:
    """Copy the weights that ``start`` brings into the network of ``member``, which has its initial ones.

    A last layer of another number of classes stays as it was initialised.

    Returns:
        What was taken over, None if there is nothing to take over.

    Raises:
        UserError: If they are those of another network.
    """
    given = start.weights
    if given is None:
        return None
    taken = _fitting(given.tensors, member.network.state_dict(), given.parent, start.name)
    member.network.load_state_dict(taken, strict=False)
    bare = given.residual and not start.spec.network.residual
    new_head = len(taken) < len(given.tensors)
    return Parent(start.name, f"{given.parent}{given.where}", new_head=new_head, without_shortcuts=bare)


def in_words(parents: Sequence[Parent]) -> str:
    """One sentence on runs that begin with the same weights; empty without any."""
    if not parents:
        return ""
    several = len(parents) > 1
    names = _(" and ").join(filter(None, (", ".join(p.name for p in parents[:-1]), parents[-1].name)))
    parts = [
        _(
            "{names} {several} with the weights of {parent}",
            names=names,
            several=_("begin") if several else _("begins"),
            parent=parents[0].parent,
        )
    ]
    if bare := [p.name for p in parents if p.without_shortcuts]:
        parts.append(_("{bare} without the shortcuts they were trained with", bare=_(" and ").join(bare)))
    if any(p.new_head for p in parents):
        parts.append(_("{several} last layer is new, for other classes", several=_("their") if several else _("its")))
    return "; ".join(parts) + "."


def _fitting(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    odd = [
        name
        for name in sorted({*given, *wanted})
        if (name not in given or name not in wanted or given[name].shape != wanted[name].shape)
        and not (name.startswith(_LAST) and name in given and name in wanted)
    ]
    if odd:
        what = counted(len(odd), "layer differs", "layers differ")
        raise UserError(
            _(
                "{ours} cannot begin with the weights of {theirs}: {what}, such as {odd}; choose the "
                "same network, where the number of classes alone may be another.",
                ours=ours,
                theirs=theirs,
                what=what,
                odd=odd[0],
            )
        )
    return {name: tensor for name, tensor in given.items() if tensor.shape == wanted[name].shape}
