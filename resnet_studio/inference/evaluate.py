"""Errors of a run, or of an ensemble of runs, on a labelled test set under one test protocol."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor

from resnet_studio.data.datasets.describe import describe
from resnet_studio.data.test_images import TestSet, open_test
from resnet_studio.domain.errors import DataError, UserError
from resnet_studio.domain.events import Report, StopCheck, never_stop, no_report
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import Evaluation
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.decode_threads import CutImage, chunks
from resnet_studio.inference.forward import as_in_training, logits_of
from resnet_studio.inference.metrics import Tally
from resnet_studio.inference.models import TrainedNetwork
from resnet_studio.inference.refusals import refusal
from resnet_studio.inference.views import Square, View, views_of
from resnet_studio.platform.home import Home
from resnet_studio.text import _, _n


def evaluate(
    networks: Sequence[TrainedNetwork],
    data: DataSpec,
    protocol: Protocol,
    home: Home,
    report: Report = no_report,
    should_stop: StopCheck = never_stop,
) -> Evaluation:
    """Top-1 and top-5 error, in percent, on the test images of ``data``; nothing is stored.

    Several networks are an ensemble: the mean of their softmax, each after its own preprocessing, all under the same
    protocol. Each image is decoded once, whatever the number of networks and sizes. Classes are matched by name.

    The arithmetic of a single view is that of the run's training, so its own test set gives the stored test error
    again, to the last image; every other view is seen in float32.

    ``report`` gets what is being done, and how much of it (0..1) is, from the calling thread.

    Raises:
        UserError: If the data cannot be opened, has other classes than a run, or the protocol fits a network not.
        Stopped: Within a second of ``should_stop`` saying so.
    """
    return evaluate_each(networks, data, protocol, home, report, should_stop)[0]


def evaluate_each(
    networks: Sequence[TrainedNetwork],
    data: DataSpec,
    protocol: Protocol,
    home: Home,
    report: Report,
    should_stop: StopCheck,
) -> tuple[Evaluation, ...]:
    """As :func:`evaluate`, and after the ensemble each member alone, from the same single look at the images."""
    if not networks:
        raise ValueError("at least one network is needed")
    for network in networks:
        if sentence := refusal(network.run.spec.network, protocol, network.run.name):
            raise UserError(sentence)
    started = time.monotonic()
    protocol = protocol.canonical([network.preprocessing.image_size for network in networks])
    names = describe(data, home).class_names
    if names:  # refuse before minutes of work
        _members(networks, names, data, protocol)
    sizes = [network.preprocessing.image_size for network in networks]
    test = open_test(data, home, report, should_stop, square_sizes=sizes)
    members = _members(networks, test.class_names, data, protocol)
    together = Tally() if len(members) > 1 else members[0].tally
    skipped = [name for name, _unused in test.unusable]
    notes: Counter[str] = Counter()
    kept, digest = _look(test, members, together, skipped, notes, report, should_stop)
    if not kept:
        raise DataError(
            _("None of the test images of {source} can be looked at; choose other data.", source=data.source)
        )
    remarks = tuple(
        _n("{count} image: {note}", "{count} images: {note}", count, note=note) for note, count in notes.most_common()
    )
    seconds, created = time.monotonic() - started, datetime.now(UTC)

    def result(seen: Sequence[_Member], tally: Tally) -> Evaluation:
        return Evaluation(
            id=uuid4().hex,
            run_ids=tuple(member.network.run.id for member in seen),
            protocol=protocol,
            data=data.source,
            data_seed=data.seed,
            data_sha256=digest,
            images=tally.images,
            top1_error=tally.top1_error,
            top5_error=tally.top5_error,
            class_names=test.class_names,
            confusion=tally.confusion(len(test.class_names)),
            labels=np.concatenate(tally.labels),
            predicted=np.concatenate(tally.predicted),
            confidence=np.concatenate(tally.confidence),
            names=tuple(test.names[index] for index in kept),
            member_errors=tuple(member.tally.top1_error for member in seen) if len(seen) > 1 else (),
            weights=tuple(member.network.weights_sha256 for member in seen),
            iterations=tuple(member.network.iteration for member in seen),
            created_at=created,
            seconds=seconds,
            skipped=tuple(skipped),
            notes=remarks,
        )

    alone = [result((member,), member.tally) for member in members]
    return (result(members, together), *alone) if len(members) > 1 else tuple(alone)


@dataclass
class _Member:
    """One network of an evaluation.

    Attributes:
        outputs: For each class of the data, the network's output.
        classes: The reverse: for each output, the data's class.
    """

    network: TrainedNetwork
    views: tuple[View, ...]
    outputs: Tensor
    classes: Tensor
    tally: Tally

    @property
    def effort(self) -> int:
        """Pixels seen of one image: what progress is measured in."""
        return sum(view.side**2 for view in self.views)


def _members(
    networks: Sequence[TrainedNetwork], names: tuple[str, ...], data: DataSpec, protocol: Protocol
) -> list[_Member]:
    members = []
    for network in networks:
        outputs = outputs_of(network, names, data.source)
        views = views_of(protocol, network.preprocessing.image_size)
        members.append(_Member(network, views, outputs, outputs.argsort(), Tally()))
    return members


def _look(
    test: TestSet,
    members: Sequence[_Member],
    together: Tally,
    skipped: list[str],
    notes: Counter[str],
    report: Report,
    should_stop: StopCheck,
) -> tuple[list[int], str]:
    """Show every image to every member; returns the images that could be read, and the digest of all of them."""
    cuts = tuple(dict.fromkeys(view.cut for member in members for view in member.views))
    progress = _Progress(report, len(test) * sum(member.effort for member in members))
    digest = hashlib.sha256(repr(test.class_names).encode("utf-8", "surrogatepass"))
    kept: list[int] = []
    most = max(as_in_training(member.network) for member in members)
    for good, bad in chunks(test, cuts, should_stop, most=most):
        skipped += [test.names[image.index] for image in bad]
        progress.add(sum(member.effort for member in members), len(bad))
        if not good:
            continue
        labels = test.labels[[image.index for image in good]]
        for image, label in zip(good, labels.tolist(), strict=True):
            digest.update(image.sha256 + label.to_bytes(4, "little"))
        kept += [image.index for image in good]
        notes.update(image.note for image in good if image.note)
        total = None
        for member in members:
            probabilities = _count(member, good, labels, progress, should_stop)[:, member.outputs]
            total = probabilities if total is None else total + probabilities
        if together is not members[0].tally and total is not None:
            total = total / len(members)
            together.add(total, total, labels)
    return kept, digest.hexdigest()


def _count(
    member: _Member, images: Sequence[CutImage], labels: np.ndarray, progress: _Progress, should_stop: StopCheck
) -> Tensor:
    """A member's mean softmax over its views, float64 (N, outputs), which its tally has then counted."""
    total, scores = None, None
    for view in member.views:
        logits = logits_of(
            member.network,
            [image.cuts for image in images],
            view,
            should_stop,
            partial(progress.add, view.side**2),
            as_trained=isinstance(view.cut, Square),
        )
        softmax = logits.double().softmax(1)
        total = softmax if total is None else total + softmax
        scores = logits
    if total is None or scores is None:
        raise ValueError("a protocol needs at least one view")
    mean = total / len(member.views)
    # One view is ranked by its logits, as training does: rounded to bfloat16 they have ties.
    member.tally.add(scores if len(member.views) == 1 else mean, mean, labels, member.classes)
    return mean


