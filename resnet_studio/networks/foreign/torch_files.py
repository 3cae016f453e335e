"""What ``torch.save`` wrote, in each of its three formats, as tensors and plain values; see :mod:`.pickles`.

The newest is an archive (zip) with one pickle and a file for each storage; before torch 1.6 the pickle and the storages
followed one another in one stream; before torch 0.1.10 they lay in a tar archive, the tensors' shapes beside them.
"""

from __future__ import annotations

import io
import re
import struct
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.foreign.pickles import Builder, Name, PickleError, Reader, StandIn
from resnet_studio.text import _

MAGIC = 0x1950A86A20F9469CFC6C  # the first value of the stream format
MAX_TENSORS = 100_000  # ResNet-1202 has 7 200, and as many again for an optimizer
_MAX_DIMENSIONS = 16

_QUANTISED = re.compile(r"\.QU?Int\d+(x\d+)?Storage$")
_STORAGES = {
    "DoubleStorage": torch.float64, "FloatStorage": torch.float32, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64, "ComplexDoubleStorage": torch.complex128, "UntypedStorage": torch.uint8,
}  # fmt: skip


@dataclass(slots=True, eq=False)
class Stored:
    """A storage: ``content`` gives its bytes, once they were found."""

    dtype: torch.dtype
    count: int
    content: Callable[[], bytes | bytearray] | None = None

    def values(self, dtype: torch.dtype) -> Tensor:
        """One-dimensional; shares the memory of what was read."""
        if self.content is None:
            raise PickleError(_("a tensor's numbers are missing"))
        data = self.content()
        self.content = lambda: data  # read once, however many tensors share it
        if not data:
            return torch.empty(0, dtype=dtype)
        if len(data) % dtype.itemsize:
            raise PickleError(_("a tensor's numbers are cut off"))
        return torch.frombuffer(data, dtype=dtype)


@dataclass(slots=True, eq=False)
class Described:
    """A tensor whose numbers are still in the file."""

    storage: Stored
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        whole = (self.offset, *self.shape, *self.stride)
        if len(self.shape) != len(self.stride) or len(self.shape) > _MAX_DIMENSIONS:
            raise PickleError(_("a tensor's shape makes no sense"))
        if not all(isinstance(value, int) and 0 <= value < 1 << 60 for value in whole):
            raise PickleError(_("a tensor's shape makes no sense"))

    def tensor(self) -> Tensor:
        """A view on the storage, which may be smaller than the shape says where strides are zero."""
        values = self.storage.values(self.dtype)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if all(self.shape) and last >= len(values):
            raise PickleError(_("a tensor of shape {shape} has only {len} numbers", shape=self.shape, len=len(values)))
        if not all(self.shape):
            return torch.empty(self.shape, dtype=self.dtype) if max(self.shape) < 1 << 31 else torch.empty(0)
        return values.as_strided(self.shape, self.stride, self.offset)


class Odd:
    """A tensor that is no plain array of numbers: sparse, quantized, nested, on no device."""


