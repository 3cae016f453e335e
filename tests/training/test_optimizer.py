"""Both forms of momentum and the scope of weight decay, against the formulas written out."""

import pytest
import torch
from torch import nn

from resnet_studio.domain.specs import RecipeSpec, replace
from resnet_studio.training.optimizer import Descent


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4 * 9, 5))


def set_gradients(network, seed):
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=generator)


def trained(recipe, rates):
    network = small_network()
    descent = Descent(network, recipe)
    for step, rate in enumerate(rates):
        set_gradients(network, step)
        descent.step(rate)
    return network, descent


def by_the_formula(recipe, rates):
    """In float64, one number at a time."""
    network = small_network().double()
    speed = {name: torch.zeros_like(p) for name, p in network.named_parameters()}
    for step, rate in enumerate(rates):
        set_gradients(reference := small_network(), step)
        gradients = {name: p.grad.double() for name, p in reference.named_parameters()}
        for name, w in network.named_parameters():
            decays = recipe.decay == "all" or w.ndim > 1
            g = gradients[name] + (recipe.weight_decay * w.data if decays else 0)
            if recipe.momentum_form == "torch":
                speed[name] = recipe.momentum * speed[name] + g
                w.data -= rate * speed[name]
            else:
                speed[name] = recipe.momentum * speed[name] + rate * g
                w.data -= speed[name]
    return network, speed


def largest_difference(one, two):
    return max(
        (a.double() - b.double()).abs().max().item() for a, b in zip(one.parameters(), two.parameters(), strict=True)
    )


DROPPING = [0.1] * 4 + [0.01] * 4


@pytest.mark.parametrize("form", ["torch", "authors"])
@pytest.mark.parametrize("decay", ["all", "weights"])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_a_step_is_its_formula(form, decay, momentum):
    recipe = RecipeSpec(momentum_form=form, decay=decay, momentum=momentum, weight_decay=0.05)
    network, descent = trained(recipe, DROPPING)
    reference, speed = by_the_formula(recipe, DROPPING)
    assert largest_difference(network, reference) < 1e-5
    if momentum:
        for name, value in descent.momentum().items():
            assert torch.allclose(value.double(), speed[name], atol=1e-5)


@pytest.mark.parametrize("decay", ["all", "weights"])
@pytest.mark.parametrize("momentum", [0.9, 0.0])
def test_the_bits_are_those_of_torchs_sgd(decay, momentum):
    recipe = RecipeSpec(decay=decay, momentum=momentum, weight_decay=0.05)
    network, descent = trained(recipe, DROPPING)
    reference = small_network()
    weights = [p for p in reference.parameters() if p.ndim > 1]
    others = [p for p in reference.parameters() if p.ndim == 1]
    groups = [{"params": weights}, {"params": others, "weight_decay": 0.05 if decay == "all" else 0.0}]
    sgd = torch.optim.SGD(groups, lr=0.1, momentum=momentum, weight_decay=0.05)
    for step, rate in enumerate(DROPPING):
        set_gradients(reference, step)
        for group in sgd.param_groups:
            group["lr"] = rate
        sgd.step()
    assert largest_difference(network, reference) == 0
    if momentum:
        ours = descent.momentum()
        for name, parameter in reference.named_parameters():
            assert torch.equal(ours[name], sgd.state[parameter]["momentum_buffer"])


def test_parameters_without_a_gradient_stay():
    network, before = small_network(), small_network()
    descent = Descent(network, RecipeSpec(weight_decay=0.5))
    set_gradients(network, 0)
    next(network.parameters()).grad = None
    descent.step(0.1)
    same = [torch.equal(now, old) for now, old in zip(network.parameters(), before.parameters(), strict=True)]
    assert same == [True, False, False, False, False]
    descent.clear()
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_forms_agree_while_the_rate_is_constant_and_part_when_it_drops():
    torchs = RecipeSpec(weight_decay=0.05)
    authors = replace(torchs, momentum_form="authors")
    constant = largest_difference(trained(torchs, [0.1] * 8)[0], trained(authors, [0.1] * 8)[0])
    dropping = largest_difference(trained(torchs, DROPPING)[0], trained(authors, DROPPING)[0])
    assert constant < 1e-5
    assert dropping > 0.1


def test_decay_of_weights_alone_leaves_batch_norm_and_biases():
    recipe = RecipeSpec(decay="weights", weight_decay=0.5, momentum=0.0)
    network, before = small_network(), small_network()
    descent = Descent(network, recipe)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    descent.step(0.1)
    for (name, after), old in zip(network.named_parameters(), before.parameters(), strict=True):
        expected = old * 0.95 if name in ("0.weight", "3.weight") else old
        assert torch.allclose(after, expected), name


@pytest.mark.parametrize("form", ["torch", "authors"])
def test_momentum_comes_back_exactly(form):
    recipe = RecipeSpec(momentum_form=form, decay="weights")
    whole, _ = trained(recipe, DROPPING)
    half, descent = trained(recipe, DROPPING[:3])
    again = small_network()
    again.load_state_dict(half.state_dict())
    other = Descent(again, recipe)
    other.restore(descent.momentum())
    for step, rate in list(enumerate(DROPPING))[3:]:
        set_gradients(again, step)
        other.step(rate)
    assert largest_difference(whole, again) == 0
