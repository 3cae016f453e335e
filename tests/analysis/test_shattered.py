"""Shattered gradients: 1 everywhere in a linear network, and as plain autograd has it point by point in others."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis import shattered
from resnet_studio.analysis.subjects import Subject, measured_preprocessing, untrained
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.charts import LineChart
from resnet_studio.domain.analyses.shattered import LAGS, POINTS, Shattered, ShatteredSettings
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.network_names import network_named
from resnet_studio.domain.spec import replace as spec_replace
from resnet_studio.networks.residual import PlannedNetwork

from .conftest import SIZE, assert_untouched, state

Make = Callable[..., Subject]
TWO = ShatteredSettings(lines=2)


class Linear(nn.Module):
    """Its gradient is one row of its weights, wherever it is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3 * SIZE * SIZE, 10)
        self.blocks = nn.ModuleList(nn.Identity() for _block in range(3))
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        y: Tensor = self.layer(x.flatten(1))
        return y


def test_a_linear_network_has_cosine_1(subject: Make, images: DrawnImages) -> None:
    linear = replace(subject(), network=Linear().eval())  # type: ignore[arg-type]
    found = shattered.measure(linear, images, TWO)
    for cosine in (found.cosine, *(block.cosine for block in found.blocks)):
        assert cosine == pytest.approx(dict.fromkeys(LAGS, 1.0), abs=1e-9)
    assert np.ptp(found.traces, axis=1) == pytest.approx(np.zeros(2), abs=1e-6)
    assert np.abs(found.traces).min() > 0
    ends = linear.inputs(images, slice(0, 2))
    way = (ends[1] - ends[0]).flatten()
    row = linear.network.layer.weight[images.labels[0]]  # type: ignore[union-attr]
    assert found.traces[0, 0] == pytest.approx(float(row @ way / way.norm()), rel=1e-4)


@pytest.mark.parametrize("trained", [False, True])
def test_gradients_are_those_of_single_points(subject: Make, images: DrawnImages, trained: bool) -> None:
    looked_at = subject("plain-8")
    if trained:
        looked_at = replace(looked_at, net=replace(looked_at.net, run_id="a" * 32))
    before = state(looked_at)
    found = shattered.measure(looked_at, images, TWO)
    assert_untouched(looked_at, before)
    network, inputs = in_float64(looked_at, images)
    a, b, target = inputs[2], inputs[3], int(images.labels[2])
    gradients = []
    for step in range(POINTS):
        x = (a + step / (POINTS - 1) * (b - a))[None].requires_grad_()
        gradients.append(torch.autograd.grad(network(x)[0, target], x)[0].flatten().numpy())
    way = ((b - a) / (b - a).norm()).flatten().numpy()
    np.testing.assert_allclose(found.traces[1], [g @ way for g in gradients], rtol=1e-3, atol=1e-4)
    for place, lag in enumerate(LAGS):
        pairs = zip(gradients[:-lag], gradients[lag:], strict=True)
        cosines = [g @ h / np.linalg.norm(g) / np.linalg.norm(h) for g, h in pairs]
        assert found.cosines[1, place] == pytest.approx(np.mean(cosines), abs=2e-3)
    assert found.cosine[1] == pytest.approx(found.cosines[:, 0].mean())


def in_float64(subject: Subject, images: DrawnImages) -> tuple[PlannedNetwork, Tensor]:
    """The network in test mode with the statistics that the analysis goes by, and the images as it takes them."""
    network = copy.deepcopy(subject.network).double()
    inputs = subject.inputs(images).double()
    if not subject.net.trained:
        network.train()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        network(inputs)
        network.eval()
    return network, inputs


@pytest.mark.parametrize("trained", [False, True])
@pytest.mark.parametrize("name", ["plain-8", "resnet-8", "pre-resnet-8", "cifar-resnet-11-bottleneck"])
def test_by_depth_it_is_plain_autograds(subject: Make, images: DrawnImages, name: str, trained: bool) -> None:
    """Point by point and block by block, of the mean of two lines."""
    looked_at = subject(name)
    if trained:
        looked_at = replace(looked_at, net=replace(looked_at.net, run_id="a" * 32))
    before = state(looked_at)
    found = shattered.measure(looked_at, images, TWO)
    assert_untouched(looked_at, before)
    network, inputs = in_float64(looked_at, images)
    blocks = list(network.blocks)
    expected = np.zeros((len(blocks), len(LAGS)))
    for line in range(2):
        a, b = inputs[2 * line], inputs[2 * line + 1]
        gradients: list[list[Tensor]] = [[] for _block in blocks]
        for step in range(POINTS):
            with torch.no_grad():
                x = network.stem((a + step / (POINTS - 1) * (b - a))[None])
            x.requires_grad_()
            entered = []
            for block in blocks:
                entered.append(x)
                x = block(x.clone())  # a pre-activation block changes what enters it
            output = network.head(x)[0, int(images.labels[2 * line])]
            for own, gradient in zip(gradients, torch.autograd.grad(output, entered), strict=True):
                own.append(gradient.flatten())
        for place, own in enumerate(gradients):
            each = torch.stack(own)
            expected[place] += [float(F.cosine_similarity(each[:-lag], each[lag:]).mean()) / 2 for lag in LAGS]
    np.testing.assert_allclose([list(block.cosine.values()) for block in found.blocks], expected, atol=3e-3)
    assert expected.std() > 0.01  # they are not all alike
    plan = looked_at.blueprint
    assert [block.name for block in found.blocks] == [block.name for stage in plan.stages for block in stage.blocks]
    assert all(list(block.cosine) == list(LAGS) for block in found.blocks)


