"""Expected times: measured, scaled, told by stored runs, or unknown."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, datetime

import pytest

from resnet_studio.domain.enums import Block, Device, Engine, Precision, RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import CohortSpec, NetworkSpec, RecipeSpec, RunSpec, replace, twin
from resnet_studio.platform import training_speed
from resnet_studio.platform.host import cpu_name
from resnet_studio.platform.training_speed import (
    KEPT_FIGURES,
    Figure,
    KnownSpeeds,
    expected,
    figure_of,
    likely_engine,
    quickly,
    spread,
    with_figures,
    with_runs,
)

RUN = RunSpec(network=NetworkSpec(depth=20), recipe=RecipeSpec(iterations=1000, milestones=()))
CPU = KnownSpeeds(Device.CPU, Precision.FLOAT32)


def alone(spec: RunSpec) -> CohortSpec:
    return CohortSpec(runs=(spec,))


def figure(depth: int = 20, seconds: float = 0.1, engine: Engine = Engine.EAGER, **fields: object) -> Figure:
    network = NetworkSpec(depth=depth, block=fields.pop("block", Block.BASIC))
    values = {"batch_size": 128, "device": Device.CPU, "precision": Precision.FLOAT32, **fields}
    return Figure(network, seconds=seconds, engine=engine, **values)  # type: ignore[arg-type]


def known(*figures: Figure) -> KnownSpeeds:
    return changed(CPU, figures=figures)


def record(spec: RunSpec, **fields: object) -> RunRecord:
    moment = datetime(2024, 5, 1, tzinfo=UTC)
    made = RunRecord(
        id="1", cohort_id="c", name="", status=RunStatus.FINISHED, reason="", spec=spec, iteration=100,
        training_error=None, test_error=None, best_test_error=None, parameters=1, multiply_adds=1,
        weights_sha256=None, created_at=moment, updated_at=moment, seconds=20.0, colour="#0072B2",
        environment={"device": "cpu", "device_name": cpu_name(), "precision": "float32", "engine": "eager"},
    )  # fmt: skip
    return changed(made, **fields)  # type: ignore[arg-type]


def test_nothing_is_expected_where_nothing_is_known() -> None:
    assert expected(alone(RUN), KnownSpeeds()) is None
    assert expected(alone(RUN), known(figure(device=Device.CUDA))) is None
    assert expected(alone(RUN), known(figure(precision=Precision.BFLOAT16))) is None
    tiny = replace(RUN.network, depth=8, width=4, image_size=8)
    assert expected(alone(RUN), known(changed(figure(), network=tiny))) is None


def test_a_measured_network_is_exact() -> None:
    found = expected(alone(RUN), known(figure(seconds=0.5), figure(32)))
    assert found is not None
    assert (found.exact, found.sources) == (True, ())
    assert found.seconds == pytest.approx(500)
    assert found.images_per_second == pytest.approx(256)


def test_other_batches_and_networks_are_scaled_from_the_nearest_of_the_kin() -> None:
    half = replace(RUN, recipe=replace(RUN.recipe, batch_size=64))
    found = expected(alone(half), known(figure()))
    assert found is not None
    assert not found.exact
    assert found.step_seconds == pytest.approx(0.05)
    deeper = replace(RUN, network=NetworkSpec(depth=44))
    found = expected(alone(deeper), known(figure(), figure(56, 0.3), figure(56, 0.2, block=Block.PLAIN)))
    assert found is not None
    assert found.sources == ("ResNet-56",)
    assert found.step_seconds == pytest.approx(0.3 * 97.17 / 125.5, rel=1e-3)


def test_members_of_a_twin_step_in_turn() -> None:
    found = expected(twin(RUN), known(figure(), figure(block=Block.PLAIN, seconds=0.08)))
    assert found is not None
    assert found.exact
    assert found.step_seconds == pytest.approx(0.18)


def test_the_figure_of_the_likely_engine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_speed, "compiler", lambda: "c++")
    long = replace(RUN, recipe=replace(RUN.recipe, iterations=64_000))
    both = known(figure(), figure(seconds=0.07, engine=Engine.COMPILED))
    for spec, seconds in ((RUN, 0.1), (long, 0.07)):
        found = expected(alone(spec), both)
        assert found is not None
        assert found.step_seconds == seconds
    assert likely_engine(long.recipe, Device.CUDA) is Engine.GRAPHED
    monkeypatch.setattr(training_speed, "compiler", lambda: None)
    assert likely_engine(long.recipe, Device.CPU) is Engine.EAGER


def test_stored_runs_count_beside_what_was_measured() -> None:
    found = with_runs(KnownSpeeds(), [record(RUN), record(RUN, seconds=90.0)])
    assert (found.device, found.precision) == (Device.CPU, Precision.FLOAT32)
    assert [one.seconds for one in found.figures] == [pytest.approx(0.9), pytest.approx(0.2)]  # the newest last
    assert [one.seconds for one in with_runs(known(figure()), [record(RUN)]).figures] == [pytest.approx(0.2), 0.1]


def test_a_figure_from_a_busy_machine_is_outvoted_and_forgotten() -> None:
    quiet = tuple(figure(seconds=seconds) for seconds in (0.1, 0.101, 0.099, 0.102))
    busy = figure(seconds=0.9)
    found = expected(alone(RUN), known(*quiet, busy))
    assert found is not None
    assert found.seconds == pytest.approx(101)
    assert found.high_seconds < 115
    mostly_busy = expected(alone(RUN), known(quiet[0], busy, busy, busy))
    assert mostly_busy is not None
    assert mostly_busy.seconds == pytest.approx(900)
    assert mostly_busy.low_seconds < 800
    kept = with_figures((busy,), [quiet[0]] * KEPT_FIGURES)
    assert kept == (quiet[0],) * KEPT_FIGURES


def test_the_doubt_grows_with_what_is_not_known() -> None:
    once = expected(alone(RUN), known(figure()))
    often = expected(alone(RUN), known(*[figure()] * 5))
    deeper = expected(alone(replace(RUN, network=NetworkSpec(depth=44))), known(*[figure()] * 5))
    assert once is not None
    assert often is not None
    assert deeper is not None
    widths = [found.high_seconds / found.low_seconds for found in (often, once, deeper)]
    assert widths == sorted(widths)
    assert widths[0] == pytest.approx(1.08**2)
    assert often.low_seconds < often.seconds < often.high_seconds


def test_the_spread_of_measured_times() -> None:
    assert spread([1.0]) == (0.8, 1.0, 1.25)
    assert spread([1.0, 2.0]) == (0.8, 1.5, 2.5)
    assert spread([1.0, 1.0, 3.0, 1.0, 1.2]) == (pytest.approx(1 / 1.08), 1.0, 1.2)
    with pytest.raises(ValueError, match="at least one"):
        spread([])


def test_few_iterations_say_something_where_they_took_long() -> None:
    slow = figure_of(record(RUN, iteration=10, seconds=60.0))
    assert slow is not None
    assert slow.seconds == pytest.approx(6.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"iteration": 20},
        {"iteration": 3, "seconds": 300.0},
        {"seconds": 0.0},
        {"environment": {}},
        {"environment": {"device": "cpu", "precision": "float32", "device_name": "another"}},
        {"environment": {"device": "cuda", "precision": "bfloat16", "platform": "another"}},
        {"environment": {"device": "abacus", "precision": "float32"}},
    ],
    ids=[
        "too short",
        "a slow beginning",
        "no time",
        "before it knew",
        "another machine",
        "another machine's GPU",
        "a newer program",
    ],
)
def test_runs_that_say_nothing(fields: dict[str, object]) -> None:
    assert figure_of(record(RUN, **fields)) is None


@pytest.mark.parametrize(
    ("engine", "iteration", "expected_engine"),
    [
        ("compiled after 40", 50, Engine.EAGER),
        ("compiled after 40", 100, Engine.COMPILED),
        ("graphed, compiled after 40", 100, Engine.GRAPHED),
        ("graphed", 100, Engine.GRAPHED),
    ],
)
def test_a_stored_run_counts_for_the_engine_of_most_steps(engine: str, iteration: int, expected_engine: Engine) -> None:
    run = record(RUN)
    run = changed(run, iteration=iteration, environment={**run.environment, "engine": engine})
    found = figure_of(run)
    assert found is not None
    assert found.engine is expected_engine


def test_nothing_is_compiled_for_a_quick_measurement() -> None:
    long = replace(RUN, recipe=replace(RUN.recipe, iterations=64_000))
    assert quickly(long).recipe.iterations < training_speed.LONG_ENOUGH
    assert quickly(RUN) == RUN
    assert quickly(replace(RUN, recipe=replace(RUN.recipe, engine="compiled"))).recipe.engine is Engine.EAGER
