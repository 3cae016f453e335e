"""Images in, predictions out: per network, in order, whatever the files are."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.data.images import read_image, to_square
from resnet_studio.data.preprocessing import Preprocessing
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.protocols import Protocol
from resnet_studio.domain.records import NamedImage
from resnet_studio.domain.specs import DataSpec
from resnet_studio.inference.classify import BATCH, classify
from resnet_studio.inference.evaluate import evaluate
from resnet_studio.inference.models import load


def look(images, networks, **options):
    found = []
    classify(images, networks, found.append, **options)
    return found


def png(colour=(220, 30, 30), size=8) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (size, size), colour).save(file, "PNG")
    return file.getvalue()


def huge_png() -> bytes:
    """A PNG that claims 40 000 x 40 000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def test_every_image_meets_every_network_in_order(store, trained, pictures):
    networks = [load(store, run) for run in trained]
    paths = sorted((pictures / "test").rglob("*.png"))
    found = look(paths, networks)
    assert len(found) == len(paths) * 2
    for run in trained:
        own = [result for result in found if result.run_id == run.id]
        assert [result.path for result in own] == [str(path) for path in paths]
        for result in own:
            probabilities = [p.probability for p in result.predictions]
            assert probabilities == sorted(probabilities, reverse=True)
            assert sum(probabilities) == pytest.approx(1.0, abs=1e-5)  # all three classes
            assert {p.label for p in result.predictions} == {"blue", "green", "red"}


def test_predictions_are_the_networks_softmax_after_its_own_preprocessing(store, trained, pictures):
    network = load(store, trained[1])
    path = next((pictures / "test" / "red").iterdir())
    (result,) = look([path], [network], top=2)
    x = network.preprocessing.apply(to_square(read_image(path), 8)[None])
    with torch.no_grad():
        wanted = network.module(x).softmax(1)[0]
    assert len(result.predictions) == 2
    for prediction in result.predictions:
        assert prediction.probability == pytest.approx(
            float(wanted[network.class_names.index(prediction.label)]), abs=1e-6
        )


def test_a_batch_says_what_single_images_say(store, trained, pictures):
    network = load(store, trained[0])
    paths = sorted((pictures / "test").rglob("*.png"))[: BATCH + 3]
    together = look(paths, [network])
    for path, result in zip(paths, together, strict=True):
        (alone,) = look([path], [network])
        assert [p.label for p in alone.predictions] == [p.label for p in result.predictions]
        assert alone.predictions[0].probability == pytest.approx(result.predictions[0].probability, abs=1e-5)


def test_other_sizes_pasted_images_and_rubbish(store, trained, tmp_path):
    network = load(store, trained[1])
    Image.new("RGB", (300, 170), (30, 200, 60)).save(tmp_path / "large.jpg")
    Image.fromarray(np.full((9, 5), 40_000, np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "large.jpg").read_bytes()[:400])
    (tmp_path / "huge.png").write_bytes(huge_png())
    (tmp_path / "folder.png").mkdir()
    names = ("large.jpg", "deep.png", "text.png", "empty.png", "cut.jpg", "huge.png", "folder.png", "missing.png")
    images: list[Path | NamedImage] = [tmp_path / name for name in names]
    images += [NamedImage("Pasted 1", png()), NamedImage("Pasted 2", b"rubbish")]
    found = {result.path: result for result in look(images, [network])}
    assert len(found) == len(images)
    for good in (str(tmp_path / "large.jpg"), str(tmp_path / "deep.png"), "Pasted 1"):
        assert found[good].predictions
        assert found[good].run_id == network.run.id
        assert found[good].error == ""
    for bad in names[2:]:
        result = found[str(tmp_path / bad)]
        assert result.predictions == ()
        assert result.run_id == ""
        assert bad in result.error
        assert "\n" not in result.error
    assert "Pasted 2" in found["Pasted 2"].error


def test_an_unreadable_image_is_told_once_whatever_the_number_of_networks(store, trained, tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    assert len(look([tmp_path / "x.png"], [load(store, run) for run in trained])) == 1


def test_a_stop_is_heard_between_batches(store, trained, pictures):
    network = load(store, trained[0])
    paths = sorted((pictures / "test").rglob("*.png"))
    found, stop = [], threading.Event()

    def take(result):
        found.append(result)
        stop.set()

    with pytest.raises(Stopped):
        classify(paths, [network], take, stop.is_set)
    assert 1 <= len(found) <= BATCH


def test_a_stop_is_heard_inside_a_deep_network(store, trained):
    network = load(store, trained[0])
    asked = []

    def should_stop():
        asked.append(None)
        return len(asked) > 4

    with pytest.raises(Stopped):
        classify([NamedImage("a", png())], [network], lambda result: None, should_stop)
    hooks = [block._forward_hooks for block in network.module.blocks]
    assert not any(hooks)


def test_nothing_to_do_is_no_error(store, trained):
    assert look([], [load(store, trained[0])]) == []
    with pytest.raises(ValueError, match="top must be at least 1"):
        look([], [], top=0)


@pytest.mark.parametrize("number", [0.0, float("nan")])
def test_numbers_that_are_not_finite_are_refused_in_one_sentence(number, store, trained, pictures, home):
    """Whatever the cause: a standard deviation of zero that an older history holds, or diverged weights."""
    file = store.home.run(trained[0].id).preprocessing
    sound = Preprocessing.load(file)
    Preprocessing(sound.image_size, sound.mean, torch.full((3, 1, 1), number)).save(file)
    network = load(store, trained[0])
    with pytest.raises(UserError, match=r"gives numbers that are not finite, so it names no class: .*; choose another"):
        look([next((pictures / "test" / "red").iterdir())], [network])
    with pytest.raises(UserError, match="not finite"):
        evaluate([network], DataSpec(source=f"folder:{pictures}"), Protocol(), home)
