"""What the paper measured of a network: Table 6 on CIFAR-10, Tables 2, 3 and 4 on ImageNet. Nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from resnet_studio.domain.enums import Activation, Branch, Family, Shortcut, Stem
from resnet_studio.domain.paper import TABLE_2, TABLE_3, TABLE_4, ErrorRow, cifar_row
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.domain.text_numbers import percent
from resnet_studio.studies.conformity.network import IMAGENET_WIDTHS
from resnet_studio.text import _

TEN_CROP = _("10-crop, validation set")
MULTI_SCALE = _("single model, multi-scale, validation set")
SINGLE_VIEW = _("single view, test set")


@dataclass(frozen=True, slots=True)
class PaperFigure:
    """One printed error, in percent; None where the paper gives none. ``text`` is what it adds, often empty."""

    table: str
    protocol: str
    top1: float | None
    top5: float | None
    text: str = ""

    @property
    def sentence(self) -> str:
        """``Table 3 (10-crop, validation set): top-1 22.85 %, top-5 6.71 %``."""
        if self.text:
            return f"{self.table} ({self.protocol}): {self.text}"
        errors = [
            f"{name} {percent(value)}"
            for name, value in (("top-1", self.top1), ("top-5", self.top5))
            if value is not None
        ]
        return f"{self.table} ({self.protocol}): {', '.join(errors)}"


def paper_figures(network: NetworkSpec) -> tuple[PaperFigure, ...]:
    """The paper's errors for exactly this network; on which side zeros stand and where a bottleneck strides is open."""
    if network.family is Family.CIFAR:
        return _cifar(network)
    if network.image_size != 224 or network.classes != 1000 or not _as_printed(network):
        return ()
    found = []
    for rows, table, protocol in (
        (TABLE_2, _("Table 2"), TEN_CROP), (TABLE_3, _("Table 3"), TEN_CROP), (TABLE_4, _("Table 4"), MULTI_SCALE),
    ):  # fmt: skip
        found += [PaperFigure(table, protocol, row.top1, row.top5) for row in rows if _is(row, network, table)]
    return tuple(found)


def _cifar(network: NetworkSpec) -> tuple[PaperFigure, ...]:
    row = cifar_row(network)
    blocks = (0,) if row is None else (row.n,) * 3
    if row is None or not network.residual or network.shortcut is not Shortcut.A:
        return ()
    if (
        network.branch is not Branch.BASIC
        or network.activation is not Activation.POST
        or network.stage_blocks != blocks
    ):
        return ()
    if network.stem is not Stem.SMALL or network.stage_widths != (16, 32, 64):
        return ()
    return (
        PaperFigure(_("Table 6"), SINGLE_VIEW, row.error, None, _("error {error_text}", error_text=row.error_text)),
    )


def _as_printed(network: NetworkSpec) -> bool:
    """Stages, widths, stem and order of layers as Table 1 has them."""
    if network.family is Family.VGG:
        return network == NetworkSpec(family=Family.VGG, depth=network.depth)
    usual = NetworkSpec(
        family=Family.IMAGENET, depth=network.depth, block=network.block, branch=network.branch,
        shortcut=network.shortcut,
    ) if not network.stages else None  # fmt: skip
    return (
        usual is not None
        and network.stage_widths == IMAGENET_WIDTHS
        and (network.stem, network.activation) == (usual.stem, usual.activation)
        and network.branch is (Branch.BASIC if network.depth < 50 else Branch.BOTTLENECK)
    )


def _is(row: ErrorRow, network: NetworkSpec, table: str) -> bool:
    """Table 2 prints option A without a letter; Tables 3 and 4 name those of 34 layers, and deeper nets have B."""
    if network.family is Family.VGG:
        return row.name == f"VGG-{network.depth}"
    if not network.residual:
        return row.name == f"plain-{network.depth}"
    name = f"ResNet-{network.depth}"
    if table == _("Table 2"):
        return row.name == name and network.shortcut is Shortcut.A
    if network.depth == 34:
        return row.name == f"{name} {network.shortcut}"
    return row.name == name and network.shortcut is Shortcut.B
