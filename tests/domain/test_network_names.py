"""Networks by name, as people and labels write them."""

from __future__ import annotations

import pytest

from resnet_studio.domain.enums import Block, Family, Shortcut, StridePlace
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.network_spec import NetworkSpec


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("plain-34", {"family": "imagenet", "depth": 34, "block": "plain"}),
        ("resnet-34-B", {"family": "imagenet", "depth": 34, "shortcut": "B"}),
        ("resnet50", {"family": "imagenet", "depth": 50, "block": "bottleneck", "shortcut": "B"}),
        ("RESNET-50 3x3", {"family": "imagenet", "depth": 50, "stride_place": "3x3"}),
        ("plain-50", {"family": "imagenet", "depth": 50, "block": "plain", "branch": "bottleneck"}),
        ("vgg-19", {"family": "vgg", "depth": 19}),
        ("resnet-110", {"depth": 110}),
        ("cifar-resnet-50", {"depth": 50}),
        ("resnet-29", {"depth": 29, "block": "bottleneck"}),
        ("pre-resnet-20_both", {"depth": 20, "activation": "pre", "zero_padding": "both"}),
        ("plain-20 single", {"depth": 20, "block": "plain", "branch": "single"}),
    ],
)
def test_names_give_networks(text: str, values: dict[str, object]) -> None:
    assert network_named(text) == NetworkSpec(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "spec",
    [
        NetworkSpec(),
        NetworkSpec(block=Block.PLAIN),
        NetworkSpec(depth=20, shortcut=Shortcut.C),
        NetworkSpec(family=Family.IMAGENET, depth=34, shortcut=Shortcut.B),
        NetworkSpec(family=Family.IMAGENET, depth=152),
        NetworkSpec(family=Family.IMAGENET, depth=50, stride_place=StridePlace.MIDDLE),
        NetworkSpec(family=Family.VGG, depth=16),
        NetworkSpec(family=Family.IMAGENET, stages=(3, 4, 6, 4, 3)),
    ],
)
def test_labels_are_names(spec: NetworkSpec) -> None:
    assert network_named(spec.label) == spec


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alexnet", "is not the name of a network"),
        ("", "is not the name of a network"),
        ("resnet-21", "choose 20 or 26"),
        ("resnet-34-q", "'q' in 'resnet-34-q' is not known"),
        ("plain-34-B", "a plain net has no shortcuts"),
        ("resnet-99999", "at most 1202"),
        ("resnet-20-0", "at least 1"),
    ],
)
def test_what_is_no_network_is_told_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        network_named(text)
    assert str(caught.value).endswith(".")
