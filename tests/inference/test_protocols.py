"""Every test protocol against a straightforward computation with torchvision's transforms; ensembles; memory; stops."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from resnet_studio.data.images import read_image
from resnet_studio.data.test_images import open_test
from resnet_studio.domain.errors import DataError, Stopped, UserError
from resnet_studio.domain.protocols import PAPER_SCALES, SINGLE, Protocol, ProtocolKind
from resnet_studio.domain.specs import CohortSpec, DataSpec, NetworkSpec, RecipeSpec, RunSpec
from resnet_studio.history.store import RunStore
from resnet_studio.inference.classify import classify
from resnet_studio.inference.decode_threads import CutImage, _in_order
from resnet_studio.inference.evaluate import evaluate
from resnet_studio.inference.forward import BATCH, fitting
from resnet_studio.inference.models import TrainedNetwork, load
from resnet_studio.inference.refusals import refusal
from resnet_studio.networks import cuda
from resnet_studio.platform.home import Home

TEN = Protocol(kind=ProtocolKind.TEN_CROP)
SCALES = Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(16, 24, 37))
PROTOCOLS = [
    Protocol(kind=ProtocolKind.CENTRE_CROP),
    TEN,
    Protocol(kind=ProtocolKind.TEN_CROP, resize=31),
    SCALES,
    Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(20, 50), flip=True),
]
SHAPES = ((40, 60), (61, 33), (37, 37), (16, 16), (90, 21), (28, 17))  # width, height


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of photographs-to-be: smooth colours and noise, PNG and JPEG, of mixed sizes."""
    root = tmp_path_factory.mktemp("mixed")
    rng = np.random.default_rng(3)
    for part, count in (("train", 12), ("test", 6)):
        for name in ("blue", "green", "red"):
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                width, height = SHAPES[index % len(SHAPES)]
                coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
                coarse[..., ("red", "green", "blue").index(name)] |= 0x60
                image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
                image.save(folder / f"{index:02d}.{'jpg' if index % 2 else 'png'}")
    return root


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory, mixed: Path) -> Home:
    """Three runs: per-pixel mean at 16, per-channel mean at 16, per-channel mean at 24 with other weights."""
    from resnet_studio.runner.run_cohort import run

    home = Home(tmp_path_factory.mktemp("studio"))
    with RunStore.open(home) as store:
        for name, normalisation, size, seed in (
            ("pixel", "pixel-mean", 16, 0),
            ("channel", "channel-mean-std", 16, 1),
            ("larger", "channel-mean-std", 24, 2),
        ):
            spec = RunSpec(
                name=name,
                network=NetworkSpec(depth=8, width=4, image_size=size, classes=3),
                recipe=RecipeSpec(
                    iterations=8, batch_size=12, milestones=(), test_every=8, learning_rate=0.05,
                    precision="float32", device="cpu", normalisation=normalisation, init_seed=seed,
                ),
                data=DataSpec(source=f"folder:{mixed}"),
            )  # fmt: skip
            run(CohortSpec(runs=(spec,)), store, lambda event: None)
    return home


@pytest.fixture
def networks(studio: Home) -> dict[str, TrainedNetwork]:
    with RunStore.open(studio, writer=False) as store:
        return {run.name: load(store, run) for run in store.list_runs()}


def transformed(image: Image.Image, protocol: Protocol, size: int) -> list[torch.Tensor]:
    """Views as float32 (3, H, W) in 0..1, by torchvision alone."""
    tensor = transforms.PILToTensor()
    bilinear = transforms.InterpolationMode.BILINEAR
    if protocol.kind is ProtocolKind.MULTI_SCALE:
        views = []
        for scale in protocol.scales:
            resized = transforms.Resize(scale, bilinear)(image)
            views.append(resized)
            if protocol.flip:
                views.append(transforms.functional.hflip(resized))
    else:
        resized = transforms.Resize(protocol.resize or round(size * 256 / 224), bilinear)(image)
        crop = transforms.TenCrop if protocol.kind is ProtocolKind.TEN_CROP else transforms.CenterCrop
        cut = crop(size)(resized)
        views = list(cut) if isinstance(cut, tuple) else [cut]
    return [tensor(view).float() / 255 for view in views]


@torch.no_grad()
def reference(network: TrainedNetwork, path: Path, protocol: Protocol) -> np.ndarray:
    """Mean softmax, (classes,), one view at a time."""
    mean, std = network.preprocessing.mean, network.preprocessing.std
    if protocol.kind is ProtocolKind.MULTI_SCALE:
        mean = mean.mean((1, 2), keepdim=True)
    with Image.open(path) as image:
        views = transformed(image.convert("RGB"), protocol, network.preprocessing.image_size)
    answers = [network.module((view - mean)[None] / std).softmax(1)[0] for view in views]
    return torch.stack(answers).mean(0).numpy()


