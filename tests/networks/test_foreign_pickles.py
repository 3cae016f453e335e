"""Objects beside the weights become inert stand-ins: the tensors are read, and nothing that a file names is run."""

from __future__ import annotations

import argparse
import collections
import io
import os
import pathlib
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from resnet_studio.domain.errors import UserError
from resnet_studio.networks.foreign.files import read
from resnet_studio.networks.foreign.pickles import MAX_OPERATIONS, Name, PickleError, Reader, StandIn

from ..waiting import processor_time

STATE = {"conv1.weight": torch.arange(108.0).reshape(4, 3, 3, 3), "fc.bias": torch.tensor([1.0, -2.0])}


class Options(dict):  # type: ignore[type-arg]
    """A dictionary with attributes, as configuration libraries have them."""

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value


class Config:
    """A container that keeps its values under a name of its own, and knows its parent."""

    def __init__(self, content: dict[str, object], parent: object = None) -> None:
        self.__dict__["_content"] = content
        self.__dict__["_parent"] = parent or self
        self.__dict__["_metadata"] = collections.deque([1, 2])


class Slotted:
    __slots__ = ("rate",)

    def __init__(self) -> None:
        self.rate = 0.1


class Items(list):  # type: ignore[type-arg]
    """A list of its own class."""


BESIDE: dict[str, object] = {
    "numpy scalar": np.float64(91.5),
    "numpy array": np.arange(6.0).reshape(2, 3),
    "namespace": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("/data")),
    "path": pathlib.PurePosixPath("/somewhere"),
    "path here": Path("somewhere"),
    "dictionary of a class": Options(lr=0.1, inner=Options(a=1)),
    "container": Config({"lr": 1}, Config({})),
    "slots": Slotted(),
    "list of a class": Items([1, 2]),
    "set": {1, "a"},
    "frozen set": frozenset({1, 2}),
    "default dictionary": collections.defaultdict(list, {"a": [1]}),
    "counter": collections.Counter("aab"),
    "module": nn.Sequential(nn.Linear(2, 2)),
    "generator state": np.random.default_rng(0),
    "class": Slotted,
    "bytes": bytearray(b"abc"),
    "number": 10**30,
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", BESIDE)
def test_the_tensors_are_read_whatever_lies_beside_them(name: str, protocol: int, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    values = {"best": BESIDE[name], "state_dict": STATE, "more": [BESIDE[name]]}
    for new in (True, False):
        torch.save(values, file, pickle_protocol=protocol, _use_new_zipfile_serialization=new)
        found = read(file)
        assert found.entry == "state_dict"
        assert all(torch.equal(found.tensors[key], tensor) for key, tensor in STATE.items())


@pytest.mark.parametrize("kind", ["options", "config", "namespace", "list", "tuple"])
def test_weights_inside_such_containers_are_found(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    values: dict[str, object] = {
        "options": Options(state_dict=Options(STATE)), "config": Config({"state_dict": STATE}),
        "namespace": argparse.Namespace(state_dict=STATE, epoch=3), "list": [STATE, {"lr": 0.1}], "tuple": (3, STATE),
    }  # fmt: skip
    torch.save(values[kind], file)
    assert set(read(file).tensors) == set(STATE)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.layers = nn.ModuleList([nn.BatchNorm2d(4), nn.ReLU()])
        self.register_buffer("hidden", torch.ones(3), persistent=False)
        self.fc = self.again = nn.Linear(4, 2)


@pytest.mark.parametrize("old", [False, True])
def test_a_network_saved_whole_gives_what_its_state_dict_would(old: bool, tmp_path: Path) -> None:
    network = Net()
    torch.save({"epoch": 1, "model": network}, tmp_path / "net.pth", _use_new_zipfile_serialization=not old)
    found = read(tmp_path / "net.pth").tensors
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith("again")}
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())


def numbers(dtype: torch.dtype) -> Tensor:
    values = torch.arange(8).reshape(2, 4)
    return values.bool() if dtype is torch.bool else values.to(dtype)


USUAL = (torch.float64, torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.uint8, torch.bool, torch.int8)


@pytest.mark.parametrize(
    ("dtype", "old"),
    [*((dtype, old) for dtype in USUAL for old in (False, True)), (torch.uint16, False), (torch.float8_e4m3fn, False)],
)
def test_every_kind_of_number_is_read_as_torch_reads_it(dtype: torch.dtype, old: bool, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"a": numbers(dtype), "b": numbers(dtype).t(), "c": numbers(dtype)[1]}, file,
               _use_new_zipfile_serialization=not old)  # fmt: skip
    found, wanted = read(file).tensors, torch.load(file, weights_only=True)
    for name, tensor in wanted.items():
        assert torch.equal(found[name], tensor.float() if tensor.is_floating_point() else tensor)
        assert found[name].is_contiguous()


