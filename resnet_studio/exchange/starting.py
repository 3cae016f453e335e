"""Training that begins with the weights of a stored run: what is taken over, and what does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.errors import CheckpointError, UserError
from resnet_studio.domain.planning import blueprint
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import NetworkSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import PREPROCESSING_FILE, load
from resnet_studio.networks.foreign.renaming import wanted_shapes
from resnet_studio.networks.weights import state_of

_LAST = "head.fc."


def begin(network: nn.Module, record: RunRecord, store: RunStore) -> str:
    """Copy the weights of the run that ``record`` starts from into ``network``, which has its initial ones.

    A last layer of another number of classes stays as it was initialised.

    Returns:
        A sentence on what was taken over.

    Raises:
        UserError: If that run is gone or has no weights, or another network.
    """
    parent = load(store, store.get(record.spec.start_from))
    given = state_of(parent.module)
    taken = _fitting(given, network.state_dict(), parent.run.name, record.name)
    network.load_state_dict(taken, strict=False)
    kept = "" if len(taken) == len(given) else "; its last layer is new, for other classes"
    return f"{record.name} begins with the weights of {parent.run.name} at iteration {parent.iteration}{kept}."


def _fitting(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor], theirs: str, ours: str) -> dict[str, Tensor]:
    odd = [
        name
        for name in sorted({*given, *wanted})
        if (name not in given or name not in wanted or given[name].shape != wanted[name].shape)
        and not (name.startswith(_LAST) and name in given and name in wanted)
    ]
    if odd:
        raise UserError(
            f"{ours} cannot begin with the weights of {theirs}: {len(odd)} layers differ, such as {odd[0]}; choose the "
            "same network, where the number of classes alone may be another."
        )
    return {name: tensor for name, tensor in given.items() if tensor.shape == wanted[name].shape}


def check(spec: RunSpec, store: RunStore) -> None:
    """Refuse before anything is stored what :func:`begin` would refuse.

    Raises:
        UserError: If the run to start from is gone, has no weights, or sees images of another size.
    """
    if not spec.start_from:
        return
    parent = store.get(spec.start_from)
    if parent.deleted or not store.checkpoints(parent.id):
        raise UserError(f"{parent.name} has no weights to start from; choose a run that has.")
    own, theirs = spec.network, parent.spec.network
    if own.image_size != theirs.image_size:
        raise UserError(
            f"{parent.name} sees images of {theirs.image_size} pixels, so a run that starts from it does too; set "
            f"image_size to {theirs.image_size}."
        )
    if _shape(own) != _shape(theirs):
        raise UserError(
            f"{spec.label} cannot begin with the weights of {parent.name}, a {theirs.label} of another shape; choose "
            "the same network, where the number of classes alone may be another."
        )


def _shape(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all weights but the last layer's."""
    return {name: shape for name, shape in wanted_shapes(blueprint(spec)).items() if not name.startswith(_LAST)}


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
