"""Files that people bring: tensors are read, everything else is refused in one sentence and never run."""

from __future__ import annotations

import os
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.networks.foreign.files import read
from resnet_studio.networks.foreign.state_dicts import ManySetsError

from ..waiting import processor_time

STATE = {"conv1.weight": torch.ones(4, 3, 3, 3), "fc.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    ("values", "entry", "others"),  # others: further sets of weights
    [
        (STATE, "", ()),
        ({"state_dict": STATE, "epoch": 3, "best_prec1": torch.tensor(91.0)}, "state_dict", ()),
        ({"net": STATE, "acc": 93.1}, "net", ()),
        ({"model": STATE, "ema": STATE, "optimizer": {"state": {0: {"m": torch.ones(2, 2)}}}}, "model", ("ema",)),
        ({"checkpoint": {"model_state_dict": STATE}}, "checkpoint.model_state_dict", ()),
    ],
)
@pytest.mark.parametrize("old", [False, True])
def test_tensors_are_found_wherever_scripts_put_them(
    values: dict[str, object], entry: str, others: tuple[str, ...], old: bool, tmp_path: Path
) -> None:
    file = tmp_path / "weights.pth"
    torch.save(values, file, _use_new_zipfile_serialization=not old)
    found = read(file)
    assert (found.entry, tuple(each.key for each in found.sets[1:]), len(found.sha256)) == (entry, others, 64)
    assert {name: tuple(t.shape) for name, t in found.tensors.items()} == {n: tuple(t.shape) for n, t in STATE.items()}


