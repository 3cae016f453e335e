"""Damaged inputs of each kind, and the command lines that meet them."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from resnet_studio.__main__ import start
from resnet_studio.domain.documents import to_toml
from resnet_studio.domain.specs import RunSpec, twin
from resnet_studio.history.sqlite.storage import FILE_NAME

from .damage import ODD_TEXTS, damaged

Command = list[str]
_TRAIN = (
    "train",
    "--depth",
    "8",
    "--width",
    "4",
    "--image-size",
    "8",
    "--batch-size",
    "4",
    "--device",
    "cpu",
    "--precision",
    "float32",
    "--milestones",
    "none",
    "--iterations",
    "4",
    "--test-every",
    "2",
    "--twin",
)


@dataclass(frozen=True)
class Place:
    """Folders of one attack: ``home`` may be written, ``inputs`` only by the attack, ``victim`` by nobody.

    ``template`` is the home as it was made: with a finished twin, an evaluation and checkpoints.
    """

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def template(self) -> Path:
        return self.root / "template"

    @property
    def inputs(self) -> Path:
        return self.root / "inputs"

    @property
    def outputs(self) -> Path:
        """The current folder of every command."""
        return self.root / "outputs"

    @property
    def victim(self) -> Path:
        return self.root / "victim"

    @property
    def marker(self) -> Path:
        """A file that comes into being where code out of an input is run."""
        return self.root / "ran"

    def make(self) -> None:
        """Folders, pictures, and the template's home; prints what training prints."""
        for folder in (self.inputs, self.victim):
            folder.mkdir(parents=True)
        (self.victim / "keep.txt").write_text("as it was")
        noise = np.random.default_rng(0)
        for part, count in (("train", 4), ("test", 2)):
            for name in ("cat", "dog"):
                folder = self.root / "images" / part / name
                folder.mkdir(parents=True)
                for number in range(count):
                    pixels = noise.integers(0, 255, (8, 8, 3), np.uint8)
                    Image.fromarray(pixels).save(folder / f"{number}.png")
        home = ["--home", str(self.template)]
        images = f"folder:{self.root / 'images'}"
        if start([*home, *_TRAIN, "--data", images]) or start(
            [*home, "evaluate", "--run", "ResNet-8", "--data", images]
        ):
            raise RuntimeError("the template could not be made")
        self.reset()

    def reset(self) -> None:
        """The home as it was made."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.template, self.home)

    def run_ids(self) -> list[str]:
        return sorted(path.name for path in (self.template / "runs").iterdir())


class Kind:
    """Damages one input after another. ``every`` inputs the home is made anew."""

    name = ""
    every = 50

    def __init__(self, place: Place) -> None:
        self.place = place

    def prepare(self, number: int, draw: random.Random) -> Command:
        """Put one damaged input in place; the command line that meets it, without ``--home``."""
        raise NotImplementedError

    def after(self) -> None:
        """What the next input must not meet."""


class Images(Kind):
    name = "images"
    every = 1000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._sound = list(_pictures())

    def prepare(self, number: int, draw: random.Random) -> Command:
        suffix, data = draw.choice(self._sound)
        if draw.random() < 0.1:
            suffix = draw.choice((".png", ".jpg", ".gif", ".webp", ".tif", ".bmp", ".ppm"))
        file = self.place.inputs / f"image{suffix}"
        file.write_bytes(damaged(data, draw))
        self._file = file
        return ["classify", "--run", "ResNet-8", "--device", "cpu", str(file)]

    def after(self) -> None:
        self._file.unlink(missing_ok=True)


def _pictures() -> Iterator[tuple[str, bytes]]:
    """Suffix and bytes of small sound pictures in every format and most of their forms."""
    noise = np.random.default_rng(1)
    colour = Image.fromarray(noise.integers(0, 255, (24, 20, 3), np.uint8))
    alpha = Image.fromarray(noise.integers(0, 255, (24, 20, 4), np.uint8))
    grey16 = Image.fromarray(noise.integers(0, 65535, (24, 20), np.uint16))
    exif = Image.Exif()
    exif[274] = 6
    forms: list[tuple[Image.Image, str, dict[str, Any]]] = [
        (colour, "PNG", {}),
        (alpha, "PNG", {}),
        (grey16, "PNG", {}),
        (colour.convert("P"), "PNG", {}),
        (colour, "JPEG", {}),
        (colour, "JPEG", {"progressive": True, "exif": exif}),
        (colour.convert("CMYK"), "JPEG", {}),
        (colour.convert("L"), "JPEG", {"comment": b"text"}),
        (colour, "BMP", {}),
        (alpha, "BMP", {}),
        (colour.convert("1"), "BMP", {}),
        (colour, "WEBP", {"lossless": True}),
        (alpha, "WEBP", {}),
        (colour, "GIF", {"save_all": True, "append_images": [colour.rotate(90)]}),
        (colour, "TIFF", {}),
        (colour, "TIFF", {"compression": "tiff_lzw"}),
        (colour, "TIFF", {"compression": "jpeg"}),
        (grey16, "TIFF", {}),
        (colour.convert("F"), "TIFF", {}),
        (colour.convert("CMYK"), "TIFF", {}),
        (colour, "PPM", {}),
        (colour.convert("L"), "PPM", {}),
        (colour.convert("1"), "PPM", {}),
    ]
    suffixes = {
        "PNG": ".png",
        "JPEG": ".jpg",
        "BMP": ".bmp",
        "WEBP": ".webp",
        "GIF": ".gif",
        "TIFF": ".tif",
        "PPM": ".ppm",
    }
    for picture, form, options in forms:
        buffer = io.BytesIO()
        picture.save(buffer, form, **options)
        yield suffixes[form], buffer.getvalue()
    yield ".ppm", b"P3\n2 2\n255\n" + b"1 2 3 " * 4
    yield ".pgm", b"P2\n2 2\n65535\n1 2 3 4\n"


class Weights(Kind):
    name = "weights"
    every = 100

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._sound = list(_weights(place))

    def prepare(self, number: int, draw: random.Random) -> Command:
        if draw.random() < 0.15:
            suffix, data = draw.choice((".pth", ".pt", ".ckpt")), _payload(self.place.marker, draw)
        else:
            suffix, sound = draw.choice(self._sound)
            data = damaged(sound, draw)
        self._file = self.place.inputs / f"weights{suffix}"
        self._file.write_bytes(data)
        more = draw.choice(((), (), ("--depth", "8"), ("--weights-key", draw.choice(ODD_TEXTS))))
        return ["weights", "import", str(self._file), *_words(more)]

    def after(self) -> None:
        self._file.unlink(missing_ok=True)


def _weights(place: Place) -> Iterator[tuple[str, bytes]]:
    """The template's network in each file format."""
    import torch
    from safetensors.torch import load_file, save

    (file,) = (place.template / "runs" / place.run_ids()[0]).glob("checkpoints/*/weights.safetensors")
    tensors = load_file(file)
    yield ".safetensors", save(tensors)
    for value in (tensors, {"state_dict": tensors, "epoch": 3}, {"model": tensors, "ema": tensors}):
        for new in (True, False):
            buffer = io.BytesIO()
            torch.save(value, buffer, _use_new_zipfile_serialization=new)
            yield ".pth", buffer.getvalue()


