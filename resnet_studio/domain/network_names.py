"""Networks by name: ``plain-34``, ``resnet-50``, ``ResNet-34 B``, ``vgg-19``, ``cifar-resnet-164-bottleneck-pre``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from resnet_studio.domain.documents import parse
from resnet_studio.domain.enums import Activation, Block, Branch, Family, Shortcut, StridePlace, ZeroPadding
from resnet_studio.domain.errors import SpecError, UserError
from resnet_studio.domain.network_spec import NetworkSpec, stages_of
from resnet_studio.text import _

EXAMPLES = _("plain-34, resnet-34-B, resnet-50, vgg-19 or cifar-resnet-110")

# Words after the depth and what they set; a plain net's layers are those of the named branch.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    **{option.value.lower(): {"shortcut": option} for option in Shortcut},
    **{branch.value: {"block": Block(branch.value)} for branch in Branch},
    "pre": {"activation": Activation.PRE},
    "post": {"activation": Activation.POST},
    "1x1": {"stride_place": StridePlace.FIRST},
    "3x3": {"stride_place": StridePlace.MIDDLE},
    "v1.5": {"stride_place": StridePlace.MIDDLE},
    "end": {"zero_padding": ZeroPadding.END},
    "both": {"zero_padding": ZeroPadding.BOTH},
}
_NAME = re.compile(r"(?:(cifar|imagenet)-)?(pre-)?(plain|resnet|vgg)-?(\d{1,5})(?:-(.+))?")


def network_named(text: str) -> NetworkSpec:
    """The network of a name, its parts joined by dashes or blanks.

    The parts are the family (left out where the depth decides), ``plain``, ``resnet`` or ``vgg``, the depth, and then
    any of A, B, C, basic, bottleneck, single, pre, 3x3, both, or the blocks of each stage, like ``3-4-6-3``.

    A depth that Table 1 of He et al. 2015 has (18, 34, 50, 101, 152) is that ImageNet network; others are of the CIFAR
    family, of basic blocks where 6n + 2 layers fit, else of bottlenecks.

    Raises:
        UserError: For what is no such name, or a network that cannot be.
    """
    found = _NAME.fullmatch(re.sub(r"[\s_-]+", "-", text.strip().lower()))
    if found is None:
        raise UserError(
            _(
                "{text!r} is not the name of a network; write one like {examples}.",
                text=text.strip()[:60],
                examples=EXAMPLES,
            )
        )
    family, pre, kind, depth, rest = found.groups()
    values: dict[str, Any] = {"depth": int(depth)}
    stages: list[int] = []
    for word in (rest or "").split("-") if rest else ():
        if word.isdecimal() and len(word) < 5:
            stages.append(int(word))
        elif word in _OPTIONS:
            values |= _OPTIONS[word]
        else:
            raise UserError(
                _(
                    "{word!r} in {text!r} is not known; use {options}.",
                    word=word[:40],
                    text=text.strip()[:60],
                    options=", ".join(_OPTIONS),
                )
            )
    if stages:
        values["stages"] = tuple(stages)
    if pre:
        values["activation"] = Activation.PRE
    values["family"] = _family(family, kind, int(depth), stages)
    if kind == "vgg":
        values["family"] = Family.VGG
    else:
        _choose_block(values, plain=kind == "plain")
    try:
        return parse(NetworkSpec, values)
    except SpecError as error:
        sentence = next(iter(error.fields.values()))
        raise UserError(_("There is no {text}: {sentence}.", text=text.strip()[:60], sentence=sentence)) from None


def _family(word: str | None, kind: str, depth: int, stages: list[int]) -> Family:
    if kind == "vgg":
        return Family.VGG
    if word is not None:
        return Family(word)
    table = any(stages_of(Family.IMAGENET, branch, depth) for branch in (Branch.BASIC, Branch.BOTTLENECK))
    return Family.IMAGENET if table or len(stages) > 3 else Family.CIFAR


def _choose_block(values: dict[str, Any], *, plain: bool) -> None:
    """The named branch; else the one that fits the depth."""
    family, depth = values["family"], values["depth"]
    if "block" not in values and family is Family.CIFAR and not values.get("stages"):
        basic = stages_of(family, Branch.BASIC, depth) or not stages_of(family, Branch.BOTTLENECK, depth)
        values["block"] = Block.BASIC if basic else Block.BOTTLENECK
    if not plain:
        return
    branch = values.pop("block", None)
    values |= {"block": Block.PLAIN, **({"branch": Branch(branch.value)} if branch else {})}
