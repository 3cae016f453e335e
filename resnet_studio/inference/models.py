"""Trained networks from the history, ready to look at images: weights, preprocessing and class names of one run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Device, MemoryLayout, Precision
from resnet_studio.domain.errors import CheckpointError, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.records import CheckpointRecord, RunRecord
from resnet_studio.domain.text_numbers import listed
from resnet_studio.networks.devices import choose_device
from resnet_studio.networks.module_state import stoppable
from resnet_studio.networks.residual import PlannedNetwork
from resnet_studio.networks.weights import digest, load_weights, state_of
from resnet_studio.platform.home import Home
from resnet_studio.platform.run_folder import RunFolder
from resnet_studio.text import _

WEIGHTS_FILE = "weights.safetensors"


class RunSource(Protocol):
    """What is asked of the history."""

    @property
    def home(self) -> Home: ...

    def get(self, run_id: str) -> RunRecord: ...

    def checkpoints(self, run_id: str) -> Sequence[CheckpointRecord]:
        """Newest first."""


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A run's network in evaluation mode.

    Attributes:
        preprocessing: What its training images went through, on the network's device.
        class_names: One per output, in the order of the outputs.
        iteration: Of the checkpoint that was loaded.
        weights_sha256: Digest of its weights.
        notice: A sentence when that is not the newest checkpoint, else empty.
    """

    run: RunRecord
    module: PlannedNetwork
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    iteration: int
    weights_sha256: str
    notice: str = ""

    @property
    def device(self) -> torch.device:
        return self.preprocessing.mean.device

    @property
    def trained_arithmetic(self) -> AbstractContextManager[object]:
        """The precision in which the run's test errors were measured."""
        if self.run.environment.get("precision") == Precision.BFLOAT16 and self.device.type != "mps":
            return torch.autocast(self.device.type, dtype=torch.bfloat16)
        return nullcontext()

    def stoppable(self, should_stop: StopCheck) -> AbstractContextManager[None]:
        """Ask ``should_stop`` after each convolution too; the forward pass then raises Stopped."""
        return stoppable(self.module, should_stop)


def load(store: RunSource, run: RunRecord, device: Device = Device.CPU, iteration: int | None = None) -> TrainedNetwork:
    """The network of ``run`` with the weights of its newest whole checkpoint, or of the one at ``iteration``.

    A damaged checkpoint is passed over for the one before it, and ``notice`` says so. ``run`` is read again, because
    it may have gone on, or gone, since it was listed.

    Raises:
        UserError: If the run is gone, or has no such checkpoint, or none that is whole.
    """
    run = store.get(run.id)
    if run.deleted:
        raise UserError(_("{name} was deleted; restore it to use its weights.", name=run.name))
    checkpoints = store.checkpoints(run.id)
    if not checkpoints:
        raise UserError(_("{name} has no weights yet; train it until its first checkpoint.", name=run.name))
    if iteration is not None:
        kept = [each.iteration for each in checkpoints]
        checkpoints = [each for each in checkpoints if each.iteration == iteration]
        if not checkpoints:
            raise UserError(
                _(
                    "{name} has no checkpoint at iteration {iteration}; those that are kept: {kept}.",
                    name=run.name,
                    iteration=iteration,
                    kept=listed(sorted(kept)),
                )
            )
    target = choose_device(device)
    names = run.class_names
    if len(names) != run.spec.network.classes:
        raise UserError(
            _("The class names of {name} were not stored; train it again to classify with it.", name=run.name)
        )
    preprocessing = Preprocessing.load(store.home.run(run.id).preprocessing)
    with torch.device("meta"):  # initial weights take seconds in a large network, and would be thrown away
        module = PlannedNetwork(blueprint(run.spec.network))
    # as to_empty does, which loads sympy for it, half as long again as loading torch
    empty = {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in module.state_dict().items()}
    module.load_state_dict(empty, assign=True)
    checkpoint, notice = _restore(module, run, checkpoints, store.home.run(run.id))
    module.eval().requires_grad_(False)
    first = run.environment.get("layout") == MemoryLayout.CHANNELS_FIRST
    module.to(target, memory_format=torch.contiguous_format if first else torch.channels_last)  # type: ignore[call-overload]
    return TrainedNetwork(
        run, module, preprocessing.to(target), names, checkpoint.iteration, checkpoint.weights_sha256, notice
    )


def _restore(
    module: PlannedNetwork, run: RunRecord, checkpoints: Sequence[CheckpointRecord], files: RunFolder
) -> tuple[CheckpointRecord, str]:
    """Load the newest whole checkpoint; returns it, and a sentence if it was not the first choice."""
    problem = ""
    for checkpoint in checkpoints:
        try:
            load_weights(module, files.checkpoint(checkpoint.folder) / WEIGHTS_FILE)
            if digest(state_of(module)) != checkpoint.weights_sha256:
                raise CheckpointError(
                    _("the weights in {folder} are not those that were saved", folder=checkpoint.folder)
                )
        except CheckpointError as error:
            problem = problem or str(error)
            continue
        if not problem:
            return checkpoint, ""
        newest = checkpoints[0].iteration
        return checkpoint, _(
            "The checkpoint of {name} at iteration {newest} is damaged, so the one at iteration "
            "{iteration} is used; {resumable} the run again to replace it.",
            name=run.name,
            newest=newest,
            iteration=checkpoint.iteration,
            resumable=_("resume") if run.resumable else _("train"),
        )
    raise CheckpointError(
        _(
            "No checkpoint of {name} can be read, so it cannot look at images; train it again ({problem}).",
            name=run.name,
            problem=problem.rstrip("."),
        )
    )
