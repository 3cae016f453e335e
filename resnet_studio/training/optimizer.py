"""Stochastic gradient descent with momentum, in torch's form and in the authors'."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from resnet_studio.domain.enums import Decay, MomentumForm
from resnet_studio.domain.specs import RecipeSpec


@dataclass(frozen=True, slots=True)
class _Group:
    """Parameters with one weight decay, and the v of each."""

    parameters: list[Tensor]
    buffers: list[Tensor]
    decay: float


class Descent:
    """Gradient descent of a network's parameters, in a few operations for all of them.

    torch: v = m v + g, w = w - lr v. authors: v = m v + lr g, w = w - v, which is torch's form with a rate of one and
    gradients that were multiplied by the rate before. g includes the weight decay. While the rate is constant the two
    agree to rounding; when it falls, the authors' form still carries on the steps made at the old rate.

    The bits are those of ``torch.optim.SGD``, which is not used because it loads torch's compiler, as long again as
    loading torch.
    """

    def __init__(self, network: nn.Module, recipe: RecipeSpec) -> None:
        self._parameters: dict[str, Tensor] = dict(network.named_parameters())
        self._buffers = {name: torch.zeros_like(parameter) for name, parameter in self._parameters.items()}
        self._momentum = recipe.momentum
        self._scaled = recipe.momentum_form is MomentumForm.AUTHORS
        groups = {decays: _Group([], [], recipe.weight_decay if decays else 0.0) for decays in (True, False)}
        for name, parameter in self._parameters.items():
            group = groups[recipe.decay is Decay.ALL or parameter.ndim > 1]
            group.parameters.append(parameter)
            group.buffers.append(self._buffers[name])
        self._groups = [group for group in groups.values() if group.parameters]

    def clear(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update with the gradients that are there."""
        for group in self._groups:
            present = [row for row, parameter in enumerate(group.parameters) if parameter.grad is not None]
            parameters = [group.parameters[row] for row in present]
            steps = _gradients(parameters)
            decay, factor = group.decay, rate
            if self._scaled:
                torch._foreach_mul_(steps, rate)
                decay, factor = decay * rate, 1.0
            if decay:
                steps = list(torch._foreach_add(steps, parameters, alpha=decay))
            if self._momentum:
                buffers = [group.buffers[row] for row in present]
                torch._foreach_mul_(buffers, self._momentum)
                torch._foreach_add_(buffers, steps)
                steps = buffers
            torch._foreach_add_(parameters, steps, alpha=-factor)

    @torch.no_grad()
    def step_on_device(self, rate: Tensor) -> None:
        """:meth:`step` with a rate that lies on the device (float32, no dimensions), in a form that can be captured.

        torch's fused kernel sums in another order than its eager one, so the two agree to rounding.
        """
        for group in self._groups:
            gradients = _gradients(group.parameters)
            if self._scaled:
                if group.decay:
                    torch._foreach_add_(gradients, group.parameters, alpha=group.decay)
                torch._foreach_mul_(gradients, rate)
            torch._fused_sgd_(
                group.parameters,
                gradients,
                group.buffers if self._momentum else [],  # others are refused
                weight_decay=0.0 if self._scaled else group.decay,
                momentum=self._momentum,
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
        if self._momentum:  # v is not there before the update, and is the update but for the rate after it
            of_weight = dict(zip(self._groups[0].parameters, self._groups[0].buffers, strict=True))  # has all weights
            buffers = [of_weight[weight] for weight in weights]
            return lambda rate: norms(buffers) * (1.0 if self._scaled else rate)
        decay = self._groups[0].decay
        found = norms([weight.grad + decay * weight for weight in weights if weight.grad is not None])
        return lambda rate: found * rate

    def buffers(self) -> list[Tensor]:
        """Each parameter's v, in the order of the parameters."""
        return list(self._buffers.values())

    def momentum(self) -> dict[str, Tensor]:
        """A copy of each parameter's v on the CPU, by the parameter's name."""
        return {name: buffer.to("cpu", copy=True).contiguous() for name, buffer in self._buffers.items()}

    def restore(self, momentum: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`momentum` gave, keeping each buffer's place and memory layout."""
        for name, buffer in self._buffers.items():
            buffer.copy_(momentum[name])


def _gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def norms(tensors: Sequence[Tensor]) -> Tensor:
    """Euclidean norm of each, (tensors,); on CUDA in a few operations for all together."""
    return torch.stack(torch._foreach_norm(list(tensors)))