def test_half_precision_and_parameters_become_float32(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    torch.save({"a.weight": torch.nn.Parameter(torch.ones(2, 2).half()), "b": torch.tensor(3)}, file)
    found = read(file).tensors
    assert (found["a.weight"].dtype, found["a.weight"].requires_grad) == (torch.float32, False)
    assert found["b"].dtype == torch.int64


def test_safetensors_bring_their_metadata(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_file(STATE, file, metadata={"network": "{}"})
    found = read(file)
    assert (set(found.tensors), found.metadata) == (set(STATE), {"network": "{}"})


class Attack:
    """What a hostile file does when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("kind", ["pickle", "torch", "old"])
def test_nothing_that_could_run_is_opened(kind: str, tmp_path: Path) -> None:
    file, mark = tmp_path / "weights.pth", tmp_path / "attacked"
    if kind == "pickle":
        file.write_bytes(pickle.dumps({"state_dict": Attack(mark)}))
    else:
        torch.save({"state_dict": STATE, "args": Attack(mark)}, file, _use_new_zipfile_serialization=kind != "old")
    with pytest.raises(UserError, match=r"it would run \w+.mkdir, .*nothing was run") as caught:
        read(file)
    assert not mark.exists()
    assert str(caught.value).count(". ") == 0


def test_torchscript_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02}.")
        archive.writestr("net/code/__torch__.py", "class Net: ...")
    with pytest.raises(UserError, match="TorchScript archive"):
        read(file)


def compressed(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data.pkl", b"\x80\x02}.")
        archive.writestr("net/data/0", b"\0" * (1 << 24))


def expanded(file: Path) -> None:
    torch.save({"a.weight": torch.zeros(1).expand(100_000, 100_000)}, file)


def nested(file: Path) -> None:
    values: object = STATE
    for _ in range(40):
        values = {"a": values, "b": values}
    torch.save(values, file)


RUBBISH = {
    "empty": (lambda file: file.write_bytes(b""), "is no weights file"),
    "text": (lambda file: file.write_text("hello", encoding="utf-8"), "is no weights file"),
    "other archive": (lambda file: zipfile.ZipFile(file, "w").close(), "not one of torch.save"),
    "cut archive": (lambda file: (torch.save(STATE, file), file.write_bytes(file.read_bytes()[:200])), "damaged"),
    "cut pickle": (lambda file: file.write_bytes(pickle.dumps(STATE)[:20]), "damaged|more than"),
    "compressed": (compressed, "compressed"),
    "memory bomb": (expanded, "claims more numbers than the file holds"),
    "laughter": (nested, "no named tensors"),
    "no tensors": (lambda file: torch.save({"epoch": 3}, file), "no named tensors"),
    "bad header": (lambda file: file.write_bytes(struct.pack("<Q", 40) + b'{"a":' + b" " * 60), "damaged safetensors"),
    "sparse": (lambda file: torch.save({"a.weight": torch.eye(3).to_sparse()}, file), "not a plain array"),
}


@pytest.mark.parametrize("case", RUBBISH)
def test_rubbish_is_refused_in_a_sentence(case: str, tmp_path: Path) -> None:
    make, sentence = RUBBISH[case]
    file = tmp_path / "weights.pth"
    make(file)
    with pytest.raises(UserError, match=sentence) as caught:
        read(file)
    assert "weights.pth" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html></html>", "a web page"),
        (b'{"conv1": 1}', "is text"),
        (b"\x89HDF\r\n\x1a\n", "Keras"),
        (b"\x1f\x8b\x08", "gzip"),
    ],
)
def test_what_people_have_in_the_place_of_weights_is_named(content: bytes, what: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(content)
    with pytest.raises(UserError, match=what):
        read(file)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "nowhere.pth")
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)


def other(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor + 1 for name, tensor in values.items()}


def whole(prefix: str) -> dict[str, torch.Tensor]:
    """From three colours to classes, with values of its own."""
    value = float(len(prefix))
    return {f"{prefix}conv.weight": torch.full((4, 3, 3, 3), value), f"{prefix}fc.weight": torch.full((2, 4), value)}


@pytest.mark.parametrize(
    ("values", "usual", "others"),
    [
        ({"state_dict": STATE, "state_dict_ema": other(STATE)}, "state_dict", ["state_dict_ema"]),
        ({"ema": other(STATE), "foo": STATE}, "foo", ["ema"]),
        ({"model": STATE, "something": other(STATE)}, "model", ["something"]),
        ({"student": STATE, "teacher": other(STATE)}, "student", ["teacher"]),
        ({"averaged_model": other(STATE), "net": STATE, "swa": STATE}, "net", ["averaged_model", "swa"]),
        ({"one": STATE, "two": other(STATE)}, None, ["one", "two"]),
        ({"state_dict": {**whole("model."), **whole("ema_model.")}}, "state_dict.model", ["state_dict.ema_model"]),
        ({**whole("module.encoder_q."), **whole("module.encoder_key.")}, None,
         ["module.encoder_q", "module.encoder_key"]),
        ([STATE, other(STATE)], None, ["0", "1"]),
        ({"one": STATE, "two": dict(STATE)}, "one", ["two"]),
    ],
)  # fmt: skip
def test_every_set_of_weights_is_named_and_can_be_chosen(
    values: object, usual: str | None, others: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "weights.pth"
    torch.save(values, file)
    if usual is None:
        with pytest.raises(ManySetsError, match=r"weights.pth holds 2 sets .* --weights-key") as caught:
            read(file)
        assert [key for key, _ in caught.value.choices] == others
        assert "with other values" in str(caught.value)
    else:
        found = read(file)
        assert (found.entry, [each.key for each in found.sets]) == (usual, [usual, *others])
    taken = {key: read(file, key=key) for key in others}
    assert all(found.entry == key for key, found in taken.items())
    with pytest.raises(UserError, match=f"no weights under nonsense; they lie under .*{others[0]}"):
        read(file, key="nonsense")


def test_sets_are_told_by_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(
        {"model": STATE, "a": other(STATE), "b": dict(STATE), "c": {**STATE, "more.weight": torch.ones(2, 2)},
         "d": {**STATE, "fc.bias": torch.zeros(9)}},
        file,
    )  # fmt: skip
    about = {each.key: each.about for each in read(file).sets}
    assert about == {
        "model": "2 tensors",
        "a": "2 tensors of the same names and shapes, with other values",
        "b": "2 tensors, the same values",
        "c": "3 tensors, 1 of other names",
        "d": "2 tensors of the same names, but other shapes",
    }


def test_names_by_the_hundred_thousand_end_soon(tmp_path: Path) -> None:
    tensors = torch.ones(100_001, 1, 1).unbind()  # one too many
    for old in (False, True):
        file = tmp_path / "many.pth"
        torch.save(
            {f"a{number}": tensor for number, tensor in enumerate(tensors)},
            file,
            _use_new_zipfile_serialization=not old,
        )
        with processor_time() as spent, pytest.raises(UserError, match=r"more than 100000 tensors|more values"):
            read(file)
        assert spent.seconds < 60


def test_a_shape_of_two_to_the_fortieth_takes_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "huge.pth"
    torch.save({"a.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, file)
    with pytest.raises(UserError, match="claims more numbers than the file holds"):
        read(file)
    header = b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4]}}'
    file.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    with pytest.raises(UserError, match="damaged safetensors"):
        read(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pth"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(UserError, match=r"is a pipe or a device, not a file"):
            read(path)
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "a\0b.pth")
    endless = tmp_path / "endless.pth"
    with endless.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(UserError, match=r"1.02e\+03 GiB|1024 GiB"):
        read(endless)


def test_reading_stops_when_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(STATE, file)
    with pytest.raises(Stopped):
        read(file, lambda: True)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("model-00001-of-00002.safetensors", "is part 1 of 2: the weights lie in several files"),
        ("pytorch_model-00002-of-00003.bin", "is part 2 of 3"),
        ("model.safetensors.index.json", "only lists the files in which weights lie"),
    ],
)
def test_one_of_several_files_is_no_network(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / name).write_bytes(b"{}")
    with pytest.raises(UserError, match=sentence):
        read(tmp_path / name)


def test_the_only_part_is_the_network(tmp_path: Path) -> None:
    file = tmp_path / "model-00001-of-00001.safetensors"
    save_file({"conv.weight": torch.ones(2, 2)}, file)
    assert list(read(file).tensors) == ["conv.weight"]


def test_quantised_weights_are_named(tmp_path: Path) -> None:
    file = tmp_path / "quantised.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch gives these up
        torch.save({"conv.weight": torch.quantize_per_tensor(torch.ones(4, 3, 3, 3), 0.01, 0, torch.qint8)}, file)
    with pytest.raises(UserError, match="quantised"):
        read(file)
