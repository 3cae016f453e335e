"""CKA against a recount by its formula, and the cases in which it has none."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from resnet_studio.analysis.layers import layer_names, passed_on
from resnet_studio.analysis.similarity import Alignment, alignment, gram
from resnet_studio.domain.errors import Stopped

from .conftest import MakeNetwork


def hsic(x: np.ndarray, y: np.ndarray) -> float:
    """Equation 3 of Nguyen et al. 2021, literally, from features (n, p) and (n, q)."""
    n = len(x)
    k, l = x @ x.T, y @ y.T  # noqa: E741 - the paper's letters
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    one = np.ones(n)
    trace = np.trace(k @ l)
    sums = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (trace + sums - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def features(network, plan, inputs: Tensor) -> list[np.ndarray]:
    found: dict[int, np.ndarray] = {}
    with torch.no_grad(), passed_on(network, plan, lambda n, x: found.update({n: x.flatten(1).double().numpy()})):
        network(inputs)
    return [found[n] for n in range(len(found))]


def test_layers_are_as_many_as_the_depth_and_what_the_next_one_receives(made: MakeNetwork, inputs: Tensor) -> None:
    for fields in ({}, {"activation": "pre"}, {"depth": 11, "block": "bottleneck"}, {"family": "vgg", "depth": 16,
                   "image_size": 32, "block": "plain"}):  # fmt: skip
        network, plan = made(**fields)
        assert len(layer_names(plan)) == plan.depth
        x = torch.nn.functional.interpolate(inputs, plan.input[1:])
        seen = []
        with torch.no_grad(), passed_on(network, plan, lambda n, values, seen=seen: seen.append((n, values.clone()))):
            logits = network(x)
        assert sorted(n for n, _values in seen) == list(range(plan.depth))
        by_number = dict(seen)
        assert torch.equal(by_number[plan.depth - 1], logits)
        block = plan.stages[0].blocks[0]
        stem = by_number[0] if plan.stem else x
        end = sum(layer.kind.weighted for layer in (*plan.stem, *block.branch)) - 1
        with torch.no_grad():
            assert torch.equal(network.get_submodule(block.name)(stem), by_number[end])


def test_recount_over_batches_and_two_networks(made: MakeNetwork, inputs: Tensor) -> None:
    nets = [made(), made(block="plain", depth=14)]
    batches = [inputs, inputs.flip(0) * 1.5 + 0.1]
    found = alignment(nets, [(batch, batch) for batch in batches])
    assert [len(names) for names in found.layers] == [8, 14]
    rows = [[x for network, plan in nets for x in features(network, plan, batch)] for batch in batches]
    for i in range(22):
        for j in range(22):
            pairs = [sum(hsic(row[a], row[b]) for row in rows) for a, b in ((i, j), (i, i), (j, j))]
            assert found.values[i, j] == pytest.approx(pairs[0] / np.sqrt(pairs[1] * pairs[2]), abs=1e-5)
    assert found.images == 12
    assert found.defined.all()
    assert (found.between(0, 1) == found.values[:8, 8:]).all()
    assert (found.between(1, 1) == found.values[8:, 8:]).all()


def test_of_a_layer_with_itself_is_one(made: MakeNetwork, inputs: Tensor) -> None:
    """Whatever the network, and between two of the same weights."""
    found = alignment([made(), made()], [(inputs, inputs)])
    np.testing.assert_allclose(found.values.diagonal(), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.between(0, 1).diagonal(), 1.0, atol=1e-12)
    np.testing.assert_allclose(found.values, found.values.T, atol=1e-12)
    assert (found.values <= 1 + 1e-12).all()


def test_rotating_scaling_and_shifting_features_changes_nothing() -> None:
    """What CKA is invariant to; a direction stretched is not among it."""
    from resnet_studio.analysis.similarity import u_centred

    rng = np.random.default_rng(0)
    x = rng.standard_normal((20, 5))
    turned = 3.0 * x @ np.linalg.qr(rng.standard_normal((5, 5)))[0] + 7.0
    stretched = x * [10.0, 1, 1, 1, 1]

    def cka(a: np.ndarray, b: np.ndarray) -> float:
        k, l = (u_centred(gram(torch.from_numpy(values))) for values in (a, b))  # noqa: E741
        return float((k * l).sum() / np.sqrt((k * k).sum() * (l * l).sum()))

    assert cka(x, turned) == pytest.approx(1.0, abs=1e-5)
    assert cka(x, stretched) < 0.9


def test_independent_features_are_not_similar() -> None:
    """Unbiased: about 0 from few images of many features, where the usual estimate is near 1."""
    rng = np.random.default_rng(1)
    values = []
    for _ in range(50):
        x, y = rng.standard_normal((2, 8, 500))
        values.append(hsic(x, y) / np.sqrt(hsic(x, x) * hsic(y, y)))
    assert abs(np.mean(values)) < 0.1


def test_constant_and_infinite_layers_are_similar_to_nothing(made: MakeNetwork, inputs: Tensor) -> None:
    network, plan = made()
    first = network.get_submodule("stage2.block1.bn1")
    first.weight.zero_()  # its ReLU gives the same for every image
    dead = layer_names(plan).index("stage2.block1.conv1")
    found = alignment([(network, plan)], [(inputs,)])
    assert not found.defined[dead]
    assert found.defined.sum() == len(found.defined) - 1
    assert (found.values[dead] == 0).all()
    assert (found.values[:, dead] == 0).all()
    network.get_parameter("head.fc.weight").fill_(3e38)
    found = alignment([(network, plan)], [(inputs,)])
    assert not found.defined[-1]
    assert np.isfinite(found.values).all()
    assert found.values[0, 0] == pytest.approx(1.0)


def test_refined_after_each_batch(made: MakeNetwork, inputs: Tensor) -> None:
    net, batches = made(), [(inputs,), (inputs * 2,), (inputs.flip(2),)]
    seen: list[Alignment] = []
    steps: list[tuple[int, int]] = []
    last = alignment([net], batches, on_refined=seen.append, progress=lambda done, all_: steps.append((done, all_)))
    assert [each.images for each in (*seen, last)] == [6, 12, 18]
    assert (seen[0].values == alignment([net], batches[:1]).values).all()
    assert steps == [(n, 3) for n in range(4)]


def test_stops_and_refuses(made: MakeNetwork, inputs: Tensor) -> None:
    with pytest.raises(Stopped):
        alignment([made()], [(inputs,)], should_stop=lambda: True)
    for batches in ([], [(inputs[:3],)]):
        with pytest.raises(ValueError, match="at least 4"):
            alignment([made()], batches)
