"""A whole run on streamed images: stopped in the middle of an epoch, it goes on bit for bit; faults are sentences."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.data.training_batches import StreamedTraining
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import DataError
from resnet_studio.domain.events import CurvesGrew
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec, twin
from resnet_studio.history.store import RunStore
from resnet_studio.runner import run_cohort

from ..conftest import picture


@pytest.fixture
def cohort(tmp_path: Path) -> CohortSpec:
    """18 files to train, so that an epoch is four and a half iterations."""
    for number in range(24):
        path = (
            tmp_path
            / "set"
            / ("test", "train")[number < 18]
            / "ab"[number % 2]
            / f"{number}.{('png', 'jpg')[number % 3 > 0]}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number, (5, 5)).resize((20 + number, 40 - number // 2), Image.Resampling.BICUBIC).save(path)
    recipe = RecipeSpec(
        iterations=14, batch_size=4, milestones=(), test_every=6, learning_rate=0.05, precision="float32", device="cpu",
        augmentation="scale-crop-flip", scale_min=18, scale_max=30, colour="pca", bn_statistics="recomputed",
    )  # fmt: skip
    network = NetworkSpec(depth=8, width=4, image_size=16, classes=2)
    return twin(RunSpec(network=network, recipe=recipe, data=DataSpec(source=f"folder:{tmp_path / 'set'}")))


@pytest.fixture
def opened(monkeypatch) -> list[StreamedTraining]:
    """The data that runs opened, to see that it was closed."""
    made: list[StreamedTraining] = []
    plain = StreamedTraining.__init__

    def remember(self: StreamedTraining, *arguments: object) -> None:
        plain(self, *arguments)  # type: ignore[arg-type]
        made.append(self)

    monkeypatch.setattr(StreamedTraining, "__init__", remember)
    return made


def closed(data: StreamedTraining) -> bool:
    return data._loader is not None and not data.process_ids


def test_a_stop_in_mid_epoch_and_a_resume_are_bit_exact(home, cohort, opened):
    with RunStore.open(home) as store:
        whole = run_cohort.run(cohort, store, lambda _: None)
        assert [record.status for record in whole] == [RunStatus.FINISHED] * 2
        assert whole[0].environment["loading"] == "streamed"
        kept = Preprocessing.load(home.run(whole[0].id).path / "preprocessing.safetensors")
        assert kept.mean.shape == (3, 16, 16)
        assert kept.colour_vectors is not None
        questions = iter(range(10_000))
        halves = run_cohort.run(cohort, store, lambda _: None, lambda: next(questions) > 120)
        assert {record.status for record in halves} == {RunStatus.STOPPED}
        stopped_at = {record.iteration for record in halves}
        assert 0 < min(stopped_at) <= max(stopped_at) < 14
        again = run_cohort.resume([record.id for record in halves], store, lambda _: None)
        assert [record.weights_sha256 for record in again] == [record.weights_sha256 for record in whole]
        assert [record.test_error for record in again] == [record.test_error for record in whole]
    assert len(opened) == 3
    assert all(closed(data) for data in opened)


def test_an_image_that_vanishes_ends_the_run_with_a_sentence(home, cohort, tmp_path: Path, opened):
    def vanish(event: object) -> None:
        if isinstance(event, CurvesGrew):
            for path in (tmp_path / "set" / "train").glob("*/*"):
                path.unlink(missing_ok=True)

    with RunStore.open(home) as store:
        with pytest.raises(DataError, match="no longer can"):
            run_cohort.run(cohort, store, vanish)
        records = store.list_runs()
        assert {record.status for record in records} == {RunStatus.FAILED}
        assert all("no longer can" in record.reason for record in records)
    assert closed(opened[0])
