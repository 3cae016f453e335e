"""Deleted and reordered blocks: against a forward pass by hand, and against training's own count of errors."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis.block_outputs import Alteration, BlockOutputs, images_a_batch
from resnet_studio.analysis.block_passes import block_plans, named_blocks
from resnet_studio.analysis.lesion import (
    alterations_of,
    each_block,
    errors_of,
    measure,
    outputs_of,
)
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.analyses.lesion import Altered, Lesion, LesionSettings
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.mcnemar import PairedErrors
from resnet_studio.networks.error_rates import count_errors

from .made_networks import make_network, noise

NETWORKS = (
    {"depth": 14},
    {"depth": 14, "block": "plain"},
    {"depth": 14, "shortcut": "B"},
    {"depth": 14, "shortcut": "C"},
    {"depth": 14, "zero_padding": "both"},
    {"depth": 20, "block": "bottleneck"},
    {"depth": 20, "block": "plain", "branch": "bottleneck"},
    {"depth": 14, "activation": "pre", "shortcut": "B"},
    {"depth": 14, "activation": "pre", "block": "plain"},
    {"depth": 14, "block": "single"},
    {"depth": 16, "family": "vgg", "image_size": 32},
)


@pytest.fixture
def made():
    return make_network


@pytest.fixture
def images() -> Tensor:
    return noise()


@pytest.fixture
def labels(images: Tensor) -> Tensor:
    return torch.arange(len(images)) % 3


@dataclass
class Measured:
    error: float
    blocks: tuple[Altered, ...]


def measured(network, plan, images, labels, alterations=None, **options) -> Measured:
    """All of the errors; ``options`` are those of BlockOutputs and of errors_of."""
    own = {name: options.pop(name) for name in ("batch", "arithmetic") if name in options}
    outputs = BlockOutputs(network, plan, images.__getitem__, labels, **own)
    wanted = each_block(plan) if alterations is None else alterations
    return Measured(outputs.error(), errors_of(outputs, wanted, **options))


def by_hand(network, plan, deleted: set[str], x: Tensor, order=()) -> Tensor:
    """The logits, layer by layer, from the modules alone."""
    places = {block.name: at for at, block in enumerate(block_plans(plan))}
    modules = list(network.blocks)
    y = network.stem(x)
    for name in order or places:
        block, module = block_plans(plan)[places[name]], modules[places[name]]
        if name not in deleted:
            y = module(y)
            continue
        for layer in module.before:
            y = layer(y)
        if hasattr(module, "projection"):
            y = module.projection(y)
        else:
            new = block.branch[-1].output[0] - y.shape[1]
            before = new // 2 if str(plan.spec.zero_padding) == "both" else 0
            y = F.pad(y[:, :, :: block.stride, :: block.stride], (0, 0, 0, 0, before, new - before)).clone()
        for layer in module.after:
            y = layer(y)
    return network.head(y)


def logits_of(outputs: BlockOutputs, alteration: Alteration) -> Tensor:
    """What the cached route gives, before it is counted."""
    found = []
    head = outputs.network.head

    def keep(_module, _inputs, output):
        found.append(output.clone())

    handle = head.register_forward_hook(keep)
    outputs._kept.clear()
    list(outputs.results([alteration]))
    handle.remove()
    return torch.cat(found[1::2]) if len(found) > 1 else found[0]  # whole, altered, whole, altered, ...


@pytest.mark.parametrize("fields", NETWORKS, ids=str)
def test_a_deletion_equals_the_rebuilt_forward_pass_to_the_bit(made, fields):
    network, plan = made(**fields)
    size = plan.spec.image_size
    x = torch.randn((5, 3, size, size), generator=torch.Generator().manual_seed(4))
    shown = x.clone()
    outputs = BlockOutputs(network, plan, shown.__getitem__, torch.zeros(5, dtype=torch.long))
    names = [alteration.name for alteration in each_block(plan)]
    assert len(names) == len(block_plans(plan))
    for alteration in (*each_block(plan), Alteration("two", (names[1], names[-1])), Alteration("all", tuple(names))):
        with torch.inference_mode():
            expected = by_hand(network, plan, set(alteration.deleted), x)
        assert torch.equal(logits_of(outputs, alteration), expected), alteration.name
    assert torch.equal(shown, x)  # nothing was overwritten


@pytest.mark.parametrize("fields", [{"depth": 20}, {"depth": 20, "block": "plain"}], ids=str)
def test_another_order_equals_the_rebuilt_forward_pass_to_the_bit(made, images, labels, fields):
    network, plan = made(**fields)
    first, second, *others = [block.name for block in block_plans(plan)]
    alteration = Alteration("swapped", order=(second, first, *others))
    both = Alteration("both", (alteration.order[4],), alteration.order)
    for each in (alteration, both):
        with torch.inference_mode():
            expected = by_hand(network, plan, set(each.deleted), images, each.order)
        assert torch.equal(logits_of(BlockOutputs(network, plan, images.__getitem__, labels), each), expected)


@pytest.mark.parametrize("batch", [1, 4, 250])
def test_errors_and_pairs_are_those_of_single_predictions(made, images, labels, batch):
    network, plan = made(depth=14)
    found = measured(network, plan, images, labels, batch=batch)
    with torch.inference_mode():
        whole = network(images).argmax(1) == labels
    assert found.error == 100 * (~whole).sum().item() / len(images)
    assert [block.name for block in found.blocks] == [block.name for block in block_plans(plan)]
    for block in found.blocks:
        with torch.inference_mode():
            right = by_hand(network, plan, {block.name}, images).argmax(1) == labels
        assert block.error == 100 * (~right).sum().item() / len(images)
        assert block.only_altered == (whole & ~right).sum().item()
        assert block.only_whole == (right & ~whole).sum().item()
        pair = PairedErrors(len(images), block.only_whole, block.only_altered)
        low, high = pair.interval()
        assert (block.low, block.high) == (max(0, found.error + low), min(100, found.error + high))
        assert block.low <= block.error <= block.high
        assert block.difference == pytest.approx(pair.difference)
        assert block.p_value == pair.p_value
        assert block.final


def test_a_lesion_of_nothing_is_the_error_that_training_counts(made, images, labels):
    """Ties included: in bfloat16 logits have them."""
    network, plan = made(depth=14)

    def arithmetic():
        return torch.autocast("cpu", dtype=torch.bfloat16)

    expected = count_errors(network, [(images, labels)], precision=arithmetic())
    nothing = [Alteration("nothing"), Alteration("as built", order=tuple(b.name for b in block_plans(plan)))]
    found = measured(network, plan, images, labels, nothing, arithmetic=arithmetic)
    assert found.error == expected.top1_error
    for each in found.blocks:
        assert (each.error, each.only_altered, each.only_whole) == (expected.top1_error, 0, 0)


def test_results_come_batch_by_batch_in_the_order_chosen(made, images, labels):
    network, plan = made(depth=8)
    order = tuple(reversed(each_block(plan)))
    seen: list[tuple[str, int, bool]] = []
    done: list[tuple[int, int]] = []
    found = measured(
        network, plan, images, labels, order, batch=4,
        on_result=lambda result: seen.append((result.name, result.images, result.final)),
        progress=lambda *work: done.append(work),
    )  # fmt: skip
    names = [alteration.name for alteration in order]
    assert seen == [(name, 4, False) for name in names] + [(name, 6, True) for name in names]
    assert [block.name for block in found.blocks] == names
    assert done == sorted(done)
    assert done[-1][0] == done[-1][1]


def test_outputs_are_kept_and_a_deletion_runs_only_what_follows(made, images, labels):
    network, plan = made(depth=14)
    outputs = BlockOutputs(network, plan, images.__getitem__, labels, batch=4, keep_bytes=10**9)
    ran: list[str] = []
    for block in named_blocks(network, plan):
        block.module.register_forward_hook(lambda *_unused, name=block.name: ran.append(name))
    names = [block.name for block in block_plans(plan)]
    list(outputs.results(each_block(plan)[3:4]))
    assert ran == 2 * (names + names[4:])
    ran.clear()
    list(outputs.results(each_block(plan)[1:2]))
    assert ran == 2 * names[2:]
    ran.clear()
    error = outputs.error()
    assert ran == []
    assert error == count_errors(network, [(images, labels)]).top1_error


def test_no_more_is_kept_than_allowed(made, images, labels):
    network, plan = made(depth=14)
    outputs = BlockOutputs(network, plan, images.__getitem__, labels, batch=4)
    list(outputs.results(each_block(plan)))
    assert not outputs._kept
    one = sum(x.numel() * 4 for x in outputs._batch_at(0, lambda: False).inputs)
    limited = BlockOutputs(network, plan, images.__getitem__, labels, batch=4, keep_bytes=one)
    list(limited.results(each_block(plan)))
    assert list(limited._kept) == [0]


@pytest.mark.parametrize("calls", [0, 3, 20])
def test_a_stop_is_heard_between_two_blocks(made, images, labels, calls):
    network, plan = made(depth=14)
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > calls

    outputs = BlockOutputs(network, plan, images.__getitem__, labels)
    with pytest.raises(Stopped):
        errors_of(outputs, each_block(plan), should_stop=should_stop)
    assert asked == calls + 1


def test_what_cannot_be_done_is_refused_in_a_sentence(made, images, labels):
    network, plan = made(depth=14)
    names = tuple(block.name for block in block_plans(plan))
    wrong = (
        (Alteration("x", ("stage9.block1",)), "no block stage9.block1"),
        (Alteration("x", order=names[:-1]), "each of the 6 blocks once"),
        (Alteration("x", order=(*names[:1], names[2], names[1], *names[3:])), "shapes differ"),
    )
    for alteration, sentence in wrong:
        with pytest.raises(UserError, match=sentence):
            measured(network, plan, images, labels, [alteration])
    narrowing, its_plan = made(depth=14, block="plain", width=8, widths=(8, 4, 4))
    assert "stage2.block1" not in [alteration.name for alteration in each_block(its_plan)]
    with pytest.raises(UserError, match="drops channels"):
        measured(narrowing, its_plan, images, labels, [Alteration("x", ("stage2.block1",))])
    with pytest.raises(ValueError, match="evaluation mode"):
        measured(network.train(), plan, images, labels)


def test_batches_shrink_where_blocks_are_large(made):
    assert images_a_batch(made(depth=56, width=16, image_size=32)[1]) == 250
    large = made(family="imagenet", depth=18, width=64, image_size=224)[1]
    assert 1 <= images_a_batch(large) < 100


@pytest.fixture
def subject(made) -> Subject:
    network, plan = made(depth=14)
    preprocessing = Preprocessing(8, torch.full((3, 1, 1), 0.5), torch.full((3, 1, 1), 0.25))
    return Subject(Net("ours", 14, True, "a" * 32), network, plan, preprocessing, ("blue", "green", "red"))


@pytest.fixture
def drawn() -> DrawnImages:
    pixels = torch.randint(0, 256, (7, 3, 8, 8), generator=torch.Generator().manual_seed(8), dtype=torch.uint8)
    return DrawnImages.of({8: pixels}, [0, 1, 2, 0, 1, 2, 0], [f"test/{n}" for n in range(7)], ("red", "blue", "green"))


def test_what_is_measured_of_a_subject_is_every_block_in_its_order_with_classes_by_name(subject, drawn):
    seen: list[Altered] = []
    found = measure(subject, drawn, LesionSettings(), on_result=seen.append)
    names = [block.name for block in block_plans(subject.blueprint)]
    assert [block.name for block in found.blocks] == [block.name for block in seen] == names
    wrong = subject.network(subject.inputs(drawn)).argmax(1) != torch.tensor([2, 0, 1, 2, 0, 1, 2])
    assert found.error == 100 * wrong.sum().item() / 7
    assert (found.images, found.net) == (7, subject.net)
    plain = found.to_json()
    assert plain["run"] == "a" * 32
    assert {"name", "error", "low", "high", "difference"} <= plain["blocks"][0].keys()
    again = Lesion.from_json(plain)
    assert again.blocks == found.blocks
    assert Lesion.figure([found, found]).panels
    assert len(Lesion.table([found]).rows) == len(Lesion.summary([found]).rows) * len(names)


def test_settings_choose_blocks_order_and_whether_together(subject, drawn):
    plan = subject.blueprint
    names = tuple(block.name for block in block_plans(plan))
    order = (names[1], names[0], *names[2:])
    two = ("stage2.block2", "stage1.block1")

    def asked(**fields) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
        return [(each.deleted, each.order) for each in alterations_of(plan, LesionSettings(**fields))]

    assert asked(blocks=two) == [(two[:1], ()), (two[1:], ())]
    assert asked(blocks=two, together=True) == [(two, ())]
    assert asked(order=order) == [((), order)]
    assert asked(blocks=two, together=True, order=order) == [(two, order)]
    with pytest.raises(ValueError, match="name the blocks"):
        LesionSettings(together=True)
    kept = outputs_of(subject, drawn, keep_bytes=10**9)
    (first,) = errors_of(kept, alterations_of(plan, LesionSettings(blocks=two, together=True, order=order)))
    assert measure(subject, drawn, LesionSettings(blocks=two, together=True, order=order)).blocks == (first,)