class _Call:
    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._made = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._made


def _payload(marker: Path, draw: random.Random) -> bytes:
    """A pickle, or a file as torch.save writes it, that would run code."""
    import torch

    touch = f"touch {marker}"
    write = f"open({str(marker)!r}, 'w').close()"
    call = draw.choice(
        (
            _Call(os.system, touch),
            _Call(eval, write),
            _Call(exec, write),
            _Call(os.mkdir, str(marker)),
            _Call(open, str(marker), "w"),
            _Call(__import__, "antigravity"),
        )
    )
    value: object = draw.choice((call, {"state_dict": call}, {"conv1.weight": call, "x": torch.zeros(2)}, [call] * 3))
    if draw.random() < 0.5:
        data = pickle.dumps(value, protocol=draw.choice((0, 2, 4)))
    else:
        buffer = io.BytesIO()
        torch.save(value, buffer, _use_new_zipfile_serialization=draw.random() < 0.5)
        data = buffer.getvalue()
    return damaged(data, draw) if draw.random() < 0.3 else data


class Checkpoints(Kind):
    name = "checkpoints"
    every = 1

    def prepare(self, number: int, draw: random.Random) -> Command:
        runs = self.place.home / "runs"
        shutil.rmtree(runs)
        shutil.copytree(self.place.template / "runs", runs)
        if number % 20 == 0:
            self.place.reset()
        files = sorted(path for path in runs.rglob("*") if path.is_file())
        for _unused in range(draw.choice((1, 1, 2))):
            _change_file(draw.choice(files), draw)
        run = draw.choice(self.place.run_ids())
        image = str(self.place.root / "images" / "test" / "cat" / "0.png")
        out = str(self.place.home / "export.safetensors")
        return draw.choice(
            (
                ["classify", "--run", run, "--device", "cpu", image],
                ["weights", "export", run, out],
                ["runs", "show", run],
                ["doctor", "--json"],
                ["runs", "export", run],
                ["resume", run],
                ["evaluate", "--run", run, "--device", "cpu", "--data", f"folder:{self.place.root / 'images'}"],
            )
        )