@dataclass(slots=True, eq=False)
class Array:
    """A NumPy array; ``take_state`` is what a pickle gives it last."""

    tensor: Tensor | None = None

    def take_state(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            return
        _unused, shape, kind, fortran, data = state
        code = kind.arguments[0] if isinstance(kind, StandIn) and kind.arguments else ""
        order = kind.state[1] if isinstance(kind, StandIn) and isinstance(kind.state, tuple) else "<"
        code = code.decode("ascii", "replace") if isinstance(code, bytes) else str(code)
        content = data.encode("latin-1") if isinstance(data, str) else data
        if code not in _NUMPY or not isinstance(content, bytes | bytearray) or not isinstance(shape, tuple):
            return
        values = np.frombuffer(content, np.dtype(code).newbyteorder(">" if order == ">" else "<"))
        if int(np.prod(shape, dtype=object)) != values.size:
            raise PickleError(_("an array of shape {shape} has {size} numbers", shape=shape, size=values.size))
        array = values.reshape(shape, order="F" if fortran else "C")
        self.tensor = torch.from_numpy(np.ascontiguousarray(array).astype(array.dtype.newbyteorder("=")))


_NUMPY = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"})


@dataclass(slots=True)
class Source:
    """Builders for one file, and the storages and tensors that its pickle describes."""

    storages: dict[object, Stored] = field(default_factory=dict)
    tensors: int = 0
    nested: bool = False

    def storage(self, key: object, kind: object, count: object) -> Stored:
        name = kind.path if isinstance(kind, Name) else ""
        dtype = _STORAGES.get(name.rpartition(".")[2])
        if dtype is None and _QUANTISED.search(name):
            raise UserError(
                _("Its weights are quantised ({name}); choose the file of the network before that.", name=name)
            )
        if dtype is None:
            raise PickleError(_("it has numbers of a kind that is not read here ({name})", name=name or kind))
        if not isinstance(count, int) or count < 0 or not isinstance(key, str | int):
            raise PickleError(_("a tensor's numbers make no sense"))
        return self.storages.setdefault(str(key), Stored(dtype, count))

    def persistent(self, identity: object) -> object:
        """Of ("storage", kind, key, place, count[, view]), as the two newer formats have it."""
        if isinstance(identity, tuple) and len(identity) == 4 and _text(identity[0]) == "module":
            return identity[1]  # a class, and the source that made it
        if not isinstance(identity, tuple) or len(identity) < 5 or _text(identity[0]) != "storage":
            raise PickleError(_("it refers to something outside the file"))
        _unused, kind, key, _unused_2, count, *rest = identity
        whole = self.storage(_text(key), kind, count)
        if rest and isinstance(rest[0], tuple) and len(rest[0]) == 3:
            return _part(whole, rest[0][1], rest[0][2])  # a view, as files before torch 0.4 have them
        return whole

    def rebuild(self, storage: object, offset: object, shape: object, stride: object, *_unused: object) -> object:
        dtype = storage.dtype if isinstance(storage, Stored) else None
        return self.described(storage, dtype, offset, shape, stride)

    def rebuild_typed(
        self, storage: object, offset: object, shape: object, stride: object, _grad: object, _hooks: object,
        dtype: object, *_unused: object,
    ) -> object:  # fmt: skip
        name = dtype.path if isinstance(dtype, Name) else ""
        named = getattr(torch, name.rpartition(".")[2], None) if name.startswith("torch.") else None
        return self.described(storage, named if isinstance(named, torch.dtype) else None, offset, shape, stride)

    def described(self, storage: object, dtype: torch.dtype | None, offset: Any, shape: Any, stride: Any) -> object:
        if not isinstance(storage, Stored) or dtype is None:
            return Odd()
        self.tensors += 1
        if self.tensors > MAX_TENSORS:
            raise PickleError(
                _("it holds more than {max_tensors} tensors, which no network here has", max_tensors=MAX_TENSORS)
            )
        return Described(storage, dtype, offset, _whole(shape), _whole(stride))

    def builders(self) -> Mapping[str, Builder]:
        return {
            "torch._utils._rebuild_tensor": self.rebuild,
            "torch._utils._rebuild_tensor_v2": self.rebuild,
            "torch._utils._rebuild_tensor_v3": self.rebuild_typed,
            "torch._utils._rebuild_parameter": _first,
            "torch._utils._rebuild_parameter_with_state": _first,
            "torch._utils._rebuild_device_tensor_from_cpu_tensor": _first,
            "torch._utils._rebuild_device_tensor_from_numpy": _first,
            "torch.nn.parameter.Parameter": _first,
            "torch.nn.parameter.Buffer": _first,
            "torch._tensor._rebuild_from_type_v2": self.from_type,
            "torch._utils._rebuild_from_type": self.from_type,
            "torch.tensor._rebuild_from_type": self.from_type,
            "torch.storage._load_from_bytes": self.inner,
            "torch.Size": _whole,
            "collections.OrderedDict": _dictionary,
            "collections.defaultdict": lambda *_unused: {},
            "collections.Counter": _dictionary,
            **dict.fromkeys(("builtins.dict", "__builtin__.dict"), _dictionary),
            **dict.fromkeys(_LISTS, _list),
            "_codecs.encode": _encoded,
            **dict.fromkeys(_ARRAYS, lambda *_unused: Array()),
            **{f"torch._utils.{name}": lambda *_unused: Odd() for name in _ODD},
        }

    def inner(self, content: object = b"", *_unused: object) -> object:
        """A storage that was pickled without torch.save: a whole file of its own in a string of bytes."""
        if not isinstance(content, bytes | bytearray) or self.nested:
            raise PickleError(_("a tensor's numbers are missing"))
        return _read_stream(io.BytesIO(content), Source(nested=True), never_stop)

    def from_type(
        self, function: object = None, _kind: object = None, arguments: object = (), *_unused: object
    ) -> object:
        """A tensor of a class of its own: the tensor alone."""
        builder = self.builders().get(function.path) if isinstance(function, Name) else None
        return builder(*arguments) if builder is not None and isinstance(arguments, tuple) else Odd()


_LISTS = tuple(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("set", "frozenset", "list"))
_ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_ODD = (
    "_rebuild_sparse_tensor", "_rebuild_qtensor", "_rebuild_nested_tensor", "_rebuild_meta_tensor_no_storage",
    "_rebuild_wrapper_subclass", "_rebuild_sparse_csr_tensor",
)  # fmt: skip


def _first(value: object = None, *_unused: object) -> object:
    return value


def _dictionary(pairs: object = (), *_unused: object) -> dict[object, object]:
    """From pairs in a list, as Python 2 wrote an OrderedDict, or from a dictionary."""
    if isinstance(pairs, dict):
        return dict(pairs)
    found: dict[object, object] = {}
    for pair in pairs if isinstance(pairs, list | tuple) else ():
        if isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str):
            found[pair[0]] = pair[1]
    return found


