"""What the Classify page does in background threads. torch enters here, inside the functions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Classification, RunRecord
from resnet_studio.domain.visible_text import visible_line
from resnet_studio.ui.images.image_row import Source
from resnet_studio.ui.threads.jobs import Emit, Work
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice

if TYPE_CHECKING:
    from resnet_studio.history.store import RunStore
    from resnet_studio.inference.models import TrainedNetwork


_SEND_SECONDS = 0.05  # results travel to the window together, at most twenty times a second


@dataclass(frozen=True, slots=True)
class Found:
    """Images among what was dropped or opened, and the sentences on the files that were refused."""

    images: tuple[Path, ...]
    refused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """These networks are to see these images."""

    runs: tuple[RunRecord, ...]
    images: tuple[Source, ...]
    asked: ProtocolChoice

    @property
    def answers(self) -> int:
        """Of one network to one image: with more views than one, the first answer comes from the single view."""
        protocol = self.asked.protocol
        return 1 if protocol.kind is ProtocolKind.SINGLE else 1 + protocol.views

    def protocol_of(self, run: RunRecord) -> Protocol:
        return self.asked.of(run.spec.network.image_size)

    def costs(self, run: RunRecord) -> tuple[int, ...]:
        """Of each answer of a network to one image, in pixels seen: what time is judged by."""
        from resnet_studio.inference.views import views_of

        size = run.spec.network.image_size
        views = views_of(self.protocol_of(run), size) if self.answers > 1 else ()
        return (size**2, *(view.side**2 for view in views))

    @property
    def looks(self) -> int:
        return len(self.runs) * len(self.images) * self.answers


@dataclass(frozen=True, slots=True)
class Looked:
    """New results; ``done`` of ``total`` looks are over, ``fraction`` (0..1) of the work: large views take longer."""

    results: tuple[Classification, ...]
    done: int
    total: int
    fraction: float


@dataclass(frozen=True, slots=True)
class NetworkReady:
    """A network was loaded from its checkpoint at ``iteration``; ``notice`` is a sentence, or empty."""

    run_id: str
    iteration: int
    notice: str


@dataclass(frozen=True, slots=True)
class NetworkFailed:
    run_id: str
    sentence: str


class NetworkCache:
    """Networks that stay loaded between two jobs: those that were asked for last. One job at a time uses it."""

    def __init__(self) -> None:
        self._networks: dict[tuple[str, str | None], TrainedNetwork] = {}

    def load(self, store: RunStore, run: RunRecord) -> tuple[TrainedNetwork, bool]:
        """The network of ``run`` with its newest weights, and whether it was loaded just now.

        Raises:
            UserError: As inference's ``load``.
        """
        from resnet_studio.inference.models import load

        now = store.get(run.id)
        key = (now.id, now.weights_sha256)
        if not now.deleted and key in self._networks:
            return self._networks[key], False
        network = load(store, now)
        self._networks = {known: kept for known, kept in self._networks.items() if known[0] != run.id}
        self._networks[key] = network
        return network, True

    def keep(self, run_ids: Sequence[str]) -> None:
        self._networks = {key: network for key, network in self._networks.items() if key[0] in run_ids}


def find(paths: Sequence[Path]) -> Work:
    """A job that looks for images among files and folders."""

    def work(_emit: Emit, _should_stop: StopCheck) -> Found:
        from resnet_studio.data.images import find_images

        images, refused = find_images(paths)
        return Found(
            tuple(images), tuple(f"{visible_line(path.name or str(path))} {reason}." for path, reason in refused)
        )

    return work


def look(store: RunStore, demands: Sequence[Demand], cache: NetworkCache, *, single_threaded: bool) -> Work:
    """A job that shows images to networks; emits NetworkReady, NetworkFailed and Looked, returns the number of looks.

    ``single_threaded`` keeps to one thread, because something trains at the same time.
    """

    def work(emit: Emit, should_stop: StopCheck) -> int:
        import torch

        from resnet_studio.inference.classify import classify
        from resnet_studio.inference.refusals import refusal
        from resnet_studio.training.devices import lower_priority

        if single_threaded:
            torch.set_num_threads(1)  # acts on this thread alone
        lower_priority()
        progress = _Progress(emit, demands)
        for demand in demands:
            networks = []
            for run in demand.runs:
                if should_stop():
                    raise Stopped
                try:
                    if sentence := refusal(run.spec.network, demand.protocol_of(run), run.name):
                        raise UserError(sentence)
                    network, fresh = cache.load(store, run)
                except UserError as error:
                    emit(NetworkFailed(run.id, str(error)))
                    progress.skip(demand, run)
                    continue
                networks.append(network)
                if fresh:
                    emit(NetworkReady(run.id, network.iteration, network.notice))
            if networks:
                progress.begin(demand, [network.run for network in networks])
                protocols = [demand.protocol_of(network.run) for network in networks]
                classify(demand.images, networks, progress.take, should_stop, protocol=protocols)
        cache.keep([run.id for demand in demands for run in demand.runs])
        progress.send()
        return progress.done

    return work


class _Progress:
    """Gathers results and sends them on together."""

    def __init__(self, emit: Emit, demands: Sequence[Demand]) -> None:
        self._emit = emit
        self._total = sum(demand.looks for demand in demands)
        self._cost = sum(len(d.images) * sum(d.costs(run)) for d in demands for run in d.runs)
        self._costs: dict[str, tuple[int, ...]] = {}  # of the demand under way, by run id
        self._firsts = 0  # first answers still to come; views that take long follow them
        self.done = self._paid = 0
        self._waiting: list[Classification] = []
        self._sent_at = 0.0

    def begin(self, demand: Demand, runs: Sequence[RunRecord]) -> None:
        self._costs = {run.id: demand.costs(run) for run in runs}
        self._firsts = len(demand.images) * len(runs)

    def take(self, result: Classification) -> None:
        self._waiting.append(result)
        if result.error:  # nobody sees this image at all
            self._pay(sum(map(len, self._costs.values())), sum(map(sum, self._costs.values())))
        else:
            costs = self._costs[result.run_id]
            self._pay(1, costs[min(result.views, len(costs) - 1)])
        if result.error or not result.views:
            self._firsts -= len(self._costs) if result.error else 1
        if self._firsts == 0 or time.monotonic() - self._sent_at >= _SEND_SECONDS:
            self._firsts = self._firsts or -1  # once
            self.send()

    def skip(self, demand: Demand, run: RunRecord) -> None:
        self._pay(len(demand.images) * demand.answers, len(demand.images) * sum(demand.costs(run)))
        self.send()

    def _pay(self, looks: int, cost: int) -> None:
        self.done = min(self._total, self.done + looks)
        self._paid = min(self._cost, self._paid + cost)

    def send(self) -> None:
        self._emit(Looked(tuple(self._waiting), self.done, self._total, self._paid / max(1, self._cost)))
        self._waiting.clear()
        self._sent_at = time.monotonic()
