"""bench: measured and scaled figures, refusals, and what a signal leaves."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from resnet_studio.cli.commands import bench
from resnet_studio.cli.progress_bar import ProgressBar
from resnet_studio.domain.enums import Engine
from resnet_studio.training.speed_cache import known_speeds

from ..waiting import HANG_SECONDS, wait_until
from .conftest import Said, one_core, say
from .test_process import COMMAND, environment

QUICK = ("--batch-size", "2", "--engine", "eager", "--precision", "float32", "--device", "cpu", "--seconds", "0.05")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.toml"
    network = ("--depth", "8", "--width", "4", "--image-size", "8", "--batch-size", "16", "--milestones", "none")
    assert say("train", *network, "--dry-run", "--save", file).code == 0
    return file


def test_a_network_is_measured_and_remembered(at_home: Callable[..., Said], tiny: Path, tmp_path: Path) -> None:
    said = at_home("bench", tiny, *QUICK, "--json")
    assert said.err == ""
    assert said.code == 0
    (row,) = said.json["networks"]
    assert (row["network"], row["batch_size"], row["engine"], row["measured"]) == ("ResNet-8", 2, "eager", True)
    assert row["images_per_second"] == pytest.approx(2000 / row["step_ms"])
    assert row["paper_seconds"] == pytest.approx(64_000 * 128 / row["images_per_second"])
    with one_core():  # as it was measured: figures are kept by machine
        (figure,) = known_speeds(tmp_path / "home" / "cache").figures
    assert (figure.network.label, figure.engine) == ("ResNet-8", Engine.EAGER)


def test_what_does_not_fit_into_the_time_is_scaled(at_home: Callable[..., Said]) -> None:
    said = at_home("bench", *QUICK, "--minutes", "0.0001")
    assert said.code == 0
    rows = [line for line in said.out.splitlines() if "64 000 x 128" in line]
    assert [row.split("│")[1].strip() for row in rows] == [
        *(f"plain-{depth}" for depth in (20, 32, 44, 56, 110)), *(f"ResNet-{depth}" for depth in (20, 32, 44, 56, 110)),
    ]  # fmt: skip
    measured = [row for row in rows if "≈" not in row]
    assert [row.split("│")[1].strip() for row in measured] == ["ResNet-20"]
    assert "scaled by multiply-adds from ResNet-20." in said.out
    assert "would not have been enough" in said.out


def test_imagenet_s_networks_have_their_own_recipe(at_home: Callable[..., Said]) -> None:
    said = at_home("bench", "resnet-18", *QUICK, "--json")
    (row,) = said.json["networks"]
    assert (row["paper_iterations"], row["paper_batch_size"], row["batch_size"]) == (600_000, 256, 2)


def test_a_busy_machine_is_told(at_home: Callable[..., Said], tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.os, "getloadavg", lambda: (99.0, 0.0, 0.0), raising=False)
    assert "Other programs were busy (load 99.0" in at_home("bench", tiny, *QUICK).out
    monkeypatch.setattr(bench.os, "getloadavg", lambda: (0.0, 0.0, 0.0), raising=False)
    assert "busy" not in at_home("bench", tiny, *QUICK).out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("resnet-21x",), "is not the name of a network"),
        (("resnet-20", "--engine", "graphed", "--device", "cpu"), "The graphed engine needs CUDA"),
        (("resnet-20", "--precision", "tf32", "--device", "cpu"), "tf32 needs CUDA"),
        (("resnet-20", "--batch-size", "0"), "batch-size"),
        (("--set", "mnist"), "mnist"),
    ],
)
def test_refusals_are_sentences(at_home: Callable[..., Said], arguments: tuple[str, ...], sentence: str) -> None:
    said = at_home("bench", *arguments)
    assert said.code == 2
    assert said.out == ""
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1


def test_a_signal_keeps_what_was_measured(tmp_path: Path, tiny: Path) -> None:
    home = tmp_path / "home"
    arguments = ("bench", str(tiny), "resnet-1202", "--home", str(home), "--batch-size", "4", "--engine", "eager",
                 "--device", "cpu", "--precision", "float32", "--seconds", "0.05")  # fmt: skip
    with (
        one_core(),
        subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        ) as process,
    ):
        wait_until((home / "cache" / "speeds.json").exists, still=lambda: process.poll() is None)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130
    assert "ResNet-8" in out
    assert said.splitlines()[-1] == "Stopped after 1 of 2 networks."


def test_time_left_is_said_once_it_can_be(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Over pieces of work whose fractions go on where the last one ended."""
    now = 0.0
    monkeypatch.setattr("resnet_studio.cli.progress_bar.time.monotonic", lambda: now)
    with ProgressBar("Measuring") as work:
        for second, (detail, fraction) in enumerate([("a", 0.0), ("a", 0.001), ("b", 0.5), ("b", 0.1), ("b", 0.2)]):
            now = 10.0 * (second + 1)
            work.report(detail, fraction)
    assert capsys.readouterr().err.splitlines() == [
        "Measuring: a 0%",
        "Measuring: a 0%",
        "Measuring: b 50%, 20 s left",
        "Measuring: b 10%",
        "Measuring: b 20%, 1 min 20 s left",
    ]
