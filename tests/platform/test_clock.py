"""Durations that make no sense, and waits across a sleep."""

from __future__ import annotations

import time

import pytest

from resnet_studio.platform.clock import SteadySeconds, Waited


def test_a_step_in_which_the_machine_slept_lasts_as_long_as_any() -> None:
    steady = SteadySeconds()
    assert [steady(seconds) for seconds in (5.0, 0.1, 0.1)] == [5.0, 0.1, 0.1]
    slept = steady(8 * 3600.0)
    assert 0.1 < slept < 5.0, "what was usual"
    assert steady(-3600.0) < 5.0
    assert steady(0.2) == 0.2


def test_steps_that_have_become_slow_are_believed() -> None:
    steady = SteadySeconds()
    for _ in range(100):
        steady(0.1)
    assert steady(70.0) < 1.0
    assert steady(70.0) == 70.0
    assert steady(70.0) == 70.0


def test_slow_steps_may_vary() -> None:
    steady = SteadySeconds()
    assert [steady(seconds) for seconds in (100.0, 300.0, 90.0)] == [100.0, 300.0, 90.0]


def test_of_a_long_gap_one_second_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    waited = Waited()
    now += 0.5
    assert waited.seconds == 0.5
    now += 3600.0
    assert waited.seconds == 1.5
    now -= 7200.0
    assert waited.seconds == 1.5
    now += 0.25
    assert waited.seconds == 1.75