def _list(items: object = (), *_unused: object) -> list[object]:
    return list(items) if isinstance(items, list | tuple) else []


def _encoded(text: object = "", *_unused: object) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else b""


def _whole(values: object = (), *_unused: object) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or not all(isinstance(value, int) for value in values):
        raise PickleError(_("a tensor's shape makes no sense"))
    return tuple(values)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


# The three formats


def read_archive(file: BinaryIO, should_stop: StopCheck = never_stop) -> object:
    """torch 1.6 and later. The archive's own claims must have been checked.

    Raises:
        PickleError: If the pickle or a storage is damaged.
    """
    archive = zipfile.ZipFile(file)  # numbers are read when they are wanted, as long as ``file`` is open
    names = {entry.filename.partition("/")[2] or entry.filename: entry for entry in archive.infolist()}
    big = "byteorder" in names and archive.read(names["byteorder"]).strip() == b"big"
    source = Source()
    pickled = io.BytesIO(archive.read(names["data.pkl"]))
    value = Reader(pickled, source.builders(), source.persistent, should_stop).load()
    for key, stored in source.storages.items():
        if (entry := names.get(f"data/{key}")) is not None:
            stored.content = _archived(archive, entry, stored.dtype if big else None)
    return value


def _archived(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, swapped: torch.dtype | None) -> Callable[[], bytearray]:
    def content() -> bytearray:
        data = bytearray(archive.read(entry))
        if swapped is not None and (size := swapped.itemsize // (2 if swapped.is_complex else 1)) > 1:
            np.frombuffer(data, f"u{size}").byteswap(inplace=True)
        return data

    return content


def read_stream(file: BinaryIO, should_stop: StopCheck = never_stop) -> object:
    """torch 0.1.10 to 1.5, and pickles that were not written by torch.save at all; raises PickleError."""
    source = Source()
    return _read_stream(file, source, should_stop)


def _read_stream(file: BinaryIO, source: Source, should_stop: StopCheck) -> object:
    reader = Reader(file, source.builders(), source.persistent, should_stop)
    value = reader.load()
    if value != MAGIC:
        return value
    reader.load()  # the protocol's version
    system = reader.load()
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise PickleError(_("it was written on a machine of another byte order; save it again on a usual one"))
    value = reader.load()
    keys = reader.load()
    if not isinstance(keys, list):
        raise PickleError(_("the list of its numbers is missing"))
    for key in keys:
        stored = source.storages.get(_text(key))
        if stored is None:
            raise PickleError(_("it holds numbers of no tensor"))
        _take_numbers(file, stored)
    return value


def _take_numbers(file: BinaryIO, stored: Stored) -> None:
    (count,) = struct.unpack("<q", _exactly(file, 8))
    if count != stored.count:
        raise PickleError(
            _("a tensor has {count} numbers where {stored_count} were named", count=count, stored_count=stored.count)
        )
    data = bytearray(_exactly(file, count * stored.dtype.itemsize))
    stored.content = lambda: data


def _exactly(file: BinaryIO, count: int) -> bytes:
    if count < 0:
        raise PickleError(_("a tensor's numbers make no sense"))
    here = file.tell()
    left = file.seek(0, io.SEEK_END) - here
    file.seek(here)
    if count > left:
        raise PickleError(_("its end is missing"))
    return file.read(count)


def read_tar(file: BinaryIO, should_stop: StopCheck = never_stop) -> object:
    """torch before 0.1.10; raises PickleError."""
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            parts = {member.name: member for member in archive.getmembers() if member.isreg()}
            missing = [name for name in ("pickle", "tensors", "storages") if name not in parts]
            if missing:
                raise PickleError(_("it is a tar archive without {missing}, so not one of torch", missing=missing[0]))
            streams = {name: archive.extractfile(parts[name]) for name in ("pickle", "tensors", "storages")}
            return _read_tar(streams, should_stop)
    except (tarfile.TarError, OSError, struct.error) as error:
        raise PickleError(str(error) or type(error).__name__) from None


def _read_tar(streams: Mapping[str, Any], should_stop: StopCheck) -> object:
    source = Source()
    tensors: dict[str, object] = {}

    def nothing(_unused: object) -> object:
        raise PickleError(_("it refers to something outside the file"))

    numbers = Reader(streams["storages"], {}, nothing, should_stop)
    for _unused in range(_counted(numbers.load())):
        key, _place, kind = numbers.load()
        (count,) = struct.unpack("<q", _exactly(streams["storages"], 8))
        stored = source.storage(key, kind, count)
        data = bytearray(_exactly(streams["storages"], count * stored.dtype.itemsize))
        stored.content = (lambda kept: lambda: kept)(data)
    for view in numbers.load() or ():
        target, root, offset, count = view
        source.storages[str(target)] = _part(source.storages[str(root)], offset, count)
    shapes = Reader(streams["tensors"], {}, nothing, should_stop)
    for _unused_2 in range(_counted(shapes.load())):
        key, storage, _kind = shapes.load()
        dimensions, _unused_3 = struct.unpack("<ii", _exactly(streams["tensors"], 8))
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise PickleError(_("a tensor's shape makes no sense"))
        shape = struct.unpack(f"<{dimensions}q", _exactly(streams["tensors"], 8 * dimensions))
        stride = struct.unpack(f"<{dimensions}q", _exactly(streams["tensors"], 8 * dimensions))
        (offset,) = struct.unpack("<q", _exactly(streams["tensors"], 8))
        held = source.storages.get(str(storage))
        tensors[str(key)] = source.described(held, held.dtype if held else None, offset, shape, stride)

    def tensor(identity: object) -> object:
        if isinstance(identity, tuple):  # a container, and the source of its class
            return identity[0] if identity else None
        if str(identity) not in tensors:
            raise PickleError(_("it refers to a tensor that it does not hold"))
        return tensors[str(identity)]

    return Reader(streams["pickle"], source.builders(), tensor, should_stop).load()


def _part(whole: Stored, offset: object, count: object) -> Stored:
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or count < 0:
        raise PickleError(_("a tensor's numbers make no sense"))
    start, size = offset * whole.dtype.itemsize, count * whole.dtype.itemsize

    def content() -> bytearray:
        data = whole.content() if whole.content is not None else b""
        return bytearray(data[start : start + size])

    return Stored(whole.dtype, count, content)


def _counted(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= MAX_TENSORS:
        raise PickleError(_("it holds no number of tensors that makes sense"))
    return value