def test_plain_pickles_of_tensors_and_of_arrays_are_read(tmp_path: Path) -> None:
    for number, values in enumerate((STATE, {"model": {k: v.numpy() for k, v in STATE.items()}})):
        for protocol in (2, 4):
            file = tmp_path / f"{number}{protocol}.pkl"
            file.write_bytes(pickle.dumps(values, protocol))
            found = read(file).tensors
            assert all(torch.equal(found[key], tensor) for key, tensor in STATE.items())


def tar_file(file: Path, state: dict[str, Tensor]) -> None:
    """As torch 0.1.9 and earlier saved it."""
    ids = {id(tensor): number for number, tensor in enumerate(state.values(), 1)}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            return ids.get(id(value)) if isinstance(value, Tensor) else None

    storages, table, head = io.BytesIO(), io.BytesIO(), io.BytesIO()
    pickle.dump(len(state), storages, 2)
    pickle.dump(len(state), table, 2)
    for tensor in state.values():
        number = ids[id(tensor)]
        pickle.dump((number, "cpu", torch.FloatStorage), storages, 2)
        storages.write(struct.pack("<q", tensor.numel()) + tensor.contiguous().numpy().tobytes())
        pickle.dump((number, number, torch.FloatTensor), table, 2)
        table.write(struct.pack("<ii", tensor.dim(), 0) + struct.pack(f"<{tensor.dim()}q", *tensor.shape))
        table.write(struct.pack(f"<{tensor.dim()}q", *tensor.stride()) + struct.pack("<q", 0))
    pickle.dump([], storages, 2)
    Pickler(head, 2).dump(collections.OrderedDict(state))
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, stream in (("pickle", head), ("tensors", table), ("storages", storages)):
            member = tarfile.TarInfo(name)
            member.size = len(stream.getvalue())
            archive.addfile(member, io.BytesIO(stream.getvalue()))


def test_torch_s_first_format_is_read(tmp_path: Path) -> None:
    file = tmp_path / "first.pth"
    tar_file(file, STATE)
    found = read(file).tensors
    assert all(torch.equal(found[key], tensor) for key, tensor in STATE.items())
    whole = file.read_bytes()
    with tarfile.open(file) as archive:
        last = archive.getmembers()[-1]
    for place in range(0, last.offset_data + last.size - 1, 97):
        file.write_bytes(whole[:place])
        with pytest.raises(UserError):
            read(file)


# Files that mean harm