def test_without_a_stem_the_first_blocks_input_is_the_image(images: DrawnImages) -> None:
    size = 32
    large = DrawnImages.of(
        {size: F.interpolate(images.pixels[SIZE], size)}, images.labels.tolist(), images.names, images.class_names
    )
    spec = spec_replace(network_named("vgg-16"), image_size=size, width=8, classes=10)
    found = shattered.measure(untrained(spec, 0, measured_preprocessing(large, size)), large, TWO)
    assert (found.blocks[0].name, found.blocks[0].layers) == ("stage1.block1", 0)
    assert found.blocks[0].cosine == pytest.approx(found.cosine, abs=1e-9)
    assert found.cosine[1] != 0.0


def test_depths_are_counted_in_weighted_layers(subject: Make, images: DrawnImages) -> None:
    found = shattered.measure(subject("resnet-14"), images, TWO)
    assert [block.layers for block in found.blocks] == [1, 3, 5, 7, 9, 11]
    assert [(each.name, each.layers) for each in found.by_depth[:2]] == [("input", 0), ("stage1.block1", 1)]
    assert found.by_depth[0].cosine == found.cosine


def test_a_gradient_of_zero_counts_as_0(subject: Make, images: DrawnImages) -> None:
    """Where the last block passes nothing on, nothing comes back to the first."""
    looked_at = subject("plain-8")
    for parameter in looked_at.network.get_submodule("stage2.block1").parameters():
        parameter.zero_()
    found = shattered.measure(looked_at, images, TWO)
    assert [list(block.cosine.values()) for block in found.blocks[:2]] == [[0.0] * 3] * 2
    assert found.blocks[2].cosine[1] != 0.0
    assert found.cosine[1] == 0.0


def test_untrained_plain_56_shatters_towards_the_input(images: DrawnImages) -> None:
    """From the last block to the first the gradients of neighbouring points lose their likeness in the plain net."""
    preprocessing = measured_preprocessing(images, SIZE)
    specs = [spec_replace(network_named(name), image_size=SIZE, width=4) for name in ("plain-56", "resnet-56")]
    plain, residual = (
        [block.cosine[1] for block in shattered.measure(untrained(spec, 0, preprocessing), images, TWO).blocks]
        for spec in specs
    )
    assert len(plain) == len(residual) == 27
    assert max(map(abs, plain[:18])) < 0.1  # in the first two stages nothing is left of it
    assert min(residual) == residual[0]
    assert 0.4 < residual[0] < 0.65 < 0.9 < residual[-1]
    assert all(one > other for one, other in zip(residual, plain, strict=True))


def test_the_chart_by_depth_names_every_block(subject: Make, images: DrawnImages) -> None:
    """So a block that is chosen in the drawing is marked there; a result from before has no such chart."""
    found = [shattered.measure(subject(name), images, TWO) for name in ("plain-8", "resnet-8")]
    panels = Shattered.figure(found).panels
    assert len(panels) == 4
    chart = panels[-1]
    assert isinstance(chart, LineChart)
    for line, one in zip(chart.lines, found, strict=True):
        assert line.names == ("input", "stage1.block1", "stage2.block1", "stage3.block1")
        assert line.x.tolist() == [0, 1, 3, 5]
        assert line.y.tolist() == [one.cosine[1], *(block.cosine[1] for block in one.blocks)]
        assert line.dashed is not one.net.residual
    older = [replace(one, blocks=()) for one in found]
    assert len(Shattered.figure(older).panels) == 3
    assert len(Shattered.figure([older[0], found[1]]).panels[-1].lines) == 1  # type: ignore[union-attr]


def test_the_table_has_traces_and_depths(subject: Make, images: DrawnImages) -> None:
    found = shattered.measure(subject(), images, TWO)
    table = Shattered.table([found])
    assert {len(row) for row in table.rows} == {len(table.columns)}
    depths, traces = table.rows[: -2 * POINTS], table.rows[-2 * POINTS :]
    assert [row[1:6] for row in depths] == [(each.name, each.layers, *each.cosine.values()) for each in found.by_depth]
    assert [row[-1] for row in traces] == found.traces.ravel().tolist()
    assert [row[6:8] for row in (traces[0], traces[-1])] == [(1, 1), (2, POINTS)]
    assert len(Shattered.table([replace(found, blocks=())]).rows) == 2 * POINTS


def test_its_plain_form_comes_back(subject: Make, images: DrawnImages) -> None:
    found = shattered.measure(subject(), images, TWO)
    values = found.to_json()
    assert list(values["cosine"]) == ["1", "2", "4"]
    assert np.shape(values["traces"]) == (2, POINTS)
    assert list(values["blocks"][0]) == ["name", "layers", "cosine"]
    assert list(values["blocks"][0]["cosine"]) == ["1", "2", "4"]
    again = Shattered.from_json(values)
    assert again.cosine == found.cosine
    assert again.blocks == found.blocks
    assert again.to_json() == values


def test_a_result_stored_without_depths_comes_back(subject: Make, images: DrawnImages) -> None:
    values = shattered.measure(subject(), images, TWO).to_json()
    del values["blocks"]
    again = Shattered.from_json(values)
    assert again.blocks == again.by_depth == ()
    assert {**again.to_json(), "blocks": None} == {**values, "blocks": None}


def test_lines_need_images(subject: Make, images: DrawnImages) -> None:
    with pytest.raises(UserError, match="42 images, there are 40"):
        shattered.measure(subject(), images, ShatteredSettings(lines=21))


def test_a_stop_is_heard(subject: Make, images: DrawnImages) -> None:
    looked_at = subject()
    before, told = state(looked_at), []
    with pytest.raises(Stopped):
        shattered.measure(looked_at, images, TWO, lambda done, total: told.append((done, total)), lambda: bool(told))
    assert told == [(1, 2)]
    assert_untouched(looked_at, before)
