"""What the doctor says of speed: real probes of this machine, and what follows from what they found."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch

from resnet_studio.cli.check import Check, State
from resnet_studio.cli.check_speed import speed_checks
from resnet_studio.domain.enums import Device, Engine, Precision
from resnet_studio.domain.specs import NetworkSpec
from resnet_studio.platform.home import Home
from resnet_studio.platform.host import compiler
from resnet_studio.platform.training_speed import LONG_ENOUGH, Figure
from resnet_studio.training.engines.choose import gain_subject, remember_gain
from resnet_studio.training.memory_format import channels_last_gain
from resnet_studio.training.speed_cache import remember_speeds

from .conftest import Said, one_core

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="what is said of a GPU is other")
needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C++ compiler")


def said(home: Home) -> dict[str, Check]:
    with one_core():
        return {check.name: check for check in speed_checks(home)}


def number(text: str) -> float:
    found = re.search(r"(\d+\.\d+) times as fast", text)
    assert found, text
    return float(found[1])


@needs_compiler
def test_what_was_chosen_and_why(home: Home) -> None:
    checks = said(home)
    assert all(check.state is State.OK for check in checks.values())
    assert checks["compiler"].value == compiler()
    precision = checks["precision"].value
    assert precision.startswith("bfloat16" if number(precision) >= 1.15 else "float32")
    assert 0.1 < number(checks["memory layout"].value) < 20
    assert checks["engine of a short run"].value.startswith("eager: below 5 000 iterations")
    assert checks["engine of a long run"].value.startswith("compiled after 1000: from 5 000 iterations")
    assert "not measured here yet" in checks["compiled steps"].value
    assert str(home.cache) in checks["measured speeds"].value
    assert "--precision, --layout, --engine and --device" in checks["to choose otherwise"].value


def test_without_a_compiler_training_stays_eager(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(home.root))
    checks = said(home)
    assert checks["compiler"].value == "no compiler: training stays eager"
    assert checks["compiler"].state is State.NOTE
    assert "C++ compiler" in checks["compiler"].advice
    for name in ("engine of a short run", "engine of a long run"):
        assert checks[name].value == "eager: nothing can be compiled here"


@needs_compiler
def test_what_compiling_brought_is_said_of_each_network(home: Home) -> None:
    for depth, gain in ((20, 1.31), (56, 1.2)):
        remember_gain(CPU, Precision.AUTO, home.cache, gain_subject(NetworkSpec(depth=depth), 128), gain)
    checks = said(home)
    told = "times as fast as eager ones: 1.31 for ResNet-20 in batches of 128, 1.20 for ResNet-56 in batches of 128"
    assert checks["compiled steps"].value == told
    for number_of in range(8):
        remember_gain(CPU, Precision.AUTO, home.cache, gain_subject(NetworkSpec(width=number_of + 1), 128), 0.9)
    many = said(home)["compiled steps"]
    assert many.value.count("ResNet") + len(many.details) == 10


def test_measured_speeds_are_counted(home: Home) -> None:
    networks = (NetworkSpec(depth=20), NetworkSpec(depth=56))
    figures = [
        Figure(network, 128, seconds, Device.CPU, Engine.EAGER, Precision.FLOAT32)
        for network, seconds in zip(networks, (0.1, 0.3), strict=True)
    ]
    with one_core():  # figures of another number of cores say nothing
        remember_speeds(home.cache, figures)
    assert said(home)["measured speeds"].value.startswith("of 2 networks, fastest ResNet-20 1 280 images/s (eager)")


def test_a_probe_answers_the_same_twice() -> None:
    with one_core():
        once, again = (channels_last_gain(CPU, Precision.FLOAT32) for _ in range(2))
    assert once == pytest.approx(again, rel=0.5)


def test_the_doctor_shows_it(at_home: Callable[..., Said]) -> None:
    told = at_home("doctor", "--json")
    assert told.code == 0, told.out
    names = [check["name"] for check in told.json["checks"]]
    wanted = {"compiler", "precision", "memory layout", "compiled steps", "engine of a long run", "measured speeds"}
    assert wanted <= set(names)
    assert LONG_ENOUGH == 5000  # the words above
