"""Out of memory: everything is let go, the batch size that fits is named, and training works again at once."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.networks import build
from resnet_studio.runner import run_cohort
from resnet_studio.training import member

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


class Memory:
    """Room for ``images`` images in each network's first layer; refuses more as torch does, in a real step."""

    def __init__(self, monkeypatch, images: int, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.images, self.error, self.networks, self.calls, self.outputs = images, error, [], 0, []
        real = build.build

        def watched(*arguments, **options):
            network = real(*arguments, **options)
            self.networks.append(weakref.ref(network))
            network.register_forward_hook(self._look)
            return network

        monkeypatch.setattr(member, "build", watched)

    def _look(self, _network, inputs, output):
        self.calls += 1
        self.outputs.append(weakref.ref(output))
        if len(inputs[0]) > self.images and self.calls > 3:
            raise self.error("out of memory" if self.error is RuntimeError else "not enough memory for this")

    @property
    def held(self) -> int:
        return sum(reference() is not None for reference in (*self.networks, *self.outputs))


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_the_batch_that_fits_is_found_and_everything_is_let_go(store, tiny_twin, monkeypatch, error, caplog):
    memory = Memory(monkeypatch, images=5, error=error)
    with pytest.raises(UserError, match=r"for 2 networks with batches of 16 images; batches of 4 fit\.") as caught:
        run_cohort.run(tiny_twin, store, lambda e: None)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    del caught
    gc.collect()
    assert len(memory.networks) == 2 + 2 + 2, "the cohort, tried with 8 and a quarter more, and with 4"
    assert memory.held == 0
    for record in store.list_runs():
        assert record.status is RunStatus.FAILED
        assert "batches of 4 fit" in record.reason


def test_training_works_again_at_once_and_loses_nothing(store, tiny_twin, monkeypatch):
    undisturbed = run_cohort.run(tiny_twin, store, lambda e: None)
    with monkeypatch.context() as patch:
        Memory(patch, images=5)
        with pytest.raises(UserError, match="memory was not enough"):
            run_cohort.run(tiny_twin, store, lambda e: None, checkpoint_seconds=0.0)
    failed = [run for run in store.list_runs() if run.status is RunStatus.FAILED]
    assert len(failed) == 2
    again = run_cohort.resume([run.id for run in failed], store, lambda e: None)
    assert [run.status for run in again] == [RunStatus.FINISHED] * 2
    assert [run.weights_sha256 for run in again] == [run.weights_sha256 for run in undisturbed]
    for one, two in zip(undisturbed, again, strict=True):
        losses = [store.curve(run.id, Series.TRAINING_LOSS).values.tobytes() for run in (one, two)]
        assert losses[0] == losses[1]


def test_an_allocation_that_really_fails_is_the_same(store, tiny_run, monkeypatch):
    memory = Memory(monkeypatch, images=10**9)
    real = memory._look

    def look(network, inputs, output):
        real(network, inputs, output)
        if memory.calls == 4:
            torch.empty(1 << 50)

    monkeypatch.setattr(memory, "_look", look)
    with pytest.raises(UserError, match=r"one network with batches of 16 images; batches of 8 fit"):
        run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None)
    gc.collect()
    assert memory.held == 0


def test_where_not_even_two_images_fit_no_size_is_promised(store, tiny_run, monkeypatch):
    Memory(monkeypatch, images=0)
    with pytest.raises(UserError, match="train fewer at a time or choose a batch size below 16"):
        run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None)


def test_a_stop_ends_the_trying(store, tiny_run, monkeypatch):
    memory = Memory(monkeypatch, images=5)
    with pytest.raises(UserError, match="choose a batch size below 16"):
        run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None, lambda: memory.calls > 3)
    assert len(memory.networks) == 1, "nothing was tried"
