"""Weights files of any kind as named tensors; nothing in them is ever run.

``.safetensors`` holds tensors alone. PyTorch's own files are opened with ``weights_only=True``, after a look at what
the archive claims: an archive can name sizes it does not have.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import warnings
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.events import StopCheck, never_stop
from resnet_studio.networks.foreign.state_dicts import tensors_in

MAX_BYTES = 1 << 32  # ResNet-152 C has 0.4 GB; ten times that is no network of this family
_MAX_PICKLE = 1 << 26  # the names of 1202 layers take less than a megabyte
_MAX_ENTRIES = 200_000
_READ = 1 << 22


@dataclass(frozen=True, eq=False)
class WeightsFile:
    """What a file holds: CPU tensors by name, safetensors' own text metadata, and where it came from.

    Attributes:
        entry: The key of the dictionary the tensors lay under (``state_dict``), empty where they lay at the top.
        others: Further keys that held tensors too, such as ``ema``; they were not taken.
    """

    name: str
    sha256: str
    tensors: dict[str, Tensor]
    metadata: dict[str, str] = field(default_factory=dict)
    entry: str = ""
    others: tuple[str, ...] = ()


def read(path: Path, should_stop: StopCheck = never_stop) -> WeightsFile:
    """Read every tensor of ``path``.

    Raises:
        UserError: If it is missing, no weights file, damaged, too large, or holds more than tensors and plain values.
        Stopped: Within a second of ``should_stop`` saying so, while the digest is taken.
    """
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise UserError(f"{path} is a folder; choose one weights file in it.")
        if size > MAX_BYTES:
            raise UserError(f"{path.name} has {size / 2**30:.1f} GiB; weights files of at most 4 GiB are read.")
        found = hashlib.sha256()
        with path.open("rb") as file:
            head = file.read(16)
            file.seek(0)
            while part := file.read(_READ):
                if should_stop():
                    raise Stopped
                found.update(part)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}); choose another file.") from None
    sha256 = found.hexdigest()
    if _is_safetensors(head, size):
        tensors, metadata = _read_safetensors(path)
        return WeightsFile(path.name, sha256, tensors, metadata)
    values = _read_torch(path, head)
    tensors, entry, others = tensors_in(values, path.name)
    return WeightsFile(path.name, sha256, tensors, {}, entry, others)


def _is_safetensors(head: bytes, size: int) -> bool:
    """Eight bytes of header length, then a JSON object."""
    return len(head) > 8 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= size - 8


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError) as error:
        raise UserError(
            f"{path.name} is a damaged safetensors file ({_first_line(error)}); get the file again."
        ) from None


def _read_torch(path: Path, head: bytes) -> object:
    """The object that ``torch.save`` wrote, as far as it consists of tensors and plain values."""
    if head.startswith(b"PK"):
        _check_archive(path)
    elif head[:1] != b"\x80":
        raise UserError(
            f"{path.name} is no weights file: it is neither safetensors nor written by torch.save; choose a "
            ".safetensors, .pth, .pt or .th file of a network's state_dict."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch remarks on old or odd files is no news to anybody here
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path.name} holds more than tensors ({_culprit(error)}), and opening such objects could run code, so it "
            "is left closed; save the weights alone, with torch.save(network.state_dict(), FILE)."
        ) from None
    except MemoryError:
        raise UserError(f"{path.name} asks for more memory than there is; get the file again.") from None
    except Exception as error:  # whatever damaged bytes make of a reader: always the same to its user
        raise UserError(
            f"{path.name} is damaged or no weights file ({_first_line(error)}); get the file again."
        ) from None


def _check_archive(path: Path) -> None:
    """Refuse archives that are more than what torch.save writes: uncompressed tensors and one small pickle."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UserError(f"{path.name} is a damaged archive ({_first_line(error)}); get the file again.") from None
    names = [entry.filename.partition("/")[2] or entry.filename for entry in entries]
    if any(name.startswith("code/") or name == "constants.pkl" for name in names):
        raise UserError(
            f"{path.name} is a TorchScript archive, which holds a program beside the weights, and programs are not "
            "run; save the network's state_dict instead."
        )
    if "data.pkl" not in names:
        raise UserError(f"{path.name} is an archive, but not one of torch.save; choose a file of a state_dict.")
    if any(entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 for entry in entries):
        raise UserError(f"{path.name} is compressed or encrypted, which torch.save never does; get the file again.")
    total = sum(entry.file_size for entry in entries)
    pickled = max(entry.file_size for entry in entries if entry.filename.endswith(".pkl"))
    if total > path.stat().st_size or len(entries) > _MAX_ENTRIES or pickled > _MAX_PICKLE:
        raise UserError(f"{path.name} claims to hold more than it can ({total} bytes); get the file again.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:160]


def _culprit(error: BaseException) -> str:
    """What torch refused to open, from its own words."""
    text = str(error)
    for mark in ("GLOBAL ", "Unsupported global: "):
        if mark in text:
            return text.split(mark, 1)[1].split()[0].strip("`'\".,")
    return "an object"