class _Progress:
    """Reports the share of the work that is done; all of it once and last."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total, self._done = report, max(total, 1), 0

    def add(self, each: int, images: int) -> None:
        self._done += each * images
        self._report("testing", min(1.0, self._done / self._total))


def outputs_of(network: TrainedNetwork, names: Sequence[str], where: str) -> Tensor:
    """For each of ``names``, the network's output of that name: int64 (classes,).

    ``where`` says whose names they are, for the sentence.

    Raises:
        UserError: Unless the network knows exactly these classes.
    """
    own = {name: output for output, name in enumerate(network.class_names)}
    unknown = [name for name in names if name not in own]
    missing = [name for name in network.class_names if name not in set(names)]
    if not unknown and not missing:
        return torch.tensor([own[name] for name in names])
    parts = []
    if unknown:
        parts.append(
            _n("{some} is unknown to the run", "{some} are unknown to the run", len(unknown), some=_some(unknown))
        )
    if missing:
        parts.append(
            _n("{some} is missing from the data", "{some} are missing from the data", len(missing), some=_some(missing))
        )
    raise UserError(
        _(
            "The classes of {where} are not those that {name} was trained on: {parts}; "
            "choose data with the same class names.",
            where=where,
            name=network.run.name,
            parts=_(" and ").join(parts),
        )
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else _("{shown} and {names} more", shown=shown, names=len(names) - 3)
