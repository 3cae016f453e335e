"""Small class folders, the usual script trained on them, and a store to import into."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

SCRIPT = Path(__file__).with_name("usual_script.py")


@pytest.fixture(scope="session")
def script() -> ModuleType:
    """The script as a module, loaded from its file as a program of its own would be."""
    spec = importlib.util.spec_from_file_location("usual_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["usual_script"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten classes of coloured waves, 24 training and 12 test images each, 16 x 16."""
    root = tmp_path_factory.mktemp("waves")
    generator = np.random.default_rng(3)
    rows, columns = np.mgrid[0:16, 0:16] / 16
    for part, count in (("train", 24), ("test", 12)):
        for label in range(10):
            folder = root / part / f"wave{label}"
            folder.mkdir(parents=True)
            for number in range(count):
                phase, noise = generator.uniform(0, 6.3), generator.normal(0, 110, (16, 16, 3))
                wave = np.sin(6.3 * (rows * (label % 4) + columns * (label // 4)) + phase)[..., None]
                tint = np.array([1.0, 0.4 + 0.06 * label, 1.0 - 0.08 * label])
                pixels = 128 + 60 * wave * tint + noise
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:02}.png")
    return root


Trained = Callable[[str], tuple[Path, int, int]]


@pytest.fixture(scope="session")
def trained(script: ModuleType, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """By the place of the zeros: the checkpoint that the script saved, its own wrong answers, and its test images."""
    made: dict[str, tuple[Path, int, int]] = {}
    folder = tmp_path_factory.mktemp("checkpoints")

    def train(padding: str) -> tuple[Path, int, int]:
        if padding not in made:
            torch.manual_seed(1)
            network = script.ResNet(1, padding, width=8)
            training, testing = script.loaders(pictures, 16, 32)
            script.train(network, training, 90, 0.05)
            file = folder / f"{padding}.th"
            script.save(network, file, 90)
            made[padding] = (file, *script.wrong(network, testing))
        return made[padding]

    return train


@pytest.fixture
def store(home: Home) -> Iterator[RunStore]:
    with RunStore.open(home) as store:
        yield store


@pytest.fixture
def class_file(tmp_path: Path) -> Path:
    file = tmp_path / "classes.txt"
    file.write_text("\n".join(f"wave{label}" for label in range(10)), encoding="utf-8")
    return file
