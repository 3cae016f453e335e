"""Fine-tuning: a run begins with a stored run's weights and preprocessing; for other classes with a new last layer."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import torch

from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import Event, NoticeGiven
from resnet_studio.domain.imported_weights import ImportOptions, StructureHints, fine_tuning
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RunSpec, replace, twin
from resnet_studio.domain.weight_compatibility import weights_fit
from resnet_studio.history.store import RunStore
from resnet_studio.inference.models import load
from resnet_studio.networks.foreign.rename import wanted_shapes
from resnet_studio.runner import run_cohort
from resnet_studio.training.member import Member
from resnet_studio.weights_io.import_weights import import_weights, inspect


@pytest.fixture
def parent(trained, script: ModuleType, store: RunStore, class_file: Path) -> RunRecord:
    asked = ImportOptions(hints=StructureHints(image_size=16), mean=script.MEAN, std=script.STD, classes=class_file)
    return import_weights(store, inspect(trained("both")[0], asked), asked)


def tuned(parent: RunRecord, pictures: Path, **network: object) -> RunSpec:
    spec = fine_tuning(parent)
    recipe = replace(
        spec.recipe, iterations=2, batch_size=8, test_every=1, learning_rate=1e-6, precision="float32", device="cpu"
    )
    return replace(
        spec,
        recipe=recipe,
        data=DataSpec(source=f"folder:{pictures}"),
        network=replace(spec.network, **network) if network else spec.network,
    )


def test_training_goes_on_where_the_parent_stood(parent: RunRecord, pictures: Path, store: RunStore) -> None:
    events: list[Event] = []
    (run,) = run_cohort.run(CohortSpec(runs=(tuned(parent, pictures),)), store, events.append)
    assert run.status is RunStatus.FINISHED
    assert any("begins with the weights of both" in str(event) for event in events if isinstance(event, NoticeGiven))
    before, after = load(store, parent), load(store, run)
    assert torch.equal(before.preprocessing.mean, after.preprocessing.mean)
    assert torch.equal(before.preprocessing.std, after.preprocessing.std)
    assert run.test_error is not None
    assert run.test_error < 60  # a tiny rate for two iterations: what it knows is the parent's
    for name, weight in before.module.named_parameters():
        assert torch.allclose(weight, after.module.get_parameter(name), atol=1e-4), name
    assert run.weights_sha256 != parent.weights_sha256


def test_other_classes_bring_a_new_last_layer(
    parent: RunRecord, pictures: Path, store: RunStore, tmp_path: Path
) -> None:
    few = tmp_path / "few"
    for part in ("train", "test"):
        for label in range(3):
            (few / part).mkdir(parents=True, exist_ok=True)
            (few / part / f"wave{label}").symlink_to(pictures / part / f"wave{label}")
    spec = tuned(parent, few, classes=3)
    (run,) = run_cohort.run(CohortSpec(runs=(spec,)), store, lambda event: None)
    assert (run.status, len(run.class_names)) == (RunStatus.FINISHED, 3)
    fresh = Member(run.id, spec, torch.device("cpu")).network
    after = load(store, run).module
    assert tuple(after.head.fc.weight.shape) == (3, 32)  # type: ignore[union-attr]
    assert torch.allclose(after.head.fc.weight, fresh.head.fc.weight, atol=1e-4)  # type: ignore[union-attr, arg-type]
    assert torch.allclose(
        after.get_parameter("stem.conv.weight"), load(store, parent).module.get_parameter("stem.conv.weight"), atol=1e-4
    )


def test_a_run_that_was_stopped_keeps_the_parent_s_preprocessing(
    parent: RunRecord, pictures: Path, store: RunStore
) -> None:
    (record,) = store.create_cohort(CohortSpec(runs=(tuned(parent, pictures),)))
    run_cohort.resume([record.id], store, lambda event: None, lambda: True)
    stored = store.home.run(record.id).path / "preprocessing.safetensors"
    if stored.exists():
        assert torch.equal(Preprocessing.load(stored).mean, load(store, parent).preprocessing.mean)
    (run,) = run_cohort.resume([record.id], store, lambda event: None)
    assert run.status is RunStatus.FINISHED
    assert torch.equal(Preprocessing.load(stored).mean, load(store, parent).preprocessing.mean)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        ({"depth": 14}, "ResNet-14 cannot begin with the weights of both, a ResNet-8"),
        ({"image_size": 32}, "images of 16 pixels and ResNet-8 of 32; choose “Image size” 16"),
        ({"shortcut": "B"}, "ResNet-8 B cannot begin"),
        ({"width": 5}, "another shape"),
        ({"depth": 14, "image_size": 32}, "cannot begin"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_stored(
    network: dict[str, object], sentence: str, parent: RunRecord, pictures: Path, store: RunStore
) -> None:
    values = {**network, "zero_padding": "end"} if "shortcut" in network else network
    with pytest.raises(UserError, match=sentence) as caught:
        run_cohort.run(CohortSpec(runs=(tuned(parent, pictures, **values),)), store, lambda event: None)
    assert "_" not in str(caught.value)
    assert len(store.list_runs()) == 1


def test_both_nets_of_a_twin_say_with_whose_weights_they_begin(
    parent: RunRecord, pictures: Path, store: RunStore
) -> None:
    events: list[Event] = []
    spec = tuned(parent, pictures)
    run_cohort.run(twin(spec), store, events.append)
    told = [event for event in events if isinstance(event, NoticeGiven) and "the weights of" in event.sentence]
    assert [event.sentence for event in told] == [
        "plain-8 and ResNet-8 begin with the weights of both; plain-8 without the shortcuts they were trained with."
    ]
    assert len(told[0].run_ids) == 2


def test_a_network_fits_another_where_all_weights_but_the_last_layers_have_the_same_shapes() -> None:
    specs = [
        NetworkSpec(depth=20), NetworkSpec(depth=20, block="plain"), NetworkSpec(depth=20, shortcut="B"),
        NetworkSpec(depth=20, shortcut="C"), NetworkSpec(depth=20, classes=7), NetworkSpec(depth=20, width=8),
        NetworkSpec(depth=20, activation="pre"), NetworkSpec(depth=20, zero_padding="both"), NetworkSpec(depth=26),
        NetworkSpec(family="imagenet", depth=18, classes=10, image_size=32), NetworkSpec(family="vgg", image_size=32),
        NetworkSpec(depth=20, stages=(3, 3, 3), stem="7x7"), NetworkSpec(depth=20, block="plain", branch="single"),
    ]  # fmt: skip

    def shapes(spec: NetworkSpec) -> dict[str, tuple[int, ...]]:
        return {n: s for n, s in wanted_shapes(blueprint(spec)).items() if not n.startswith("head.fc.")}

    for own in specs:
        for theirs in specs:
            assert weights_fit(own, theirs) == (shapes(own) == shapes(theirs)), (own.label, theirs.label)
    assert not weights_fit(specs[0], replace(specs[0], image_size=40))


def test_a_parent_without_weights_or_a_deleted_one_is_refused(
    parent: RunRecord, pictures: Path, store: RunStore, tiny_run: RunSpec
) -> None:
    (queued,) = store.create_cohort(CohortSpec(runs=(tiny_run,)))
    with pytest.raises(UserError, match="no weights to start from"):
        run_cohort.run(CohortSpec(runs=(replace(tiny_run, start_from=queued.id),)), store, lambda event: None)
    store.delete([parent.id])
    with pytest.raises(UserError, match="no weights to start from"):
        run_cohort.run(CohortSpec(runs=(tuned(parent, pictures),)), store, lambda event: None)
