import pytest
import torch

from resnet_studio.domain.build_blueprint import blueprint
from resnet_studio.domain.errors import CheckpointError
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.networks.residual import build
from resnet_studio.networks.weights import digest, load_weights, save_weights, state_of

SPEC = NetworkSpec(depth=8, width=4, image_size=8)


def test_weights_survive_a_file(tmp_path):
    one, two = build(blueprint(SPEC), 1), build(blueprint(SPEC), 2)
    save_weights(state_of(one), tmp_path / "w.safetensors")
    load_weights(two, tmp_path / "w.safetensors")
    assert digest(state_of(one)) == digest(state_of(two))
    with torch.no_grad():
        two.head.fc.bias[0] += 1e-7
    assert digest(state_of(one)) != digest(state_of(two))


def test_the_digest_ignores_memory_layout():
    network = build(blueprint(SPEC), 1)
    before = digest(network.state_dict())
    network.to(memory_format=torch.channels_last)
    assert digest(network.state_dict()) == before


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (NetworkSpec(depth=14, width=4, image_size=8), "lacks layer stage"),
        (NetworkSpec(depth=8, width=8, image_size=8), "has shape .* where .* is wanted"),
        (NetworkSpec(depth=8, width=4, image_size=8, shortcut="B"), "lacks layer .*projection"),
    ],
)
def test_weights_of_another_network_are_refused_by_name(tmp_path, other, message):
    save_weights(state_of(build(blueprint(SPEC), 1)), tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match=message):
        load_weights(build(blueprint(other), 1), tmp_path / "w.safetensors")


def test_surplus_weights_are_refused(tmp_path):
    save_weights({**state_of(build(blueprint(SPEC), 1)), "more": torch.zeros(1)}, tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="holds more, which this network lacks"):
        load_weights(build(blueprint(SPEC), 1), tmp_path / "w.safetensors")


@pytest.mark.parametrize("content", [None, b"", b"rubbish", b"\x80\x04]q\x00."])
def test_rubbish_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_weights(build(blueprint(SPEC), 1), path)
