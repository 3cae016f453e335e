"""Stochastic gradient descent with momentum, in torch's form and in the authors'."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from resnet_studio.domain.enums import Decay, MomentumForm
from resnet_studio.domain.specs import RecipeSpec


class Descent:
    """torch's SGD, driven so that both forms of momentum come out of the same few fused operations.

    torch: v = m v + g, w = w - lr v. authors: v = m v + lr g, w = w - v, which is torch's form with a rate of one and
    gradients that were multiplied by the rate before. g includes the weight decay. While the rate is constant the two
    agree to rounding; when it falls, the authors' form still carries on the steps made at the old rate.
    """

    def __init__(self, network: nn.Module, recipe: RecipeSpec) -> None:
        self._parameters = dict(network.named_parameters())
        self._scaled = recipe.momentum_form is MomentumForm.AUTHORS
        decayed = [p for p in self._parameters.values() if recipe.decay is Decay.ALL or p.ndim > 1]
        spared = [p for p in self._parameters.values() if recipe.decay is Decay.WEIGHTS and p.ndim <= 1]
        self._decays = (recipe.weight_decay, 0.0) if spared else (recipe.weight_decay,)
        groups = [{"params": decayed}, {"params": spared}] if spared else [{"params": decayed}]
        self._sgd = torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, foreach=True)
        for parameter in self._parameters.values():
            self._sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    def clear(self) -> None:
        """Forget the gradients."""
        self._sgd.zero_grad(set_to_none=True)

    def step(self, rate: float) -> None:
        """One update with the gradients that are there."""
        if self._scaled:
            torch._foreach_mul_([p.grad for p in self._parameters.values() if p.grad is not None], rate)
        for group, decay in zip(self._sgd.param_groups, self._decays, strict=True):
            group["lr"] = 1.0 if self._scaled else rate
            group["weight_decay"] = decay * rate if self._scaled else decay
        self._sgd.step()

    @torch.no_grad()
    def step_on_device(self, rate: Tensor) -> None:
        """:meth:`step` with a rate that lies on the device (float32, no dimensions), in a form that can be captured.

        torch's fused kernel sums in another order than its eager one, so the two agree to rounding.
        """
        for group, decay in zip(self._sgd.param_groups, self._decays, strict=True):
            parameters = group["params"]
            gradients = [p.grad for p in parameters]
            buffers = [self._sgd.state[p]["momentum_buffer"] for p in parameters if group["momentum"]]  # else refused
            if self._scaled:
                if decay:
                    torch._foreach_add_(gradients, parameters, alpha=decay)
                torch._foreach_mul_(gradients, rate)
            torch._fused_sgd_(
                parameters,
                gradients,
                buffers,
                weight_decay=0.0 if self._scaled else decay,
                momentum=group["momentum"],
                lr=1.0 if self._scaled else rate,
                dampening=0.0,
                nesterov=False,
                maximize=False,
                is_first_step=False,
            )

    @torch.no_grad()
    def update_norms(self, weights: Sequence[Tensor]) -> Callable[[float | Tensor], Tensor]:
        """Sizes of an update that is about to be made, its gradients being there.

        Args:
            weights: Parameters of two dimensions or more.

        Returns:
            A function to call after the update with its rate: Euclidean norm of each weight's update, (weights,).
        """
        group = self._sgd.param_groups[0]  # weights are all in the first
        buffers = [self._sgd.state[weight]["momentum_buffer"] for weight in weights]
        if group["momentum"]:  # v is not there before the update, and is the update but for the rate after it
            return lambda rate: norms(buffers) * (1.0 if self._scaled else rate)
        found = norms([weight.grad + self._decays[0] * weight for weight in weights if weight.grad is not None])
        return lambda rate: found * rate

    def buffers(self) -> list[Tensor]:
        """Each parameter's v, in the order of the parameters."""
        return [self._buffer(name) for name in self._parameters]

    def momentum(self) -> dict[str, Tensor]:
        """A copy of each parameter's v on the CPU, by the parameter's name."""
        return {name: self._buffer(name).detach().to("cpu", copy=True).contiguous() for name in self._parameters}

    def restore(self, momentum: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`momentum` gave, keeping each buffer's place and memory layout."""
        for name in self._parameters:
            self._buffer(name).copy_(momentum[name])

    def _buffer(self, name: str) -> Tensor:
        buffer = self._sgd.state[self._parameters[name]]["momentum_buffer"]
        assert isinstance(buffer, Tensor)
        return buffer


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """Euclidean norm of each, (tensors,); on CUDA in a few operations for all together."""
    return torch.stack(torch._foreach_norm(list(tensors)))