def _change_file(file: Path, draw: random.Random) -> None:
    way = draw.random()
    if not file.is_file():
        return
    data = file.read_bytes()
    if way < 0.7:
        file.write_bytes(
            _odd_json(data, draw) if file.suffix == ".json" and draw.random() < 0.7 else damaged(data, draw)
        )
        return
    file.unlink()
    if way < 0.75:
        os.mkfifo(file)
    elif way < 0.8:
        file.mkdir()
    elif way < 0.85:
        file.symlink_to(draw.choice(("/dev/zero", "/etc/passwd", file.name, "../../../../victim/keep.txt")))
    elif way < 0.9:
        file.write_bytes(b"")


def _odd_json(data: bytes, draw: random.Random) -> bytes:
    """The same document with one value, at any depth, replaced."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):  # damaged before, see below
        return damaged(data, draw)
    here = value
    while True:
        key = draw.choice(sorted(here))
        if isinstance(here[key], dict) and here[key] and draw.random() < 0.7:
            here = here[key]
            continue
        here[key] = draw.choice(
            (None, [], {}, -1, 2**70, 1e308, float("inf"), float("nan"), True, draw.choice(ODD_TEXTS))
        )
        break
    text = json.dumps(value)
    return (text.replace("null", "[" * 100_000, 1) if draw.random() < 0.03 else text).encode("utf-8", "replace")


class Databases(Kind):
    name = "databases"
    every = 1

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._file = place.home / FILE_NAME
        self._sound = (place.template / FILE_NAME).read_bytes()
        self._columns = list(_columns(place.template / FILE_NAME))

    def prepare(self, number: int, draw: random.Random) -> Command:
        for other in self.place.home.glob("history*"):
            other.unlink()
        shutil.rmtree(self.place.home / "backups", ignore_errors=True)
        self._file.write_bytes(self._sound)
        if draw.random() < 0.6:
            for _unused in range(draw.choice((1, 1, 1, 3))):
                _odd_value(self._file, draw, self._columns)
        else:
            self._file.write_bytes(damaged(self._sound, draw))
        run = draw.choice((*self.place.run_ids(), "ResNet-8", "plain-8"))
        lines: tuple[Command, ...] = (
            ["runs", "list"],
            ["runs", "list", "--json"],
            ["runs", "list", "--deleted"],
            ["runs", "show", run],
            ["runs", "export", run],
            ["runs", "export", "--json", run],
            ["doctor"],
            ["evaluations"],
            ["evaluations", "--json"],
            ["compare", "ResNet-8", "plain-8"],
            ["diff", "ResNet-8", "plain-8"],
            ["conformity", run],
            ["runs", "delete", run],
            ["runs", "restore", run],
            ["runs", "purge"],
            ["study", "list"],
            ["weights", "export", run, str(self.place.home / "out.safetensors")],
            ["classify", "--run", run, "--device", "cpu", str(self.place.root / "images" / "test" / "cat" / "0.png")],
        )
        return list(draw.choice(lines))


def _columns(file: Path) -> Iterator[tuple[str, str]]:
    connection = sqlite3.connect(file)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        yield from ((table, row[1]) for row in connection.execute(f'PRAGMA table_info("{table}")'))
    connection.close()


def _odd_value(file: Path, draw: random.Random, columns: list[tuple[str, str]]) -> None:
    table, column = draw.choice(columns)
    value: object = draw.choice(
        (
            None,
            -1,
            0,
            2**62,
            -(2**62),
            1e308,
            float("inf"),
            b"\x00\xff",
            draw.randbytes(20),
            "x" * 100_000,
            "[" * 50_000,
            "{",
            "null",
            "[1]",
            '{"a": 1}',
            "2026-99-99 00:00:00",
            "0001-01-01 00:00:00.000000",
            draw.choice(ODD_TEXTS).encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
        )
    )
    connection = sqlite3.connect(file)
    try:
        rows = [row for (row,) in connection.execute(f'SELECT rowid FROM "{table}" ORDER BY rowid')]
        if rows:
            statement = f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?'
            connection.execute(statement, (value, draw.choice(rows)))
            connection.commit()
    except sqlite3.Error:
        pass  # what the database itself refuses needs no more
    finally:
        connection.close()


class RunFiles(Kind):
    name = "run-files"
    every = 10_000

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._sound = [to_toml(RunSpec()), to_toml(twin(RunSpec()))]
        self._out = place.home / "drawn.svg"

    def prepare(self, number: int, draw: random.Random) -> Command:
        self._file = self.place.inputs / "run.toml"
        text = draw.choice(self._sound)
        way = draw.random()
        if way < 0.3:
            self._file.write_bytes(damaged(text.encode(), draw))
        else:
            self._file.write_text(_odd_toml(text, draw), encoding="utf-8", errors="surrogatepass")
        file = str(self._file)
        return draw.choice(
            (
                ["conformity", file],
                ["conformity", "--json", file],
                ["diff", "plain-34", file],
                ["diff", file, "--json", "resnet-50"],
            )
        )

    def after(self) -> None:
        self._file.unlink(missing_ok=True)


_TOML = (-1, 0, 10**18, 10**400, "1e999", "nan", "-inf", "[]", "{}", "true", "1979-05-27")


def _odd_toml(text: str, draw: random.Random) -> str:
    lines = text.splitlines()
    for _unused in range(draw.choice((1, 1, 2, 5))):
        place = draw.randrange(len(lines))
        name = lines[place].partition("=")[0].strip() or "x"
        lines[place] = draw.choice(
            (
                f"{name} = {draw.choice(ODD_TEXTS)}",
                f"{name} = {json.dumps(draw.choice(ODD_TEXTS))}",
                f"{name} = {draw.choice(_TOML)}",
                f"{name} = [{', '.join(['1'] * draw.choice((1, 9, 5000)))}]",
                f"{name} = " + "[" * draw.choice((3, 5000)),
                f"[{name}]",
                f"[[{name}]]",
                f"{name}{'.a' * draw.choice((2, 5000))} = 1",
                "",
                f"{name} = '''",
                f"{lines[place]}\n{lines[place]}",
                f"{name} = {{ a = {{ b = 1 }} }}",
            )
        )
    return "\n".join(lines)


_LINES: tuple[tuple[Command, tuple[str, ...]], ...] = (
    (["runs", "list"], ("--status", "--study", "--deleted", "--json")),
    (["runs", "show"], ("--against", "--json")),
    (["runs", "delete"], ()),
    (["runs", "restore"], ()),
    (["runs", "purge"], ("--older-than",)),
    (["runs", "export"], ("--output", "--conformity", "--json")),
    (["compare"], ("--csv", "--table", "--svg", "--json")),
    (["conformity"], ("--differences", "--json")),
    (["diff"], ("--against", "--svg", "--scale", "--folded", "--json")),
    (["network"], ("--json", "--depth", "--width")),
    (["classify"], ("--run", "--top", "--device", "--json", "--views")),
    (["evaluations"], ("--run", "--json")),
    (["evaluate"], ("--run", "--data", "--ensemble", "--data-draw", "--device", "--csv", "--json")),
    (["weights", "import"], ("--mean", "--std", "--pixel-mean", "--classes", "--image-size", "--weights-key")),
    (["weights", "export"], ("--format",)),
    (["data", "list"], ("--json",)),
    (["data", "show"], ("--data-draw", "--json")),
    (["recipes"], ("--json",)),
    (["study", "list"], ("--json",)),
    ([], ("--version", "--help", "-h", "--x")),
    (["train", "--depth", "7"], ("--width", "--learning-rate", "--milestones", "--data", "--start-from", "--name")),
    (["nonsense"], ("--x",)),
    (["resume"], ()),
    (["data"], ("--help",)),
    (["data", "download", "nothing"], ("--yes",)),
)


class CommandLines(Kind):
    name = "commands"
    every = 200

    def prepare(self, number: int, draw: random.Random) -> Command:
        command, options = draw.choice(_LINES)
        line = list(command)
        for _unused in range(draw.choice((0, 1, 1, 2, 3, 6))):
            if options and draw.random() < 0.6:
                line.append(draw.choice(options))
            if draw.random() < 0.75:
                line.append(self._word(draw))
        return _words(line) if line else ["--version"]

    def _word(self, draw: random.Random) -> str:
        known = ("ResNet-8", "plain-8", "resnet-34", "plain-20", *self.place.run_ids(), self.place.run_ids()[0][:4])
        files = (str(self.place.root / "images"), str(self.place.victim), str(self.place.home / "out.csv"))
        return draw.choice(ODD_TEXTS if draw.random() < 0.6 else (*known, *files))


def _words(line: Any) -> Command:
    """As a shell can hand them on: no null character, and surrogates only where bytes are no text."""
    return [str(word).replace("\0", "").replace("\ud800", "\udc80") for word in line]


KINDS: tuple[type[Kind], ...] = (Databases, Checkpoints, Weights, Images, RunFiles, CommandLines)
