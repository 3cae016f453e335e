"""Weights files of any kind as named tensors; nothing in them is ever run.

``.safetensors`` holds tensors alone. PyTorch's own files are read as data, see :mod:`.torch_files`, after a look at
what the archive says of itself: an archive can name sizes it does not have.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from safetensors import SafetensorError, safe_open
from torch import Tensor

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.foreign.pickles import HostileError, PickleError
from resnet_studio.networks.foreign.state_dicts import Found, WeightsSet, tensors_in
from resnet_studio.networks.foreign.torch_files import read_archive, read_stream, read_tar
from resnet_studio.platform.outside_files import open_regular, reason
from resnet_studio.text import _

MAX_BYTES = 1 << 32  # ResNet-152 C has 0.4 GB; ten times that is no network of this family
_MAX_PICKLE = 1 << 26  # the names of 1202 layers take less than a megabyte
_MAX_ENTRIES = 200_000
_READ = 1 << 22
_PART = re.compile(r"-(?P<number>\d{5})-of-(?P<all>\d{5})\.\w+$")  # as large model hubs name them
_INDEX = (".safetensors.index.json", ".bin.index.json")
_OTHERS = (  # what people have in its place, by its first bytes
    (b"version https://git-lfs", _("a pointer that Git LFS left in place of a file; get the file with git lfs pull")),
    (b"<!doctype html", _("a web page; get the file itself")),
    (b"<html", _("a web page; get the file itself")),
    (b"{", _("text; choose a .safetensors, .pth, .pt or .th file of a network's state_dict")),
    (b"\x89HDF", _("an HDF5 file, as Keras writes them; save the weights from PyTorch")),
    (b"\x1f\x8b", _("compressed with gzip; unpack it first")),
    (b"7z\xbc\xaf", _("a 7z archive; unpack it first")),
    (b"Rar!", _("a RAR archive; unpack it first")),
)
_HEAD = 512  # a tar archive says so at 257


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """What a file holds: CPU tensors by name, safetensors' own text metadata, and where it came from.

    Attributes:
        entry: The key of the dictionary the tensors lay under (``state_dict``), empty where they lay at the top.
        sets: Every set of weights in the file, the one that was taken first.
        passed_over: Names of tensors that belong to no set.
    """

    name: str
    sha256: str
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    entry: str = ""
    sets: tuple[WeightsSet, ...] = ()
    passed_over: tuple[str, ...] = ()


def read(path: Path, should_stop: StopCheck = never_stop, key: str | None = None) -> WeightsFile:
    """Read every tensor of one set of weights in ``path``.

    ``key`` is the set that is meant, such as ``state_dict_ema``; None for the usual one.

    Raises:
        ManySetsError: If there are several sets of weights, and none is the usual one.
        UserError: If it is missing, no weights file, damaged or too large.
        Stopped: Within a second of ``should_stop`` saying so.
    """
    _refuse_parts(path.name)
    try:
        with open_regular(path, MAX_BYTES) as file:
            found, size = hashlib.sha256(), 0
            head = file.read(_HEAD)
            file.seek(0)
            while part := file.read(_READ):
                if should_stop():
                    raise Stopped
                found.update(part)
                size += len(part)
                if size > MAX_BYTES:  # a file that says it is smaller than it is
                    raise UserError(_("{name} has no end; choose another file.", name=path.name))
            file.seek(0)
            metadata: dict[str, str] = {}
            if _is_safetensors(head, size):
                values, metadata = _read_safetensors(path)
                tensors = tensors_in(values, path.name, key)
            else:
                tensors = _read_torch(path.name, file, head, size, key, should_stop)
    except OSError as error:
        raise UserError(
            _("{path} cannot be read ({reason}); choose another file.", path=path, reason=reason(error))
        ) from None
    return WeightsFile(
        path.name, found.hexdigest(), tensors.tensors, metadata, tensors.entry, tensors.sets, tensors.passed_over
    )


def _refuse_parts(name: str) -> None:
    """One of several files that hold a network together has layers of any network, and lacks the others."""
    part = _PART.search(name)
    if part and int(part["all"]) > 1:
        raise UserError(
            _(
                "{name} is part {number} of {all}: the weights lie in several files; save them in one.",
                name=name,
                number=int(part["number"]),
                all=int(part["all"]),
            )
        )
    if name.endswith(_INDEX):
        raise UserError(
            _("{name} only lists the files in which weights lie; save them in one file, and choose that.", name=name)
        )


def _is_safetensors(head: bytes, size: int) -> bool:
    """Eight bytes of header length, then a JSON object."""
    return len(head) > 8 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= size - 8


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise UserError(
            _(
                "{name} is a damaged safetensors file ({first_line}); get the file again.",
                name=path.name,
                first_line=_first_line(error),
            )
        ) from None


def _read_torch(name: str, file: BinaryIO, head: bytes, size: int, key: str | None, should_stop: StopCheck) -> Found:
    """What ``torch.save`` wrote, as far as it consists of tensors and plain values."""
    if head.startswith(b"PK"):
        _check_archive(name, file, size)
        reader = read_archive
    elif head[257:262] == b"ustar":
        reader = read_tar
    elif head[:1] == b"\x80":
        reader = read_stream
    elif other := next((what for mark, what in _OTHERS if head.lstrip()[: len(mark)].lower() == mark.lower()), ""):
        raise UserError(_("{name} is no weights file: it is {other}.", name=name, other=other))
    else:
        raise UserError(
            _(
                "{name} is no weights file: it is neither safetensors nor written by torch.save; choose a "
                ".safetensors, .pth, .pt or .th file of a network's state_dict.",
                name=name,
            )
        )
    file.seek(0)
    try:
        return tensors_in(reader(file, should_stop), name, key)
    except (UserError, Stopped):
        raise
    except HostileError as error:
        raise UserError(
            _(
                "{name} holds more than tensors: {error}; nothing was run, get the weights from elsewhere.",
                name=name,
                error=error,
            )
        ) from None
    except MemoryError:
        raise UserError(_("{name} asks for more memory than there is; get the file again.", name=name)) from None
    except Exception as error:  # whatever damaged bytes make of a reader: always the same to its user
        known = str(error) if isinstance(error, PickleError) else _first_line(error)
        raise UserError(
            _("{name} is damaged or no weights file ({known}); get the file again.", name=name, known=known)
        ) from None


def _check_archive(name: str, file: BinaryIO, size: int) -> None:
    """Refuse archives that are more than what torch.save writes: uncompressed tensors and one small pickle."""
    try:
        entries = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UserError(
            _(
                "{name} is a damaged archive ({first_line}); get the file again.",
                name=name,
                first_line=_first_line(error),
            )
        ) from None
    names = [entry.filename.partition("/")[2] or entry.filename for entry in entries]
    if any(inner.startswith("code/") or inner == "constants.pkl" for inner in names):
        raise UserError(
            _(
                "{name} is a TorchScript archive, which holds a program beside the weights, and programs are not "
                "run; save the network's state_dict instead.",
                name=name,
            )
        )
    if "data.pkl" not in names:
        raise UserError(_("{name} is an archive, but not one of torch.save; choose a file of a state_dict.", name=name))
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise UserError(
            _("{name} is compressed or encrypted, which torch.save never does; get the file again.", name=name)
        )
    total = sum(entry.file_size for entry in entries)
    pickled = max(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
    if total > size or len(entries) > _MAX_ENTRIES or pickled > _MAX_PICKLE:
        raise UserError(
            _("{name} claims to hold more than it can ({total} bytes); get the file again.", name=name, total=total)
        )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:160]
