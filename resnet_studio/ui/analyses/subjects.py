"""Which networks the page looks into: stored runs, imported weights and designs, plain beside residual."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from resnet_studio.domain.analyses.settings import EVERY, NEWEST
from resnet_studio.domain.blueprint import Blueprint
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.comparison import display_names
from resnet_studio.domain.data_sets import DATA_SETS
from resnet_studio.domain.enums import Family
from resnet_studio.domain.network_spec import NetworkSpec
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec, RunSpec, counterpart
from resnet_studio.domain.text_numbers import grouped
from resnet_studio.text import _

DRAWN = 3  # networks that the drawing shows at most


@dataclass(frozen=True)
class Chosen:
    """The networks that were chosen for an analysis, and the images.

    Attributes:
        runs: With weights.
        designs: Untrained networks by name.
        data: Chosen for them; None: the first run's own.
        checkpoints: Of the runs: the newest, every one, or an iteration as text.
        training: Training images in the place of test images.
    """

    runs: tuple[RunRecord, ...] = ()
    designs: tuple[tuple[str, NetworkSpec], ...] = ()
    data: DataSpec | None = None
    checkpoints: str = NEWEST
    training: bool = False

    def __bool__(self) -> bool:
        return bool(self.runs or self.designs)

    @property
    def key(self) -> Hashable:
        """Equal where the networks, their weights and the data are."""
        runs = tuple((run.id, run.weights_sha256) for run in self.runs)
        return runs, tuple(map(repr, self.designs)), repr(self.data), self.checkpoints, self.training

    @property
    def sentence(self) -> str:
        """What is looked into, for the page's head."""
        parts = []
        if self.runs and self.checkpoints == EVERY:
            parts.append(_("every checkpoint"))
        elif self.runs and self.checkpoints != NEWEST:
            parts.append(_("iteration {iteration}", iteration=grouped(int(self.checkpoints))))
        if (count := len(set(self.networks))) > DRAWN:
            parts.append(_("the drawing shows {shown} of {all}", shown=DRAWN, all=count))
        if self.training:
            parts.append(_("training images"))
        runs, designs = ", ".join(display_names(self.runs).values()), ", ".join(name for name, _net in self.designs)
        if runs and designs:
            designs = _("{label}, untrained", label=designs)
        return "; ".join(filter(None, (runs, designs, ", ".join(parts))))

    @property
    def names(self) -> tuple[str, ...]:
        return (*display_names(self.runs).values(), *(name for name, _network in self.designs))

    @property
    def networks(self) -> tuple[NetworkSpec, ...]:
        return (*(run.spec.network for run in self.runs), *(network for _name, network in self.designs))

    @property
    def plans(self) -> tuple[Blueprint, ...]:
        """Those of the drawing: each network once, plain ones first."""
        different = list(dict.fromkeys(self.networks))
        different.sort(key=lambda network: network.residual)
        return tuple(blueprint(network) for network in different[:DRAWN])

    @property
    def source(self) -> DataSpec:
        """Where images come from: chosen, or the first run's own.

        Where nobody knows what that run was trained on, the data set with its classes.
        """
        if self.data is not None:
            return self.data
        for run in self.runs:
            if run.spec.data.known:
                return run.spec.data
        for run in self.runs:
            for row in DATA_SETS:
                if set(row.class_names) == set(run.class_names):
                    return DataSpec(source=row.key)
        return DataSpec()


def with_counterparts(run_ids: Sequence[str], stored: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Runs with weights, in the order given; a single one gets its plain or residual counterpart of the same cohort."""
    known = {run.id: run for run in stored if run.weights_sha256}
    chosen = [known[run_id] for run_id in dict.fromkeys(run_ids) if run_id in known]
    if len(chosen) == 1:
        (one,) = chosen
        mates = (run for run in known.values() if run.cohort_id == one.cohort_id and run.id != one.id)
        mate = next(
            (run for run in mates if run.residual != one.residual and run.spec.network.depth == one.spec.network.depth),
            None,
        )
        chosen += [mate] if mate is not None else []
    return tuple(chosen)


def newest(stored: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Runs with weights of the newest cohort that has some: all of up to three, of more the deepest twin."""
    trained = [run for run in stored if run.weights_sha256]
    mates = [run for run in trained if run.cohort_id == trained[0].cohort_id]
    if len(mates) <= DRAWN:
        return tuple(mates)
    depth = {run.id: run.spec.network.depth for run in mates}
    twins = [
        (plain, residual)
        for plain in mates
        for residual in mates
        if not plain.residual and residual.residual and depth[plain.id] == depth[residual.id]
    ]
    return max(twins, key=lambda pair: depth[pair[0].id], default=tuple(mates[:DRAWN]))


def designed(spec: RunSpec) -> Chosen:
    """A design beside its counterpart, the plain net first."""
    networks = [spec.network]
    if spec.network.family is not Family.VGG:
        networks = sorted((spec.network, counterpart(spec.network)), key=lambda network: network.residual)
    return Chosen(designs=tuple((network.label, network) for network in networks), data=spec.data)
