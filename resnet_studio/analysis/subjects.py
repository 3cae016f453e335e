"""What is looked into: a network with its blueprint, its preprocessing, and what it is called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from resnet_studio.data.drawn_images import DrawnImages
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import Normalisation
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.networks.residual import PlannedNetwork, build
from resnet_studio.text import _

Progress = Callable[[int, int], None]  # pieces done, and of how many


def no_progress(_done: int, _total: int) -> None:
    """Progress that is not shown."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network to look into: float32, its parameters without gradients.

    Attributes:
        net: What it is.
        network: In test mode, on the device of ``preprocessing``.
        class_names: One per output, in the order of the outputs; empty for an untrained design, whose outputs are the
            data's classes.
    """

    net: Net
    network: PlannedNetwork
    blueprint: Blueprint
    preprocessing: Preprocessing
    class_names: tuple[str, ...] = ()

    @property
    def device(self) -> torch.device:
        return self.preprocessing.mean.device

    def inputs(self, images: DrawnImages, rows: slice = slice(None)) -> Tensor:
        """What the network sees of ``images[rows]``: float32 (N, 3, S, S)."""
        return self.preprocessing.apply(images.pixels[self.preprocessing.image_size][rows])

    def targets(self, images: DrawnImages, rows: slice = slice(None)) -> Tensor:
        """The outputs that belong to the labels of ``images[rows]``, classes matched by name: int64 (N,).

        Raises:
            UserError: If the network does not know these classes.
        """
        outputs = self._outputs(images.class_names)
        return torch.tensor([outputs[label] for label in images.labels[rows].tolist()], device=self.device)

    def _outputs(self, names: Sequence[str]) -> list[int]:
        """For each class of the data, the network's output."""
        if not self.class_names:
            if len(names) != self.blueprint.spec.classes:
                raise UserError(
                    _(
                        "{network} has {outputs} outputs, the data have {classes} classes; choose other data.",
                        network=self.net.label,
                        outputs=self.blueprint.spec.classes,
                        classes=len(names),
                    )
                )
            return list(range(len(names)))
        own = {name: output for output, name in enumerate(self.class_names)}
        if set(own) != set(names):
            raise UserError(
                _(
                    "The classes of the data are not those that {network} was trained on; choose data with the same "
                    "class names.",
                    network=self.net.label,
                )
            )
        return [own[name] for name in names]


def untrained(spec: NetworkSpec, init_seed: int, preprocessing: Preprocessing, label: str = "") -> Subject:
    """A design with the initial weights of ``init_seed``, on the device of ``preprocessing``."""
    plan = blueprint(spec)
    network = build(plan, init_seed).eval().requires_grad_(False).to(preprocessing.mean.device)
    net = Net(label or spec.label, plan.depth, spec.residual, init_seed=init_seed)
    return Subject(net, network, plan, preprocessing)


def measured_preprocessing(training: DrawnImages, size: int) -> Preprocessing:
    """For untrained designs: the per-pixel mean (He et al. 2015, section 4.2) of some training images."""
    return Preprocessing.measure(training.pixels[size], Normalisation.PIXEL_MEAN)
