"""A weights file becomes a stored run that can classify, be tested, compared and trained further."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.enums import Normalisation
from resnet_studio.domain.errors import Stopped, StoreError, UserError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.imported_weights import IMAGENET, PRESETS, ImportOptions, Recognition, StructureHints
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import DataSpec, NetworkSpec, RecipeSpec, RunSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.networks.foreign import image_scale
from resnet_studio.networks.foreign.extras import Normalisation as FoundNormalisation
from resnet_studio.networks.foreign.files import WeightsFile, read
from resnet_studio.networks.foreign.recognise import Recognised, fits, recognise
from resnet_studio.networks.foreign.state_dicts import ManySetsError, listed
from resnet_studio.text import _
from resnet_studio.training import checkpoints
from resnet_studio.training.checkpoints import Snapshot
from resnet_studio.weights_io import preprocessing
from resnet_studio.weights_io import sidecar as own
from resnet_studio.weights_io.decide import Decision, decide
from resnet_studio.weights_io.normalisation import not_used
from resnet_studio.weights_io.sidecar import Sidecar

__all__ = ["Inspected", "ManySetsError", "import_weights", "inspect"]
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Inspected:
    """A file that was read and understood; ``found`` is what people see of it."""

    found: Recognition
    tensors: dict[str, Tensor]
    sidecar: Sidecar

    def as_network(self, spec: NetworkSpec) -> Inspected:
        """With a person's answer: one of the alternatives, perhaps for images of another size."""
        by_hand = _("{label} was chosen by hand.", label=spec.label)
        found = self.found
        if spec != found.spec or found.question:
            settled = _settled(found.spec, spec)
            left = tuple(text for text in found.assumed if not any(option in text for option in settled))
            found = dataclasses.replace(found, spec=spec, question="", notes=(found.notes[0], by_hand), assumed=left)
        return dataclasses.replace(self, found=found)


def _settled(proposed: NetworkSpec, chosen: NetworkSpec) -> tuple[str, ...]:
    """Which options a person's choice answers, so that nothing is assumed of them any more."""
    sizes = () if proposed.image_size == chosen.image_size else ("--image-size",)
    structure = replace(chosen, image_size=proposed.image_size)
    return sizes if structure == proposed else (*sizes, "--block", "--stride-place", "--zero-padding")


def inspect(
    path: Path, options: ImportOptions, report: Report = no_report, should_stop: StopCheck = never_stop
) -> Inspected:
    """Read ``path`` and find out which network it holds.

    Raises:
        UserError: If it cannot be read or is no network that can be built.
        Stopped: Within a second of ``should_stop`` saying so.
    """
    report(_("reading {name}", name=path.name), None)
    file = read(path, should_stop, options.weights_key)
    weights, sidecar = own.take(file)
    report(_("recognising the network"), None)
    try:
        recognised = _recognised(weights, sidecar, options.hints)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from None
    if should_stop():
        raise Stopped
    report(_("comparing with batch norm's statistics"), None)
    decision = decide(recognised, options.hints, should_stop)
    size = decision.spec.image_size if options.hints.image_size is None else None
    sidecar, fact = _with_images(sidecar, path, recognised.normalisation, size)
    decision = dataclasses.replace(decision, facts=(*decision.facts, *filter(None, (fact,))))
    return Inspected(_recognition(file, recognised, decision, options, sidecar), recognised.tensors, sidecar)


def _recognised(weights: dict[str, Tensor], sidecar: Sidecar, hints: StructureHints) -> Recognised:
    """By what our own file says of itself, else by structure; its mean image is as large as its images."""
    if sidecar.spec is not None and hints == StructureHints():
        return fits(weights, sidecar.spec)
    side = sidecar.preprocessing.image_size if sidecar.preprocessing is not None else 1
    if side > 1 and hints.image_size is None:
        hints = dataclasses.replace(hints, image_size=side)
    return recognise(weights, hints)


def _with_images(
    sidecar: Sidecar, path: Path, found: FoundNormalisation | None, size: int | None
) -> tuple[Sidecar, str]:
    """With the mean and std that lie in the file itself, in its companion, or among the weights, in this order.

    ``size`` is that of the network's images, None where a person gave it. Also a sentence where they were among the
    weights.
    """
    images, ignored, names = sidecar.preprocessing, sidecar.images_ignored, own.MEAN_AND_STD
    if images is None:
        names = own.companion(path).name
        images, why = own.beside(path)
        ignored = ignored or why
    fact = ""
    if images is None and found is not None:
        names = _(" and ").join(found.names)
        images, why = own.usable(found.mean, found.std, names)
        ignored = ignored or why
        scale = _(", divided by 255") if found.divided else ""
        fact = _("Mean and standard deviation of the images are the file's own, {names}{scale}.", names=names,
                 scale=scale)  # fmt: skip
    if images is not None and size is not None and images.image_size not in (1, size):
        why = _(
            "the mean is an image of {side} pixels a side, where the network's images have {size}",
            side=images.image_size,
            size=size,
        )
        images, ignored = None, not_used(names, why)
    if images is None:
        return dataclasses.replace(sidecar, preprocessing=None, images_ignored=ignored), ""
    return dataclasses.replace(sidecar, preprocessing=images, images_ignored=ignored), fact


