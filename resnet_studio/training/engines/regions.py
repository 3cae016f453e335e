"""A network compiled in regions: blocks of equal structure share one compiled function.

A network of 110 layers has 54 blocks but only five different ones, so compiling takes as long as for one of 20. The
functions take the block's tensors as arguments; nothing of one block is frozen into them.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from resnet_studio.domain.blueprint import BlockPlan, Blueprint, Layer
from resnet_studio.domain.enums import MemoryLayout, Precision
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.cuda import alone_on
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.training.memory_format import memory_format
from resnet_studio.training.precision import arithmetic

Tensors = dict[str, Tensor]
Region = Callable[[Tensors, Tensor], Tensor]
Key = tuple[object, ...]

# Distances are Euclidean, relative to the length of the eager float32 result. Not those of single values: where an
# activation is nearly zero, rounding decides on which side of it the ReLU sees it, and its gradient is there or not.
# Seen over all regions of ResNet-20, -29 and -110: float32 1e-3 at most; bfloat16 0.13 compiled and eager alike.
TOLERANCE = 0.01
AS_GOOD = 1.5  # so many times as far from float32 as eager bfloat16, and TOLERANCE more, a compiled result may be


@dataclass(frozen=True)
class Part:
    """A piece of a network: what distinguishes its structure, the module, and the shape (C, H, W) that enters it."""

    key: Key
    module: nn.Module
    input: tuple[int, int, int]
    needs_gradient: bool  # of its input

    @property
    def tensors(self) -> Tensors:
        return {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}


def parts_of(network: PlannedNetwork, plan: Blueprint) -> tuple[Part, ...]:
    """Stem, blocks and head in the order of the forward pass."""
    found = []
    current = plan.input
    if plan.stem:
        found.append(Part(("stem", *_structure(plan.stem)), network.stem, current, needs_gradient=False))
        current = plan.stem[-1].output
    for block, module in zip((b for stage in plan.stages for b in stage.blocks), network.blocks, strict=True):
        found.append(Part(_block_structure(block), module, current, needs_gradient=bool(found)))
        current = block.output
    found.append(Part(("head", *_structure(plan.head)), network.head, current, needs_gradient=True))
    return tuple(found)


def _structure(layers: Sequence[Layer]) -> Iterator[object]:
    for layer in layers:
        name = layer.name.rpartition(".")[2]
        yield (name, layer.kind, layer.input, layer.output, layer.kernel, layer.stride, layer.padding, layer.bias)


def _block_structure(block: BlockPlan) -> Key:
    layers = (*_structure(block.before), "|", *_structure(block.branch), "|", *_structure(block.projection), "|")
    return (block.join, block.stride, *layers, *_structure(block.after))


class NotProvedError(RuntimeError):
    """How far a result is from the exact one, in words."""


class RegionLibrary:
    """Compiled functions by structure, compiled once for all networks that have it."""

    def __init__(
        self, precision: Precision, batch_size: int, device: torch.device,
        layout: MemoryLayout = MemoryLayout.CHANNELS_LAST,
    ) -> None:  # fmt: skip
        self._precision, self._batch_size, self._device = precision, batch_size, device
        self._format = memory_format(layout)
        self._regions: dict[Key, Region] = {}

    def __len__(self) -> int:
        return len(self._regions)

    def region(self, part: Part) -> Region:
        """The compiled function of ``part``; raises KeyError if it was not prepared."""
        return self._regions[part.key]

    def prepare(self, parts: Sequence[Part], cancelled: threading.Event) -> None:
        """Compile what is not compiled yet, forward and backward, and prove it as exact as the eager modules.

        ``parts`` must not be those of a network in training: calling them puts other tensors into their modules.

        Raises:
            RuntimeError: If torch cannot compile here, or a compiled result is too far from the exact one.
            Stopped: If cancelled while another thread has the device for itself.
        """
        from resnet_studio.training.engines.private_headers import keep_headers_private  # torch's compiler enters here

        keep_headers_private()
        options = compile_options(self._device)
        for part in parts:
            if cancelled.is_set():
                return
            if part.key not in self._regions:
                eager = _eager(part)
                compiled: Region = torch.compile(eager, fullgraph=True, dynamic=False, options=options)
                with alone_on(self._device, cancelled.is_set):  # the first call compiles
                    self._prove(part, compiled, eager)
                self._regions[part.key] = compiled

    def _prove(self, part: Part, compiled: Region, eager: Region) -> None:
        exact = self._run(part, eager, Precision.FLOAT32)
        usual = exact if self._precision is not Precision.BFLOAT16 else self._run(part, eager, self._precision)
        check_distances(self._run(part, compiled, self._precision), usual, exact)

    def gain(self, parts: Sequence[Part]) -> float:
        """How many times faster the compiled functions do one forward and backward pass of ``parts``.

        Best of five rounds each, in turn. On the CPU by the time this process computed: what other programs do does not
        count.
        """
        best = [float("inf"), float("inf")]
        for _ in range(5):
            for place, compiled in enumerate((False, True)):
                spent = sum(self._time(part, self._regions[part.key] if compiled else _eager(part)) for part in parts)
                best[place] = min(best[place], spent)
        return best[0] / best[1]

    def _time(self, part: Part, call: Region) -> float:
        """Seconds of a forward and backward pass."""
        clock = time.process_time if self._device.type == "cpu" else time.perf_counter
        tensors, x = self._arguments(part, torch.Generator().manual_seed(0), self._precision)
        start = clock()
        with arithmetic(self._device, self._precision):
            y = call(tensors, x)
        y.backward(torch.ones_like(y))
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return clock() - start

    def _run(self, part: Part, call: Region, precision: Precision) -> list[Tensor]:
        """Forward and backward on copies of the part's tensors: output, gradients and statistics."""
        generator = torch.Generator().manual_seed(0)
        tensors, x = self._arguments(part, generator, precision)
        with arithmetic(self._device, precision):
            y = call(tensors, x)
        weights = torch.randn(y.shape, generator=generator).to(self._device, y.dtype)
        (y * weights).sum().backward()
        gradients = [tensor.grad for tensor in (x, *tensors.values()) if tensor.grad is not None]
        return [y.detach(), *gradients, *(tensor for tensor in tensors.values() if not tensor.requires_grad)]

    def _arguments(self, part: Part, generator: torch.Generator, precision: Precision) -> tuple[Tensors, Tensor]:
        """Copies of the part's tensors, and standard normal values (B, C, H, W) as the layer before would give them."""
        x = torch.randn(self._batch_size, *part.input, generator=generator).to(self._device)
        if part.needs_gradient:  # images come as they are
            if self._precision is Precision.BFLOAT16:  # the same values for each precision
                x = x.bfloat16() if precision is Precision.BFLOAT16 else x.bfloat16().float()
            x = x.contiguous(memory_format=self._format).requires_grad_()
        return {name: _copy(tensor) for name, tensor in part.tensors.items()}, x


