"""What the background thread of the Classify page sends, and when."""

from __future__ import annotations

import pytest
from PIL import Image

from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Classification
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.ui.pages.classify import work
from resnet_studio.ui.widgets.protocol_choice import ProtocolChoice


@pytest.fixture
def progress(home, tiny_run, tmp_path, monkeypatch):
    monkeypatch.setattr(work, "_SEND_SECONDS", 3600.0)  # nothing is sent because time has passed
    with RunStore.open(home) as store:
        (run,) = store.create_cohort(CohortSpec(runs=(tiny_run,)))
    images = []
    for name in "abc":
        images.append(tmp_path / f"{name}.png")
        Image.new("RGB", (8, 8)).save(images[-1])
    demand = work.Demand((run,), tuple(images), ProtocolChoice(Protocol(kind=ProtocolKind.TEN_CROP)))
    sent = []
    progress = work._Progress(sent.append, [demand])
    progress._sent_at = work.time.monotonic()
    progress.begin(demand, [run])
    return progress, sent, run, images


def answer(run, image, views=0, error=""):
    return Classification(str(image), run.id, (), error=error, views=views, of=10)


def test_the_first_answers_are_sent_before_the_slow_views_begin(progress):
    progress, sent, run, images = progress
    progress.take(answer(run, images[0]))
    progress.take(answer(run, images[1]))
    assert not sent
    progress.take(answer(run, images[2]))
    (looked,) = sent
    assert len(looked.results) == 3
    progress.take(answer(run, images[0], views=1))
    assert len(sent) == 1


def test_an_image_that_cannot_be_read_holds_nothing_up(progress):
    progress, sent, run, images = progress
    progress.take(answer(run, images[0], error="cannot be read"))
    progress.take(answer(run, images[1]))
    assert not sent
    progress.take(answer(run, images[2]))
    assert len(sent) == 1