def paths(mixed: Path) -> list[Path]:
    return sorted((mixed / "test").rglob("*.*"))


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.key)
@pytest.mark.parametrize("name", ["pixel", "channel", "larger"])
def test_softmax_is_that_of_torchvisions_transforms(
    networks: dict[str, TrainedNetwork], studio: Home, mixed: Path, protocol: Protocol, name: str
) -> None:
    network = networks[name]
    if protocol.resize and name == "larger":
        protocol = Protocol(kind=protocol.kind, resize=41)
    files = paths(mixed)
    wanted = np.stack([reference(network, path, protocol) for path in files])
    result = evaluate([network], network.run.spec.data, protocol, studio)
    assert [mixed / image for image in result.names] == files
    np.testing.assert_allclose(result.confidence, wanted.max(1), atol=1e-4)
    clear = np.sort(wanted, 1)[:, -1] - np.sort(wanted, 1)[:, -2] > 2e-4
    np.testing.assert_array_equal(result.predicted[clear], wanted.argmax(1)[clear])

    found = []
    classify(files, [network], found.append, protocol=protocol)
    final = {answer.path: answer for answer in found if answer.final}
    for path, row in zip(files, wanted, strict=True):
        for prediction in final[str(path)].predictions:
            assert prediction.probability == pytest.approx(
                float(row[network.class_names.index(prediction.label)]), abs=1e-4
            )


def test_the_papers_scales_are_averaged(networks: dict[str, TrainedNetwork], studio: Home, mixed: Path) -> None:
    protocol = Protocol(kind=ProtocolKind.MULTI_SCALE)
    assert protocol.sizes == PAPER_SCALES == (224, 256, 384, 480, 640)
    spelled = Protocol(kind=ProtocolKind.MULTI_SCALE, scales=PAPER_SCALES)
    path = mixed / "test" / "red" / "00.png"
    for network in (networks["pixel"], networks["channel"]):
        found = []
        classify([path], [network], found.append, protocol=protocol)
        wanted = reference(network, path, spelled)
        for prediction in found[-1].predictions:
            assert prediction.probability == pytest.approx(
                float(wanted[network.class_names.index(prediction.label)]), abs=1e-4
            )


def test_an_ensemble_is_the_mean_of_its_members_softmax(
    networks: dict[str, TrainedNetwork], studio: Home, mixed: Path
) -> None:
    members, files = list(networks.values()), paths(mixed)
    for protocol in (TEN, SCALES):
        wanted = np.mean([[reference(member, path, protocol) for path in files] for member in members], axis=0)
        result = evaluate(members, members[0].run.spec.data, protocol, studio)
        np.testing.assert_allclose(result.confidence, wanted.max(1), atol=1e-4)
        assert result.run_ids == tuple(member.run.id for member in members)
        alone = [evaluate([member], member.run.spec.data, protocol, studio) for member in members]
        assert result.member_errors == tuple(one.top1_error for one in alone)
        assert result.gain == pytest.approx(min(result.member_errors) - result.top1_error)
        assert {one.data_sha256 for one in alone} == {result.data_sha256}
        assert result.weights == tuple(member.run.weights_sha256 for member in members)
        assert result.iterations == (8, 8, 8)


def test_members_may_list_their_classes_in_any_order(
    networks: dict[str, TrainedNetwork], studio: Home, mixed: Path
) -> None:
    one, other = networks["pixel"], networks["channel"]
    before = evaluate([one, other], one.run.spec.data, SINGLE, studio)
    names = ("red", "blue", "green")
    order = [other.class_names.index(name) for name in names]
    head = other.module.head.fc
    head.weight.copy_(head.weight[order].clone())
    head.bias.copy_(head.bias[order].clone())
    turned = TrainedNetwork(other.run, other.module, other.preprocessing, names, 8, other.weights_sha256)
    after = evaluate([one, turned], one.run.spec.data, SINGLE, studio)
    np.testing.assert_allclose(after.confidence, before.confidence, atol=1e-6)
    np.testing.assert_array_equal(after.confusion, before.confusion)
    assert after.member_errors == before.member_errors


def test_results_agree_with_each_other(networks: dict[str, TrainedNetwork], studio: Home, mixed: Path) -> None:
    result = evaluate([networks["pixel"]], networks["pixel"].run.spec.data, TEN, studio)
    assert result.images == len(result.names) == result.confusion.sum() == 18
    wrong = int((result.labels != result.predicted).sum())
    assert result.top1_error == pytest.approx(100 * wrong / 18)
    for label, error in enumerate(result.per_class_errors):
        own = result.labels == label
        assert error == pytest.approx(100 * float((result.predicted[own] != label).mean()))
    test = open_test(networks["pixel"].run.spec.data, studio)
    for label in range(3):
        for predicted in range(3):
            cell = result.cell(label, predicted)
            assert len(cell) == result.confusion[label, predicted]
            assert list(result.confidence[cell]) == sorted(result.confidence[cell], reverse=True)
            for position in cell:
                name = result.names[position]
                assert name.split("/")[1] == result.class_names[label]
                np.testing.assert_array_equal(np.asarray(test.named(name)), np.asarray(read_image(mixed / name)))
    with pytest.raises(DataError, match="no longer"):
        test.named("test/red/gone.png")


