"""Training that begins with the weights of a stored run: what is taken over, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.errors import CheckpointError, UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.text_numbers import counted
from resnet_studio.domain.weight_compatibility import LAST_LAYER
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import PREPROCESSING_FILE, load
from resnet_studio.networks.weights import state_of

_LAST = f"{LAST_LAYER}."


@dataclass(frozen=True, slots=True)
class Beginning:
    """Weights that a run began with. ``parent`` says whose; ``without_shortcuts``: a plain net took those of a residual
    one."""

    name: str
    parent: str
    new_head: bool
    without_shortcuts: bool


def begin(network: nn.Module, record: RunRecord, store: RunStore) -> Beginning:
    """Copy the weights of the run that ``record`` starts from into ``network``, which has its initial ones.

    A last layer of another number of classes stays as it was initialised.

    Returns:
        What was taken over.

    Raises:
        UserError: If that run is gone or has no weights, or another network.
    """
    parent = load(store, store.get(record.spec.start_from))
    given = state_of(parent.module)
    taken = _fitting(given, network.state_dict(), parent.run.name, record.name)
    network.load_state_dict(taken, strict=False)
    where = "" if parent.run.imported else f" at iteration {parent.iteration}"
    bare = parent.run.residual and not record.residual
    return Beginning(record.name, f"{parent.run.name}{where}", new_head=len(taken) < len(given), without_shortcuts=bare)


def in_words(beginnings: Sequence[Beginning]) -> str:
    """One sentence on runs that begin with the same weights; empty without any."""
    if not beginnings:
        return ""
    several = len(beginnings) > 1
    names = " and ".join(filter(None, (", ".join(b.name for b in beginnings[:-1]), beginnings[-1].name)))
    parts = [f"{names} {'begin' if several else 'begins'} with the weights of {beginnings[0].parent}"]
    if bare := [b.name for b in beginnings if b.without_shortcuts]:
        parts.append(f"{' and '.join(bare)} without the shortcuts they were trained with")
    if any(b.new_head for b in beginnings):
        parts.append(f"{'their' if several else 'its'} last layer is new, for other classes")
    return "; ".join(parts) + "."


def _fitting(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    odd = [
        name
        for name in sorted({*given, *wanted})
        if (name not in given or name not in wanted or given[name].shape != wanted[name].shape)
        and not (name.startswith(_LAST) and name in given and name in wanted)
    ]
    if odd:
        what = counted(len(odd), "layer differs", "layers differ")
        raise UserError(
            f"{ours} cannot begin with the weights of {theirs}: {what}, such as {odd[0]}; choose the "
            "same network, where the number of classes alone may be another."
        )
    return {name: tensor for name, tensor in given.items() if tensor.shape == wanted[name].shape}


def preprocessing(records: Sequence[RunRecord], store: RunStore, measured: Preprocessing) -> Preprocessing:
    """What these runs do to their images: as measured, or as the run they start from did.

    Colours for augmentation are those of the new training set.

    Raises:
        UserError: If the preprocessing of the run they start from is gone and they have none of their own yet.
    """
    first = records[0]
    if not first.spec.start_from:
        return measured
    problem: CheckpointError | None = None
    for run_id in (first.id, first.spec.start_from):
        try:
            found = Preprocessing.load(store.home.run(run_id) / PREPROCESSING_FILE)
        except CheckpointError as error:
            problem = error
            continue
        return Preprocessing(
            found.image_size, found.mean, found.std, measured.colour_values, measured.colour_vectors
        )  # fmt: skip
    raise problem or UserError("The run to start from has no preprocessing; choose another.")