class Run:
    """What a hostile file asks for when it is unpickled: a function, and its arguments."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


def by_hand(module: str, name: str, argument: str, *, after: bytes = b"") -> bytes:
    call = f"{module}\n{name}\n".encode() + b"(X" + struct.pack("<I", len(argument)) + argument.encode() + b"tR"
    return b"\x80\x02c" + call + after + b"."


def attacks(mark: str) -> dict[str, bytes]:
    run = f"import os; os.mkdir({mark!r})"
    return {
        "exec": pickle.dumps(Run(exec, run)), "eval": pickle.dumps(Run(eval, f"__import__('os').mkdir({mark!r})")),
        "system": by_hand("os", "system", f"mkdir {mark}"), "posix": by_hand("posix", "mkdir", mark),
        "popen": by_hand("subprocess", "check_call", f"mkdir {mark}"), "old name": by_hand("__builtin__", "eval", run),
        "import": by_hand("builtins", "__import__", "antigravity"), "run": by_hand("runpy", "run_path", mark),
        "getattr": pickle.dumps(Run(getattr, dict, "clear")), "pathlib": pickle.dumps(Run(Path.mkdir, Path(mark))),
        "torch load": by_hand("torch", "load", mark), "torch hub": by_hand("torch.hub", "load", mark),
        "numpy": by_hand("numpy.testing._private.utils", "runstring", run),
        "bdb": by_hand("bdb", "Bdb.run", run), "timeit": by_hand("timeit", "timeit", run),
        "partial": by_hand("functools", "partial", "os.system"), "attrgetter": by_hand("operator", "attrgetter", "x"),
        "state": by_hand("collections", "OrderedDict", "a", after=b"}U\x08__dict__}s\x85b"),
        "instance": b"(S'mkdir " + mark.encode() + b"'\nios\nsystem\n.",
        "obj": b"\x80\x02(cos\nsystem\nX" + struct.pack("<I", len(mark)) + mark.encode() + b"o.",
        "dotted": b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93\x8c" + bytes([len(mark)]) + mark.encode() + b"\x85R.",
        "extension": b"\x80\x02\x82\x01.", "buffer": b"\x80\x05\x97.", "persistent": b"Pmkdir\n.",
        "class": b"\x80\x02ctorch\nTensor\n}X\x07\0\0\0__new__K\x01sb.",
    }  # fmt: skip


@pytest.mark.parametrize("name", attacks("/tmp/x"))
def test_a_hostile_pickle_runs_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = str(tmp_path / "attacked")
    data = attacks(mark)[name]
    called: list[object] = []
    for module, function in ((os, "system"), (os, "mkdir"), (torch, "load"), (Path, "mkdir")):
        monkeypatch.setattr(module, function, lambda *given, **_: called.append(given))
    pickled = io.BytesIO()
    with zipfile.ZipFile(pickled, "w") as archive:
        archive.writestr("a/data.pkl", data)
        archive.writestr("a/version", "3\n")
    first = torch.serialization.MAGIC_NUMBER
    stream = b"".join(pickle.dumps(part, 2) for part in (first, 1001, {"little_endian": True})) + data
    for number, content in enumerate((data, pickled.getvalue(), stream)):
        file = tmp_path / f"{number}.pth"
        file.write_bytes(content)
        with pytest.raises(UserError) as caught:
            read(file)
        assert str(caught.value).count("\n") == 0
    assert called == []
    assert not os.path.exists(mark)  # noqa: PTH110 - Path is patched


def reader(data: bytes) -> Reader:
    return Reader(io.BytesIO(data), {}, lambda identity: identity)


def test_a_stand_in_is_all_that_is_made() -> None:
    data = pickle.dumps({"a": argparse.Namespace(x=1), "b": np.float64(1), "c": Slotted}, 2)
    value = reader(data).load()
    assert isinstance(value["a"], StandIn)
    assert (value["a"].path, value["a"].state) == ("argparse.Namespace", {"x": 1})
    assert isinstance(value["b"], StandIn)
    assert isinstance(value["c"], Name)


@pytest.mark.parametrize("opening", [b"]", b")", b"}K\x01"])
def test_a_hundred_thousand_levels_neither_crash_nor_linger(opening: bytes, tmp_path: Path) -> None:
    closing = {b"]": b"a", b")": b"\x85", b"}K\x01": b"s"}[opening]
    depth = 100_000
    data = (
        b"\x80\x02" + (b")" + b"\x85" * depth if opening == b")" else opening * depth + b"N" + closing * depth) + b"."
    )
    file = tmp_path / "deep.pth"
    file.write_bytes(data)
    with processor_time() as spent, pytest.raises(UserError, match="no named tensors"):
        read(file)
    assert spent.seconds < 20


def test_keys_of_a_file_s_own_making_are_not_hashed() -> None:
    depth = 200_000
    data = b"\x80\x02}" + b")" + b"\x85" * depth + b"K\x01s."
    assert reader(data).load() == {}


def test_numbers_that_share_a_hash_take_no_time() -> None:
    keys = b"".join(b"\x8a\x0c" + ((2**61 - 1) * number).to_bytes(12, "little") + b"N" for number in range(1, 20_000))
    with processor_time() as spent:
        assert reader(b"\x80\x02}(" + keys + b"u.").load() == {}
    assert spent.seconds < 5


def test_shared_containers_are_visited_once(tmp_path: Path) -> None:
    values: dict[str, object] = {"x": 1}
    for _ in range(8):
        values = {f"k{number}": values for number in range(300)}
    torch.save({"model": STATE, "more": values}, tmp_path / "many.pth")
    with processor_time() as spent:
        assert read(tmp_path / "many.pth").entry == "model"
    assert spent.seconds < 10


def test_more_operations_than_any_network_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resnet_studio.networks.foreign.pickles.MAX_OPERATIONS", 1000)
    assert MAX_OPERATIONS > 1_000_000
    with pytest.raises(PickleError, match="more values"):
        reader(b"\x80\x02]" + b"K\x01a" * 2000 + b".").load()


def test_a_memo_of_four_billion_places_takes_no_memory() -> None:
    assert reader(b"\x80\x02Nr\xff\xff\xff\xff.").load() is None


WRONG: dict[str, Callable[[], bytes]] = {
    "no end": lambda: b"\x80\x02}",
    "no mark": lambda: b"\x80\x02K\x01t.",
    "empty stack": lambda: b"\x80\x02.",
    "items in a number": lambda: b"\x80\x02K\x01K\x02a.",
    "unknown memo": lambda: b"\x80\x02h\x05.",
    "odd items": lambda: b"\x80\x02}(K\x01u.",
    "huge text": lambda: b"\x80\x02X\xff\xff\xff\x7fabc.",
    "huge bytes": lambda: b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7fabc.",
    "huge number": lambda: b"\x80\x02I" + b"9" * 100_000 + b"\n.",
}


@pytest.mark.parametrize("case", WRONG)
def test_damaged_pickles_are_refused(case: str) -> None:
    with pytest.raises(PickleError):
        reader(WRONG[case]()).load()


def test_bit_flips_end_in_tensors_or_a_sentence(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    file = tmp_path / "weights.pth"
    for old in (False, True):
        values = {"state_dict": STATE, "args": argparse.Namespace(lr=1)}
        torch.save(values, file, _use_new_zipfile_serialization=not old)
        whole = np.frombuffer(file.read_bytes(), np.uint8)
        for _ in range(150):
            data = whole.copy()
            data[random.integers(0, min(len(data), 900), 3)] = random.integers(0, 256, 3)
            file.write_bytes(data.tobytes())
            try:
                found, sentence = read(file).tensors, ""
            except UserError as error:
                found, sentence = {}, str(error)
            assert found or sentence.endswith(".")