def test_a_resize_that_says_what_is_done_anyway_is_the_same_protocol(
    networks: dict[str, TrainedNetwork], studio: Home
) -> None:
    network = networks["pixel"]  # 16 pixels: 18 before cropping
    spelled = evaluate([network], network.run.spec.data, Protocol(kind=ProtocolKind.TEN_CROP, resize=18), studio)
    assert spelled.protocol.key == TEN.key
    other = evaluate([network], network.run.spec.data, Protocol(kind=ProtocolKind.TEN_CROP, resize=19), studio)
    assert other.protocol.key != TEN.key


def test_what_no_crop_fits_into_and_what_ends_in_fixed_layers_is_refused(
    networks: dict[str, TrainedNetwork], studio: Home
) -> None:
    network = networks["larger"]
    small = Protocol(kind=ProtocolKind.TEN_CROP, resize=20)
    with pytest.raises(UserError, match="cannot hold the crops of 24"):
        evaluate([network], network.run.spec.data, small, studio)
    with pytest.raises(UserError, match="cannot hold the crops of 24"):
        classify([], [network], print, protocol=small)
    vgg = NetworkSpec(family="vgg", depth=16, block="plain")
    assert "choose 10-crop" in refusal(vgg, SCALES, "mine")
    assert refusal(vgg, TEN) == ""
    assert refusal(network.run.spec.network, SCALES) == ""


def test_a_first_answer_comes_at_once_and_is_refined(networks: dict[str, TrainedNetwork], mixed: Path) -> None:
    pair, files = [networks["pixel"], networks["channel"]], paths(mixed)
    found, alone = [], []
    classify(files, pair, found.append, protocol=TEN)
    classify(files, pair, alone.append)
    first = found[: len(files) * 2]
    assert {(answer.views, answer.of, answer.final) for answer in first} == {(0, 10, False)}
    assert [(a.path, a.run_id, a.predictions) for a in first] == [(a.path, a.run_id, a.predictions) for a in alone]
    assert all(answer.final for answer in alone)
    for path in files:
        for network in pair:
            own = [a.views for a in found if (a.path, a.run_id) == (str(path), network.run.id)]
            assert own == list(range(11))


