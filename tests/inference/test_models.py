"""Loading a trained run: the right weights, the next best ones, or a sentence."""

from __future__ import annotations

import pytest
import torch

from resnet_studio.domain.enums import Device
from resnet_studio.domain.errors import UserError
from resnet_studio.inference.models import choose_device, load
from resnet_studio.networks.weights import digest, state_of


def test_the_newest_weights_are_loaded_for_looking(store, trained):
    for run in trained:
        network = load(store, run)
        assert digest(state_of(network.module)) == run.weights_sha256
        assert network.class_names == ("blue", "green", "red")
        assert network.iteration == 12
        assert network.notice == ""
        assert not network.module.training
        assert not any(parameter.requires_grad for parameter in network.module.parameters())
        assert network.preprocessing.image_size == 8
        assert network.device.type == "cpu"


def weights_file(store, run, which=0):
    return store.home.runs / store.checkpoints(run.id)[which].folder / "weights.safetensors"


@pytest.mark.parametrize("damage", ["cut", "flip", "rubbish", "gone"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(store, trained, damage):
    run = trained[1]
    file = weights_file(store, run)
    content = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[-3] ^= 0x40
        file.write_bytes(content)
    elif damage == "rubbish":
        file.write_bytes(b"no weights at all")
    else:
        file.unlink()
    network = load(store, run)
    older = store.checkpoints(run.id)[1]
    assert network.iteration == older.iteration < 12
    assert digest(state_of(network.module)) == older.weights_sha256
    assert "iteration 12 is damaged" in network.notice


def test_without_a_whole_checkpoint_a_sentence_says_so(store, trained):
    run = trained[0]
    for which in range(len(store.checkpoints(run.id))):
        weights_file(store, run, which).write_bytes(b"")
    with pytest.raises(UserError, match=r"No checkpoint of plain-8 can be read"):
        load(store, run)


def test_a_run_without_weights_says_when_they_come(store, tiny_twin):
    run = store.create_cohort(tiny_twin)[0]
    with pytest.raises(UserError, match="has no weights yet"):
        load(store, run)


def test_a_run_that_went_meanwhile(store, trained):
    store.delete([trained[0].id])
    with pytest.raises(UserError, match="was deleted"):
        load(store, trained[0])
    store.purge_deleted()
    with pytest.raises(UserError):
        load(store, trained[0])


def test_missing_preprocessing_is_a_sentence(store, trained):
    (store.home.run(trained[0].id).path / "preprocessing.safetensors").unlink()
    with pytest.raises(UserError, match="preprocessing"):
        load(store, trained[0])


def test_a_device_that_is_not_there_is_refused():
    assert choose_device(Device.AUTO).type in ("cuda", "mps", "cpu")
    assert choose_device(Device.CPU) == torch.device("cpu")
    if not torch.backends.mps.is_available():
        with pytest.raises(UserError, match="no mps device"):
            choose_device(Device.MPS)
