"""What is not a finite number never takes the place of a good checkpoint, wherever it shows first."""

from __future__ import annotations

import pytest
import torch

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import Series
from resnet_studio.domain.specs import CohortSpec, replace
from resnet_studio.history.store import RunStore
from resnet_studio.runner import run_cohort
from resnet_studio.training import checkpoints
from resnet_studio.training.engines import eager

pytestmark = pytest.mark.timeout(120)
BREAKS_AT = 6


@pytest.fixture
def store(home_with_images):
    with RunStore.open(home_with_images) as store:
        yield store


def spoil_weight(member):
    next(member.network.parameters())[0, 0, 0, 0] = float("nan")


def spoil_weight_of_last_layer(member):
    """The loss of this iteration was still finite; the next one's would not be."""
    list(member.network.parameters())[-1].view(-1)[0] = float("inf")


def spoil_mean(member):
    member.network.get_buffer("stem.bn.running_mean")[0] = float("nan")


def spoil_variance(member):
    """In training the statistics are written, not read: the loss stays finite for ever."""
    member.network.get_buffer("stem.bn.running_var")[0] = float("inf")


@pytest.mark.parametrize("spoil", [spoil_weight, spoil_weight_of_last_layer, spoil_mean, spoil_variance])
@pytest.mark.parametrize("seconds", [0.0, 1000.0], ids=["checkpoint each iteration", "checkpoint at the end"])
def test_the_last_good_checkpoint_stays(store, tiny_run, monkeypatch, spoil, seconds):
    real = eager.EagerEngine.step

    def step(self, member, images, labels):
        real(self, member, images, labels)
        if member.iteration == BREAKS_AT and member.spec.name == "broken":
            with torch.no_grad():
                spoil(member)

    monkeypatch.setattr(eager.EagerEngine, "step", step)
    recipe = replace(tiny_run.recipe, iterations=BREAKS_AT, test_every=100, milestones=())
    broken, sound = (replace(tiny_run, name=name, recipe=recipe) for name in ("broken", "sound"))
    records = run_cohort.run(CohortSpec(runs=(broken, sound)), store, lambda e: None, checkpoint_seconds=seconds)
    assert [record.status for record in records] == [RunStatus.DIVERGED, RunStatus.FINISHED]
    assert "try a smaller learning rate" in records[0].reason
    assert not records[0].resumable
    rows = store.checkpoints(records[0].id)
    assert all(row.iteration < BREAKS_AT for row in rows)
    assert len(rows) == (2 if seconds == 0.0 else 0)
    for row in rows:
        weights = checkpoints.load(store.home.runs / row.folder).weights
        assert all(torch.isfinite(tensor.float()).all() for tensor in weights.values())
    curve = store.curve(records[0].id, Series.TRAINING_LOSS)
    assert curve.iterations.tolist() == list(range(1, BREAKS_AT + 1))


def test_it_ends_where_the_loss_is_first_not_a_number(store, tiny_run, monkeypatch):
    real = eager.EagerEngine.step

    def step(self, member, images, labels):
        if member.iteration == BREAKS_AT:
            images = images * float("nan")
        real(self, member, images, labels)

    monkeypatch.setattr(eager.EagerEngine, "step", step)
    (record,) = run_cohort.run(CohortSpec(runs=(tiny_run,)), store, lambda e: None, checkpoint_seconds=1000.0)
    assert record.status is RunStatus.DIVERGED
    assert f"The loss was no longer a finite number at iteration {BREAKS_AT + 1};" in record.reason
    assert store.curve(record.id, Series.TRAINING_LOSS).iterations.tolist() == list(range(1, BREAKS_AT + 2))
