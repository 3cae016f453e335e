"""Files that people bring: tensors are read, everything else is refused in one sentence and never run."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.networks.foreign.files import read

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


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read(tmp_path / "nowhere.pth")
    with pytest.raises(UserError, match="is a folder"):
        read(tmp_path)


def test_reading_stops_when_asked_to(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save(STATE, file)
    with pytest.raises(Stopped):
        read(file, lambda: True)
