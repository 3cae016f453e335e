"""Processes of devices that begin at once."""

from __future__ import annotations

import multiprocessing

import pytest

from resnet_studio.runner import device_process, devices

from ..warm_python import can_fork


@pytest.fixture
def warm_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are forked from a process that has loaded torch and nothing else, which takes two seconds each.

    The programs that tests start on the command line start theirs as always.
    """
    if can_fork():
        multiprocessing.get_context("forkserver").set_forkserver_preload([device_process.__name__])
        monkeypatch.setattr(devices, "_START", "forkserver")
