"""Signals become a wish to stop, heard once, and whatever listened before listens again."""

from __future__ import annotations

import signal

import pytest

from resnet_studio.cli.stop_signals import StopOnSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_wish_to_stop(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with StopOnSignals() as stopping:
        assert not stopping()
        assert stopping.exit_code == 0
        signal.raise_signal(number)
        assert stopping()
        assert stopping.received is number
        assert stopping.exit_code == 128 + number
        signal.raise_signal(signal.SIGTERM)
        assert stopping.received is number
    assert signal.getsignal(number) is before


def test_an_ignored_signal_stays_ignored() -> None:
    if not hasattr(signal, "SIGHUP"):
        pytest.skip("this platform has no SIGHUP")
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopOnSignals() as stopping:
            signal.raise_signal(signal.SIGHUP)
            assert not stopping()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_work_that_asks_nobody_is_interrupted(number: signal.Signals) -> None:
    with StopOnSignals() as stopping:
        with pytest.raises(KeyboardInterrupt), stopping.interrupting():
            signal.raise_signal(number)
        assert stopping()
        assert stopping.exit_code == 128 + number
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), stopping.interrupting():
            pytest.fail("a signal that came before is heard at once")
