"""The loss surface against single points counted anew, and what a refinement keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_studio.analysis.surface import Square, direction, loss_surface
from resnet_studio.domain.analyses.surface import SIDES
from resnet_studio.domain.errors import Stopped
from resnet_studio.networks.weights import digest, state_of

from .conftest import MakeNetwork

LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def loss_of(network, inputs: Tensor) -> float:
    with torch.no_grad():
        logits = network(inputs).double()
    return float(-logits.log_softmax(1).gather(1, LABELS[:, None]).mean())


def test_centre_is_the_loss(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    found = loss_surface(network, plan, inputs, LABELS, side=5)
    assert found.centre == pytest.approx(loss_of(network, inputs), abs=1e-6)
    error = float((network(inputs).argmax(1) != LABELS).double().mean() * 100)
    assert found.error_percent[2, 2] == pytest.approx(error)
    assert found.loss.shape == (5, 5)
    assert np.isfinite(found.loss).all()


@pytest.mark.parametrize("fields", [{}, {"block": "plain"}, {"depth": 11, "block": "bottleneck", "shortcut": "C"}])
def test_recount_of_points(made: MakeNetwork, inputs: Tensor, fields: dict[str, object]) -> None:
    """Each weight moved by hand, filter by filter; batch norm and biases stay."""
    network, plan = made(**fields)
    found = loss_surface(network, plan, inputs, LABELS, side=5, span=0.5, seed=4)
    moves = [direction(network, 4, axis) for axis in range(2)]
    for row, column in ((0, 0), (1, 3), (4, 2)):
        moved, _plan = made(**fields)
        a, b = found.positions[column], found.positions[row]
        with torch.no_grad():
            for name, parameter in moved.named_parameters():
                if parameter.ndim > 1:
                    parameter += a * moves[0][name] + b * moves[1][name]
        assert found.loss[row, column] == pytest.approx(loss_of(moved, inputs), abs=1e-5)
    assert found.positions.tolist() == [-0.5, -0.25, 0.0, 0.25, 0.5]


def test_directions_have_the_filters_norms_and_move_nothing_else(made: MakeNetwork) -> None:
    network, _plan = made(shortcut="B")
    first, second = direction(network, 0, 0), direction(network, 0, 1)
    weights = dict(network.named_parameters())
    assert set(first) == {name for name, weight in weights.items() if weight.ndim > 1}
    assert not any("bn" in name or "bias" in name for name in first)
    for name in first:
        for drawn in (first, second):
            for filter_, moved in zip(weights[name], drawn[name], strict=True):
                assert float(moved.norm()) == pytest.approx(float(filter_.norm()), rel=1e-5)
        cosine = torch.cosine_similarity(first[name].flatten(), second[name].flatten(), 0)
        assert abs(float(cosine)) < 6 / math.sqrt(first[name].numel())


def test_a_twin_is_moved_alike(made: MakeNetwork) -> None:
    """Same initial weights, option A: the very same directions."""
    plain, residual = made(block="plain")[0], made()[0]
    for axis in range(2):
        first, second = direction(plain, 7, axis), direction(residual, 7, axis)
        assert set(first) == set(second)
        assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(direction(plain, 8, 0)["head.fc.weight"], direction(plain, 7, 0)["head.fc.weight"])


def test_refinements_keep_what_is_known(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    seen: list[Square] = []
    steps: list[tuple[int, int]] = []
    last = loss_surface(
        network, plan, inputs, LABELS, side=17, on_refined=seen.append, progress=lambda d, t: steps.append((d, t))
    )
    assert [each.side for each in seen] == [5, 9]
    assert steps == [(done, 17 * 17) for done in range(17 * 17 + 1)]
    for coarse in seen:
        step = 16 // (coarse.side - 1)
        assert (last.loss[::step, ::step] == coarse.loss).all()
        assert (last.error_percent[::step, ::step] == coarse.error_percent).all()
    again: list[Square] = []
    steps.clear()
    resumed = loss_surface(
        network, plan, inputs, LABELS, side=17, known=seen[1], on_refined=again.append,
        progress=lambda d, t: steps.append((d, t)),
    )  # fmt: skip
    assert again == []
    assert steps[-1] == (17 * 17 - 81, 17 * 17 - 81)
    assert (resumed.loss == last.loss).all()


def test_the_line_is_a_row_of_the_surface(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    steps: list[int] = []
    line = loss_surface(network, plan, inputs, LABELS, line_only=True, progress=lambda done, total: steps.append(total))
    assert line.side == SIDES[-1]
    assert steps[-1] == 33
    assert np.isfinite(line.line).all()
    assert np.isnan(np.delete(line.loss, 16, axis=0)).all()
    surface = loss_surface(
        network, plan, inputs, LABELS, side=5, known=line, progress=lambda d, total: steps.append(total)
    )
    assert steps[-1] == 20  # the line's five points are known
    assert (surface.line == line.line[::8]).all()


def test_batch_statistics_and_the_network_stays_as_it_was(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    before = digest(state_of(network))
    found = loss_surface(network, plan, inputs, LABELS, side=5, trained=False)
    assert digest(state_of(network)) == before
    assert found.centre == pytest.approx(loss_of(network.train(), inputs), abs=1e-6)


def test_what_is_too_large_is_infinite(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    found = loss_surface(network, plan, inputs, LABELS, side=5, span=1e25)
    assert np.isinf(found.loss).any()
    assert not np.isnan(found.loss).any()
    assert math.isfinite(found.centre)


def test_stops_and_refuses(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    seen: list[Square] = []
    with pytest.raises(Stopped):
        loss_surface(network, plan, inputs, LABELS, on_refined=seen.append, should_stop=lambda: len(seen) == 1)
    assert seen[0].side == 5
    with pytest.raises(ValueError, match="one of"):
        loss_surface(network, plan, inputs, LABELS, side=6)
    with pytest.raises(ValueError, match="spans"):
        loss_surface(network, plan, inputs, LABELS, known=seen[0], span=2.0)