def test_images_too_thin_to_be_resized_are_left_out_by_name(
    networks: dict[str, TrainedNetwork], studio: Home, mixed: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(mixed, copy)
    Image.new("RGB", (4200, 3)).save(copy / "test" / "red" / "thin.png")
    (copy / "test" / "blue" / "broken.jpg").write_bytes(b"no image")
    data = DataSpec(source=f"folder:{copy}")
    result = evaluate([networks["pixel"]], data, TEN, studio)
    assert result.images == 18
    assert set(result.skipped) == {"test/blue/broken.jpg", "test/red/thin.png"}
    assert evaluate([networks["pixel"]], data, SINGLE, studio).images == 19
    found = []
    classify([copy / "test" / "red" / "thin.png"], [networks["pixel"]], found.append, protocol=TEN)
    assert [bool(answer.error) for answer in found] == [False, True]
    assert "thin.png is 4200 x 3 pixels" in found[1].error


def test_batches_shrink_with_scale_and_when_memory_ends(
    networks: dict[str, TrainedNetwork], studio: Home, mixed: Path
) -> None:
    network = networks["pixel"]
    sizes = [fitting(network, side, side * 3 // 2) for side in (16, 640, 2048, 4096, 20_000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == BATCH
    assert sizes[-1] == 1
    before = evaluate([network], network.run.spec.data, TEN, studio)
    seen = []

    def little_memory(_module, inputs):
        seen.append(len(inputs[0]))
        if len(inputs[0]) > 3:
            raise torch.OutOfMemoryError("out of memory")

    handle = network.module.register_forward_pre_hook(little_memory)
    after = evaluate([network], network.run.spec.data, TEN, studio)
    handle.remove()
    assert max(seen) > 3
    np.testing.assert_array_equal(after.predicted, before.predicted)

    handle = network.module.register_forward_pre_hook(lambda _module, _inputs: (_ for _ in ()).throw(MemoryError()))
    with pytest.raises(UserError, match="does not fit into the memory"):
        evaluate([network], network.run.spec.data, TEN, studio)
    handle.remove()


def test_on_a_shared_device_inference_and_training_take_turns(
    networks: dict[str, TrainedNetwork], mixed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for the whole device would break a capture."""
    monkeypatch.setattr(cuda, "_SHARED", ("cpu",))
    module, alone = networks["pixel"].module, []
    handle = module.register_forward_hook(lambda *_: alone.append(cuda._device._is_owned()))
    try:
        classify(paths(mixed)[:2], [networks["pixel"]], print, protocol=TEN)
    finally:
        handle.remove()
    assert alone
    assert all(alone)


def test_only_so_many_images_are_decoded_ahead() -> None:
    made, most = [], 0

    def make(index: int) -> CutImage:
        made.append(index)
        return CutImage(index)

    for image in _in_order(3000, make, 4, lambda: False):
        assert image.index <= max(made)
        most = max(most, len(made) - image.index)
    assert sorted(made) == list(range(3000))
    assert most <= 4 * (16 + 3)


@pytest.mark.parametrize("protocol", [SINGLE, TEN, Protocol(kind=ProtocolKind.MULTI_SCALE)], ids=lambda p: p.key)
def test_a_stop_is_heard_before_another_batch(
    networks: dict[str, TrainedNetwork], studio: Home, protocol: Protocol
) -> None:
    stop, shares = threading.Event(), []

    def report(text: str, share: float | None) -> None:
        if text == "testing":
            shares.append(share)
            stop.set()

    members = list(networks.values())
    with pytest.raises(Stopped):
        evaluate(members, members[0].run.spec.data, protocol, studio, report, stop.is_set)
    assert shares == [0.0]


def trained_on(home: Home, **changes: object) -> TrainedNetwork:
    from resnet_studio.runner.run_cohort import run

    recipe: dict[str, object] = {"device": "cpu", "precision": "float32"}
    recipe.update({name: value for name, value in changes.items() if name in RecipeSpec.model_fields})
    network = {name: value for name, value in changes.items() if name in NetworkSpec.model_fields}
    data = {name: value for name, value in changes.items() if name in DataSpec.model_fields}
    spec = RunSpec(
        network=NetworkSpec(**{"depth": 8, "width": 2, "image_size": 16, **network}),
        recipe=RecipeSpec(iterations=4, batch_size=16, milestones=(), test_every=4, learning_rate=0.05, **recipe),
        data=DataSpec(**data),
    )
    with RunStore.open(home) as store:
        run(CohortSpec(runs=(spec,)), store, lambda event: None)
        return load(store, store.list_runs()[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "bfloat16"},  # rounded logits have ties, which are broken as in training
        {"image_size": 20, "held_out": 500, "test_on": "held-out", "seed": 0},
    ],
    ids=["bfloat16", "held out"],
)
def test_images_without_files_give_the_stored_error_again(home_with_images: Home, changes: dict[str, object]) -> None:
    network = trained_on(home_with_images, **changes)
    data = network.run.spec.data
    result = evaluate([network], data, SINGLE, home_with_images)
    assert result.images == (data.held_out or 2400)
    assert result.top1_error == pytest.approx(network.run.test_error, abs=1e-5)
    test = open_test(data, home_with_images)
    assert test.named(result.names[7]).size == (32, 32)
    assert result.names[7] == f"{data.test_on}/00007"


def test_a_streamed_run_gives_its_stored_error_again(home: Home, mixed: Path) -> None:
    network = trained_on(
        home,
        source=f"folder:{mixed}",
        classes=3,
        loading="streamed",
        augmentation="scale-crop-flip",
        scale_min=18,
        scale_max=30,
    )
    result = evaluate([network], network.run.spec.data, SINGLE, home)
    assert result.images == 18
    assert result.top1_error == pytest.approx(network.run.test_error, abs=1e-5)


def test_unknown_data_is_a_sentence(networks: dict[str, TrainedNetwork], studio: Home) -> None:
    with pytest.raises(UserError, match="choose data"):
        evaluate([networks["pixel"]], DataSpec(source="none"), SINGLE, studio)


def test_each_network_may_have_scales_of_its_own(networks: dict[str, TrainedNetwork], mixed: Path) -> None:
    pair, files = [networks["channel"], networks["pixel"]], paths(mixed)[:2]
    scales = [Protocol(kind=ProtocolKind.MULTI_SCALE, scales=sizes) for sizes in ((16, 20), (18, 24))]
    found = []
    classify(files, pair, found.append, protocol=scales)
    for network, protocol in zip(pair, scales, strict=True):
        alone = []
        classify(files, [network], alone.append, protocol=protocol)
        assert [one for one in found if one.run_id == network.run.id] == alone
    with pytest.raises(ValueError, match="one kind"):
        classify(files, pair, found.append, protocol=[scales[0], TEN])
