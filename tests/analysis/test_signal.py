"""The signal check against plain autograd."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from resnet_studio.analysis import signal
from resnet_studio.analysis.subjects import Subject
from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.domain.analyses.charts import LineChart
from resnet_studio.domain.errors import Stopped, StoreError, UserError

from .conftest import assert_untouched, state

Make = Callable[..., Subject]


def by_autograd(subject: Subject, images: DrawnImages) -> tuple[list[float], float]:
    """Norms at the stem's output and at each block's, block by block, everything kept; in float64."""
    network = copy.deepcopy(subject.network).double().train().requires_grad_(True)
    x = network.stem(subject.inputs(images).double())
    kept = [x]
    for block in network.blocks:
        x = block(x)
        kept.append(x)
    for tensor in kept:
        tensor.retain_grad()
    loss = F.cross_entropy(network.head(x), torch.from_numpy(images.labels))
    loss.backward()
    return [float(tensor.grad.norm()) for tensor in kept], float(loss.detach())


@pytest.mark.parametrize("name", ["plain-8", "resnet-8", "resnet-8-B", "pre-resnet-8", "cifar-resnet-11-bottleneck"])
def test_norms_are_those_of_autograd(subject: Make, images: DrawnImages, name: str) -> None:
    looked_at = subject(name)
    before = state(looked_at)
    found = signal.measure(looked_at, images)
    assert_untouched(looked_at, before)
    norms, loss = by_autograd(looked_at, images)
    np.testing.assert_allclose(found.norms, norms[1:], rtol=2e-4)
    np.testing.assert_allclose(found.gains, np.array(norms[:-1]) / np.array(norms[1:]), rtol=4e-4)
    assert found.growth == pytest.approx(norms[1] / norms[-1], rel=4e-4)
    assert found.loss == pytest.approx(loss, rel=1e-5)
    plan = looked_at.blueprint
    assert found.blocks == tuple(block.name for stage in plan.stages for block in stage.blocks)
    assert found.layers[-1] == plan.depth - 1  # all but the fully connected layer


def test_its_plain_form_comes_back(subject: Make, images: DrawnImages) -> None:
    found = signal.measure(subject(), images)
    values = found.to_json()
    assert {"network", "growth", "gains", "norms", "blocks"} <= set(values)
    assert (values["network"], values["run"], values["init_seed"]) == (found.net.label, None, 0)
    assert values["growth"] == found.growth
    again = type(found).from_json(values)
    assert again.to_json() == values
    assert again.net.init_seed == 0
    with pytest.raises(StoreError, match="cannot be read"):
        type(found).from_json({**values, "gains": "many"})


def test_labels_are_matched_by_name(subject: Make, images: DrawnImages) -> None:
    """A run that lists the classes the other way round has its outputs the other way round."""
    looked_at = subject()
    turned = Subject(
        looked_at.net, looked_at.network, looked_at.blueprint, looked_at.preprocessing, images.class_names[::-1]
    )
    assert turned.targets(images).tolist() == [9 - label for label in images.labels.tolist()]
    other = Subject(looked_at.net, looked_at.network, looked_at.blueprint, looked_at.preprocessing, ("a", "b"))
    with pytest.raises(UserError, match="not those that"):
        signal.measure(other, images)


def test_a_stop_in_the_backward_pass_leaves_it_as_it_was(subject: Make, images: DrawnImages) -> None:
    looked_at = subject()
    before, convolutions, asked = state(looked_at), 7, 0

    def after_the_forward_pass() -> bool:
        nonlocal asked
        asked += 1
        return asked > convolutions + 2

    with pytest.raises(Stopped):
        signal.measure(looked_at, images, should_stop=after_the_forward_pass)
    assert asked == convolutions + 3
    assert_untouched(looked_at, before)


def test_progress_ends_with_all_of_it(subject: Make, images: DrawnImages) -> None:
    told: list[tuple[int, int]] = []
    signal.measure(subject(), images, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_checkpoints_of_a_run_make_a_line_of_growth(subject: Make, images: DrawnImages) -> None:
    found = signal.measure(subject(), images)
    assert len(type(found).figure([found]).panels) == 2
    trained = dataclasses.replace(found.net, run_id="r", label="run")
    later = dataclasses.replace(found, net=dataclasses.replace(trained, iteration=30), norms=found.norms[::-1])
    first = dataclasses.replace(found, net=dataclasses.replace(trained, iteration=10))
    panels = type(found).figure([later, first]).panels
    assert len(panels) == 3
    growth = panels[2]
    assert isinstance(growth, LineChart)
    (line,) = growth.lines
    assert line.x.tolist() == [10, 30]
    assert line.y.tolist() == [found.growth, 1 / found.growth]
    assert line.label == "run"
