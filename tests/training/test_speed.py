"""Measuring: real steps of the real engine, stopped at once, remembered by machine."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from resnet_studio.domain.enums import Device, Engine, Precision
from resnet_studio.domain.errors import Stopped, UserError
from resnet_studio.domain.specs import CohortSpec, RunSpec, replace
from resnet_studio.platform.training_speed import Figure, KnownSpeeds
from resnet_studio.training import speed as speed_module
from resnet_studio.training import speed_cache, speed_probe
from resnet_studio.training.engines import regions
from resnet_studio.training.engines.choose import EnginePlan
from resnet_studio.training.speed import measure
from resnet_studio.training.speed_cache import known_speeds, machine_key, remember_speeds
from resnet_studio.training.speed_probe import probe


def with_recipe(spec: RunSpec, **fields: object) -> RunSpec:
    return replace(spec, recipe=replace(spec.recipe, milestones=(), **fields))


def test_a_network_is_measured_as_it_would_train(tiny_run: RunSpec, tmp_path: Path) -> None:
    told: list[tuple[str, float | None]] = []
    speed = measure([tiny_run], tmp_path, seconds=0.1, report=lambda *news: told.append(news))
    assert (speed.device, speed.engine, speed.precision) == (Device.CPU, Engine.EAGER, Precision.FLOAT32)
    assert speed.steps >= 3 or speed.seconds > 0.03  # fewer where one takes longer than all were to
    assert speed.images_per_second == pytest.approx(16 / speed.seconds)
    assert speed.failure == ""
    assert dict.fromkeys(phase for phase, _ in told) == dict.fromkeys(
        ("probing precision", "building networks", "training")
    )


def test_a_cohort_is_measured_together(tiny_twin: CohortSpec, tmp_path: Path) -> None:
    speed = measure(tiny_twin.runs, tmp_path, seconds=0.1)
    assert speed.specs == tiny_twin.runs
    with pytest.raises(ValueError, match="too many values"):
        _ = speed.figure  # what one member takes alone cannot be told


def test_a_long_run_is_measured_compiled(tiny_run: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: call)
    told: list[str] = []
    before = set(threading.enumerate())  # a compilation of another test may go on in this process
    speed = measure(
        [with_recipe(tiny_run, engine="compiled")], tmp_path, seconds=0.1, report=lambda phase, _: told.append(phase)
    )
    assert (speed.engine, speed.failure) == (Engine.COMPILED, "")
    assert not [thread for thread in threading.enumerate() if thread.name == "compiler" and thread not in before]


def test_an_engine_may_be_given_that_no_recipe_asks_for(
    tiny_run: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[object] = []
    monkeypatch.setattr(regions.torch, "compile", lambda call, **_options: compiled.append(call) or call)
    plan = EnginePlan(Engine.COMPILED, 1)
    speed = measure([with_recipe(tiny_run, engine="eager")], tmp_path, seconds=0.1, plan=plan)
    assert (speed.engine, speed.failure) == (Engine.COMPILED, "")
    assert compiled


def test_what_cannot_be_compiled_is_measured_eagerly_and_says_so(
    tiny_run: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(regions.torch, "compile", refuse)
    speed = measure([with_recipe(tiny_run, engine="compiled")], tmp_path, seconds=0.1)
    assert speed.engine is Engine.EAGER
    assert "no compiler here" in speed.failure


@pytest.mark.parametrize("recipe", [{"augmentation": "scale-crop-flip", "scale_min": 8, "scale_max": 16,
                                     "colour": "pca", "colour_std": 0.2},
                                    {"warmup_rate": 0.01}, {"schedule": "plateau"}])  # fmt: skip
def test_every_recipe_can_be_measured(tiny_run: RunSpec, tmp_path: Path, recipe: dict[str, object]) -> None:
    assert measure([with_recipe(tiny_run, **recipe)], tmp_path, seconds=0.05).seconds > 0


def test_a_slow_network_takes_few_steps(tiny_run: RunSpec, tmp_path: Path) -> None:
    """One step of 2 000 images takes longer than the time that was asked for."""
    assert measure([with_recipe(tiny_run, batch_size=2_000)], tmp_path, seconds=0.001).steps <= 3


def test_a_stop_is_heard_at_once(tiny_run: RunSpec, tmp_path: Path) -> None:
    looks: list[None] = []

    def should_stop() -> bool:
        looks.append(None)
        return len(looks) > 20

    with pytest.raises(Stopped):
        measure([tiny_run], tmp_path, seconds=600, should_stop=should_stop)
    assert len(looks) < 30


def test_too_little_memory_is_a_sentence(tiny_run: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry(*_args: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(speed_module, "_random_batches", hungry)
    with pytest.raises(UserError, match="memory was not enough to measure ResNet-8 with batches of 16; choose"):
        measure([tiny_run], tmp_path, seconds=0.1)


def test_what_was_measured_before_a_stop_is_kept(tiny_twin: CohortSpec, tmp_path: Path) -> None:
    first, second = tiny_twin.runs
    told: list[float] = []

    def should_stop() -> bool:
        return bool(told) and told[-1] > 0.5

    with pytest.raises(Stopped):
        probe([first, second], tmp_path, seconds=0.2, should_stop=should_stop, report=lambda _, f: told.append(f or 0))
    assert [figure.network for figure in known_speeds(tmp_path).figures] == [first.network]
    assert told == sorted(told)


def test_auto_is_remembered_and_a_choice_is_not(tiny_run: RunSpec, tmp_path: Path) -> None:
    probe([tiny_run], tmp_path, seconds=0.05)
    assert known_speeds(tmp_path).device is None
    probe([with_recipe(tiny_run, device="auto")], tmp_path, seconds=0.05)
    assert known_speeds(tmp_path).device is not None
    assert known_speeds(tmp_path).precision is None


def test_figures_are_kept_by_machine(tiny_run: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = Figure(tiny_run.network, 16, 0.25, Device.CPU, Engine.EAGER, Precision.FLOAT32)
    remember_speeds(tmp_path, [figure], device=Device.CPU)
    newer = Figure(tiny_run.network, 16, 0.125, Device.CPU, Engine.EAGER, Precision.FLOAT32)
    remember_speeds(tmp_path, [newer], precision=Precision.FLOAT32)
    kept = KnownSpeeds(Device.CPU, Precision.FLOAT32, (figure, newer))
    assert known_speeds(tmp_path) == kept
    key = machine_key()
    with monkeypatch.context() as patch:
        patch.setattr(speed_cache, "machine_key", lambda: f"another {key}")
        assert known_speeds(tmp_path) == KnownSpeeds()
        remember_speeds(tmp_path, [figure])
    assert known_speeds(tmp_path) == kept


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"KEY": {"figures": [{}]}}', '{"KEY": 3}'])
def test_a_cache_that_cannot_be_read_is_measured_anew(tiny_run: RunSpec, tmp_path: Path, text: str) -> None:
    (tmp_path / "speeds.json").write_text(text.replace("KEY", machine_key()), encoding="utf-8")
    assert known_speeds(tmp_path) == KnownSpeeds()
    speed_probe.remember(measure([tiny_run], tmp_path, seconds=0.01), tmp_path)
    assert len(known_speeds(tmp_path).figures) == 1