def check_distances(
    ours: Sequence[Tensor], usual: Sequence[Tensor], exact: Sequence[Tensor],
    *, as_good: float = AS_GOOD, tolerance: float = TOLERANCE,
) -> None:  # fmt: skip
    """Raise NotProvedError where ours are further from the exact results than the usual ones are, and a little more."""
    for mine, theirs, wanted in zip(ours, usual, exact, strict=True):
        found, allowed = _distance(mine, wanted), as_good * _distance(theirs, wanted) + tolerance
        if not found <= allowed:
            raise NotProvedError(f"a result is {found:.2g} away from the exact one, {allowed:.2g} is allowed")


def _distance(found: Tensor, wanted: Tensor) -> float:
    """Relative to the length of ``wanted``; not finite if ``found`` is not."""
    length = wanted.detach().float().norm().clamp(min=1e-12)
    return float((found.detach().float() - wanted.detach().float()).norm() / length)


def _eager(part: Part) -> Region:
    def call(tensors: Tensors, x: Tensor) -> Tensor:
        result: Tensor = functional_call(part.module, tensors, (x,))
        return result

    # torch's compiler keeps what it has compiled by code object, and few versions of each: every part gets its own
    name = f"region_{next(_numbers)}"
    return FunctionType(call.__code__.replace(co_name=name), call.__globals__, name, None, call.__closure__)


_numbers = itertools.count(1)


def _copy(tensor: Tensor) -> Tensor:
    """With the same memory layout, and a parameter if it is one: compiled code is made for both."""
    copy = tensor.detach().clone(memory_format=torch.preserve_format)
    return nn.Parameter(copy) if isinstance(tensor, nn.Parameter) else copy


class CompiledNetwork:
    """Runs a network through its compiled regions; weights and statistics stay those of the network."""

    def __init__(
        self, spec: NetworkSpec, parts: Sequence[Part], library: RegionLibrary, check: Callable[[], None]
    ) -> None:
        """``check`` is called before each region and, in the backward pass, after it; it may raise."""
        self._calls = [(library.region(part), part.tensors) for part in parts]
        self._check = check
        self.spec = spec

    def __call__(self, images: Tensor) -> Tensor:
        x = images.contiguous()
        for region, tensors in self._calls:
            self._check()
            x = region(tensors, x)
            if x.requires_grad:
                x.register_hook(lambda _gradient: self._check())
        return x


log = logging.getLogger(__name__)


def compile_options(device: torch.device) -> dict[str, Any] | None:
    """Options for ``torch.compile``; None for torch's own choice.

    Torch keeps of a ReLU whether each value was positive, a byte each, where the ReLU is the last operation of what is
    compiled. Its CPU code writes and reads such masks value by value: a residual block took three times as long as
    eager (batch 128, torch 2.15). Keeping what the forward pass computed anyway takes 0.85 times as long.
    """
    if device.type != "cpu":
        return None
    try:
        from resnet_studio.training.engines.save_activations import KeepActivations
    except ImportError as error:
        log.info("what compiled steps keep cannot be chosen in this version of torch: %s", error)
        return None

    return {"custom_partitioner_fn": KeepActivations()}
