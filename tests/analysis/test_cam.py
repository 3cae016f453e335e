"""Class activation maps against torchcam, their definition, and what they must not do to a network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_studio.analysis.cam import (
    RandomisedWeights,
    class_activation_map,
    class_maps,
    randomised,
    rank_correlation,
    where_it_looks,
)
from resnet_studio.domain.analyses.overlay import blended, colours, from_its_lowest, overlay, upsampled
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.networks.module_state import batch_statistics
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest, state_of

from .conftest import MakeNetwork

NETS = [{}, {"block": "plain"}, {"shortcut": "B"}, {"depth": 11, "block": "bottleneck", "shortcut": "B"}]
PRE = {"activation": "pre"}


def torchcam_methods():
    return pytest.importorskip(
        "torchcam.methods", reason="torchcam, which class activation maps are compared with, is not installed"
    )


@pytest.mark.parametrize("fields", NETS)
def test_cam_is_torchcams(made: MakeNetwork, inputs: Tensor, fields: dict[str, str]) -> None:
    methods = torchcam_methods()
    network, plan = made(**fields)
    last = plan.stages[-1].blocks[-1].name
    found = class_maps(network, plan, inputs, targets=[2] * 6)
    with methods.CAM(network, last, "head.fc") as extractor:
        scores = network(inputs)
        expected = extractor(2, scores, normalized=False)[0]
    np.testing.assert_allclose(np.stack([each.values for each in found]), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("fields", [*NETS, PRE, {"family": "vgg", "depth": 16, "image_size": 32, "block": "plain"}])
def test_grad_cam_is_torchcams_at_every_block(made: MakeNetwork, inputs: Tensor, fields: dict[str, object]) -> None:
    methods = torchcam_methods()
    network, plan = made(**fields)
    inputs = torch.nn.functional.interpolate(inputs, plan.input[1:])
    found = class_maps(network, plan, inputs)
    targets = [each.target for each in found]
    assert len(found[0].blocks) == sum(len(stage.blocks) for stage in plan.stages)
    for position, name in enumerate(found[0].blocks):
        with methods.GradCAM(network, name) as extractor:
            scores = network(inputs.clone().requires_grad_())
            expected = extractor(targets, scores, normalized=False)[0]
        np.testing.assert_allclose(
            np.stack([each.grad_cam[position] for each in found]), expected.numpy(), atol=1e-5, err_msg=name
        )


@pytest.mark.parametrize("fields", [*NETS, PRE])
def test_map_and_bias_are_the_logit(made: MakeNetwork, inputs: Tensor, fields: dict[str, str]) -> None:
    """Exact: the map's mean plus the bias is what the network says, in nets with batch norm before pooling too."""
    network, plan = made(**fields)
    logits = network(inputs)
    bias = network.get_parameter("head.fc.bias")
    for n, each in enumerate(class_maps(network, plan, inputs)):
        assert each.target == int(logits[n].argmax())
        assert each.logit == pytest.approx(float(logits[n].max()), abs=1e-5)
        assert each.values.mean() + float(bias[each.target]) == pytest.approx(each.logit, abs=1e-5)
        assert each.probability == pytest.approx(float(logits[n].softmax(0).max()), abs=1e-6)