def _recognition(
    file: WeightsFile, recognised: Recognised, decision: Decision, options: ImportOptions, sidecar: Sidecar
) -> Recognition:
    assumed = [*filter(None, (sidecar.ignored,)), *decision.assumed]
    if sidecar.spec is not None or options.hints.image_size is not None:
        assumed = [sentence for sentence in assumed if "--image-size" not in sentence]
    facts = list(decision.facts)
    if file.entry:
        facts.append(_("The weights lay under {entry}.", entry=file.entry))
    if len(file.sets) > 1:
        chosen, *others = file.sets
        sentence = _(
            "The weights under {title} are meant, not those under {listed}",
            title=chosen.title,
            listed=listed(tuple(others)),
        )
        if options.weights_key is not None:
            facts.append(f"{sentence}.")
        else:
            assumed.append(_("{sentence}; else say so with --weights-key.", sentence=sentence))
    if file.passed_over:
        facts.append(
            _(
                "Passed over, as no part of the network: {passed_over}.",
                passed_over=", ".join(file.passed_over[:_SHOWN]),
            )
        )
    names = sidecar.class_names if len(sidecar.class_names) == decision.spec.classes else ()
    return Recognition(
        file_name=file.name,
        sha256=file.sha256,
        naming=recognised.naming,
        spec=decision.spec,
        alternatives=recognised.alternatives,
        notes=tuple(facts),
        assumed=tuple(assumed),
        question=decision.question,
        carries_preprocessing=sidecar.preprocessing is not None,
        preset=preprocessing.usual(decision.spec).preset,
        class_names=names or preprocessing.usual(decision.spec).classes,
        sets=tuple((each.key, each.about) for each in file.sets),
    )


def import_weights(
    store: RunStore,
    inspected: Inspected,
    options: ImportOptions,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
) -> RunRecord:
    """Store what was inspected as a run of its own.

    Raises:
        UserError: If a question is open, or preprocessing or class names do not fit.
        StoreError: If the history cannot be written, or the disk is full.
        Stopped: Within a second of ``should_stop`` saying so, while a mean image is measured; nothing is stored then.
    """
    found = inspected.found
    if found.question:
        raise UserError(found.question)
    if not store.writable:
        raise StoreError(store.why_read_only)
    prepared, assumed_images = preprocessing.preprocessing(
        options, found.spec, inspected.sidecar, store.home, report, should_stop
    )
    names, assumed_classes = preprocessing.class_names(options, found.spec, inspected.sidecar)
    usual = PRESETS[preprocessing.usual(found.spec).preset or IMAGENET]
    doubted = image_scale.doubt(inspected.tensors, prepared.mean, prepared.std, usual)
    assumed = (*found.assumed, *assumed_images, *filter(None, (doubted,)), *assumed_classes)
    report(_("storing the run"), None)
    spec = _run_spec(found.spec, prepared, options.name or Path(found.file_name).stem)
    environment = {
        "precision": "float32",
        "source_file": found.file_name,
        "source_sha256": found.sha256,
        "source_names": found.naming,
        "recognised": " ".join(found.notes),
        "assumed": " ".join(assumed) or "nothing",
    }
    return store.add_imported(
        spec, names, environment, lambda run_id: _write(store, run_id, inspected.tensors, prepared)
    )


def _run_spec(network: NetworkSpec, prepared: Preprocessing, name: str) -> RunSpec:
    """Nobody knows the recipe: it has the defaults that fit, and no image was seen here."""
    kind = Normalisation.PIXEL_MEAN if prepared.mean.shape[1] > 1 else Normalisation.CHANNEL
    clean = " ".join("".join(character if character.isprintable() else " " for character in name).split())
    return RunSpec(
        name=clean[:200],
        network=network,
        recipe=replace(RecipeSpec(), normalisation=kind),
        data=DataSpec(source="none"),
    )


def _write(store: RunStore, run_id: str, weights: dict[str, Tensor], prepared: Preprocessing) -> tuple[str, str]:
    """The run's files; returns the checkpoint's folder, relative to all runs, and the digest of the weights."""
    folder = store.home.run(run_id)
    prepared.save(folder.preprocessing)
    checkpoint, sha256 = checkpoints.save(folder.checkpoints, Snapshot(0, 0.0, weights, {}))
    return folder.stored_name(checkpoint), sha256