def test_grad_cam_of_the_last_block_is_the_positive_part(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    for each in class_maps(network, plan, inputs):
        expected = np.maximum(each.values, 0) / each.values.size
        np.testing.assert_allclose(each.grad_cam[-1], expected, atol=1e-6)


def test_grad_cam_at_chosen_blocks(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    every = class_maps(network, plan, inputs)[0]
    some = class_maps(network, plan, inputs, blocks=["stage3.block1", "stage1.block1"])[0]
    assert some.blocks == ("stage1.block1", "stage3.block1")
    assert (some.grad_cam[0] == every.grad_cam[0]).all()
    assert (some.grad_cam[1] == every.grad_cam[2]).all()
    with pytest.raises(ValueError, match=r"no block 'stage9'"):
        class_maps(network, plan, inputs, blocks=["stage9"])


def test_other_sizes_than_in_training(made: MakeNetwork) -> None:
    network, plan = made()
    assert class_maps(network, plan, torch.randn(1, 3, 24, 16))[0].values.shape == (6, 4)


def test_without_global_pooling_there_is_grad_cam_alone(made: MakeNetwork) -> None:
    network, plan = made(family="vgg", depth=16, image_size=32, block="plain")
    inputs = torch.randn(2, 3, 32, 32)
    with pytest.raises(UserError, match="Grad-CAM"):
        class_activation_map(network, plan, inputs)
    found = class_maps(network, plan, inputs)[0]
    assert found.values.shape == (0, 0)
    assert found.grad_cam[0].shape == (32, 32)
    assert len(randomised(network, plan, inputs)) == len(found.blocks) + 1  # there is no stem


def test_the_network_stays_as_it_was(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    network.train()
    before = digest(state_of(network))
    class_maps(network, plan, inputs)
    class_maps(network, plan, inputs, trained=False)
    randomised(network, plan, inputs)
    assert digest(state_of(network)) == before
    assert all(module.training for module in network.modules())
    assert all(norm.track_running_stats for norm in network.modules() if hasattr(norm, "track_running_stats"))
    assert not any(module._forward_hooks for module in network.modules())
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_batch_statistics_are_those_of_training(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    found = class_maps(network, plan, inputs, trained=False)
    logits = network.train()(inputs)
    assert [each.logit for each in found] == pytest.approx(logits.max(1).values.tolist(), abs=1e-5)


def test_randomised_weights_lose_the_map(made: MakeNetwork, inputs: Tensor) -> None:
    """Each part in turn, the last one first; the same weights again would keep the map."""
    network, plan = made()
    found = randomised(network, plan, inputs, seed=5)
    names = ["stem", *(block.name for stage in plan.stages for block in stage.blocks), "head"]
    assert [each.part for each in found] == names[::-1]
    assert all(-1.0 <= each.correlation <= 1.0 for each in found)
    assert abs(found[-1].correlation) < 0.6
    fresh = build(plan, 5).eval().requires_grad_(False)
    head = randomised(fresh, plan, inputs, seed=5)[0]
    assert head.correlation == pytest.approx(1.0, abs=1e-9)  # the very weights it had


@pytest.mark.parametrize("fields", [*NETS, PRE, {"family": "vgg", "depth": 16, "image_size": 32, "block": "plain"}])
def test_one_image_after_the_other_has_the_check_of_each(made: MakeNetwork, fields: dict[str, object]) -> None:
    """The numbers are the first and the last that the whole check has of that image, in any order of images."""
    network, plan = made(**fields)
    before = digest(state_of(network))
    images = torch.randn((2, 3, *plan.input[1:]), generator=torch.Generator().manual_seed(8))
    checking = RandomisedWeights(network, plan)
    for x in (images[:1], images[1:], images[:1]):
        look = checking.look(x, 40, 60)
        (true,) = class_maps(network, plan, x)
        whole = randomised(network, plan, x)
        assert look.target == true.target
        assert (look.likeness.last_layer, look.likeness.everything) == (whole[0].correlation, whole[-1].correlation)
        assert look.values.shape == (40, 60)
    assert digest(state_of(network)) == before
    assert not any(module.training or module._forward_hooks for module in network.modules())
    other = RandomisedWeights(network, plan, seed=1).look(images[:1], 40, 60)
    assert (other.values != look.values).any()


def test_the_random_map_is_the_fresh_networks(made: MakeNetwork, inputs: Tensor) -> None:
    """Drawn by the seed as before any training, batch norm by the image; a network of those weights keeps its map."""
    network, plan = made()
    fresh = build(plan, 0).eval().requires_grad_(False)
    look = RandomisedWeights(network, plan).look(inputs[:1], 8, 8)
    with batch_statistics(fresh):
        values, _logits = class_activation_map(fresh, plan, inputs[:1], [look.target])
    np.testing.assert_allclose(look.values, upsampled(values[0].numpy(), 8, 8), atol=1e-5)
    assert RandomisedWeights(fresh, plan).look(inputs[:1], 8, 8).likeness.last_layer == pytest.approx(1.0, abs=1e-9)


def test_the_check_of_one_image_can_be_stopped(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    checking = RandomisedWeights(network, plan)
    expected = checking.look(inputs[:1], 8, 8).likeness
    for stop_at in range(1, 3 * 7 + 1):  # in each of the three networks, after each convolution
        left = iter(range(stop_at - 1))
        with pytest.raises(Stopped):
            checking.look(inputs[:1], 8, 8, lambda left=left: next(left, None) is None)
    assert checking.look(inputs[:1], 8, 8).likeness == expected


def test_a_map_without_sign_is_drawn_from_its_lowest() -> None:
    values = np.array([[-4.0, -3.0], [-2.0, -1.0]])
    assert (overlay(values)[..., :3] == overlay(values)[0, 0, :3]).all()  # all of it speaks against the class
    assert (from_its_lowest(values) == overlay(np.array([[0.0, 1.0], [2.0, 3.0]]))).all()


def test_rank_correlation() -> None:
    """Against values counted by hand, ties and constants among them."""
    up = np.array([1.0, 2.0, 3.0, 4.0])
    assert rank_correlation(up, up**3) == pytest.approx(1.0)
    assert rank_correlation(up, -up) == pytest.approx(-1.0)
    assert rank_correlation(up, np.array([1.0, 1.0, 2.0, 2.0])) == pytest.approx(4 / np.sqrt(20))
    assert rank_correlation(up, np.full(4, 7.0)) == 0.0


def test_stop_leaves_no_hook(made: MakeNetwork, inputs: Tensor) -> None:
    """Stopped at any of its checks: in the forward pass, in the backward pass, in the copy."""
    network, plan = made()
    asked = 0

    def count() -> bool:
        nonlocal asked
        asked += 1
        return False

    class_maps(network, plan, inputs, should_stop=count)
    convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
    before_blocks_end = 3  # of stem and first block: the backward pass ends at that block's output
    assert asked == 3 * convolutions - before_blocks_end  # forward, backward, and forward for the exact map
    for stop_at in range(1, asked + 1):
        left = iter(range(stop_at - 1))
        with pytest.raises(Stopped):
            class_maps(network, plan, inputs, should_stop=lambda left=left: next(left, None) is None)
        assert not any(module._forward_hooks for module in network.modules())
    with pytest.raises(Stopped):
        randomised(network, plan, inputs, should_stop=lambda: True)


def test_progress_ends_with_all(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    for function in (class_maps, randomised):
        steps: list[tuple[int, int]] = []
        function(network, plan, inputs, progress=lambda done, total, steps=steps: steps.append((done, total)))
        assert steps == [(done, steps[-1][1]) for done in range(steps[-1][1] + 1)]


@pytest.mark.parametrize("fields", [{}, {"family": "vgg", "depth": 16, "image_size": 32, "block": "plain"}])
def test_where_it_looks_is_the_map_of_its_own_answer(made: MakeNetwork, fields: dict[str, object]) -> None:
    """For the window: at the size of the picture; Grad-CAM where there is no exact map."""
    network, plan = made(**fields)
    x = torch.randn((1, 3, *plan.input[1:]), generator=torch.Generator().manual_seed(8))
    look = where_it_looks(network, plan, x, 40, 60)
    (found,) = class_maps(network, plan, x)
    assert (look.target, look.probability) == (found.target, found.probability)
    assert look.exact == (not fields)
    expected = found.values if look.exact else found.grad_cam[-1]
    np.testing.assert_allclose(look.values, upsampled(expected, 40, 60))
    with pytest.raises(Stopped):
        where_it_looks(network, plan, x, 4, 4, lambda: True)


def test_upsampled_is_bilinear() -> None:
    values = np.array([[0.0, 1.0], [2.0, 3.0]], np.float32)
    large = upsampled(values, 4, 6)
    assert large.shape == (4, 6)
    assert large[0, 0] == 0.0
    assert large[-1, -1] == 3.0
    assert large[1, 0] == pytest.approx(0.5)  # a quarter of the way between the centres of two rows
    for shape, size in (((4, 4), (32, 32)), ((1, 3), (5, 2)), ((7, 7), (224, 200)), ((6, 6), (3, 3))):
        values = np.random.default_rng(0).standard_normal(shape)
        expected = torch.nn.functional.interpolate(torch.from_numpy(values)[None, None], size, mode="bilinear")
        np.testing.assert_allclose(upsampled(values, *size), expected[0, 0], atol=1e-12)


def test_overlay_is_dark_and_faint_at_nothing_and_bright_at_most() -> None:
    rgba = overlay(np.array([[-5.0, 0.0], [1.0, 2.0]]))
    assert rgba.dtype == np.uint8
    assert rgba.shape == (2, 2, 4)
    assert (rgba[0, 0] == rgba[0, 1]).all()
    brightness = rgba[..., :3].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert brightness[0, 1] < brightness[1, 0] < brightness[1, 1]
    assert rgba[0, 1, 3] < rgba[1, 0, 3] < rgba[1, 1, 3] < 255
    assert (overlay(np.array([[1.0]]), highest=2.0) == rgba[1, 0]).all()
    assert (overlay(np.zeros((2, 2))) == rgba[0, 0]).all()  # a map without a positive value


def test_blended_lies_between_image_and_colour() -> None:
    pixels = np.array([[[200, 100, 0]]], np.uint8)
    assert (blended(pixels, np.array([[[0, 0, 255, 0]]], np.uint8)) == pixels).all()
    assert blended(pixels, np.array([[[0, 0, 255, 255]]], np.uint8)).tolist() == [[[0, 0, 255]]]
    assert blended(pixels, np.array([[[0, 100, 200, 51]]], np.uint8)).tolist() == [[[160, 100, 40]]]


def test_colours_of_values_beyond_the_ends() -> None:
    assert (colours(np.array([-1.0, np.nan])) == colours(np.array([0.0]))[0]).all()
    assert (colours(np.array([9.0])) == colours(np.array([1.0]))).all()
