"""Processes of devices that begin at once."""

from __future__ import annotations

import multiprocessing

import pytest

from resnet_studio.runner import device_process, devices

from ..warm_python import can_fork


@pytest.fixture
def warm_devices(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """They are forked from a process that has loaded torch, which takes two seconds each.

    That process has the environment of the first test that asks for it. Tests marked ``fresh_processes``, and the
    programs that tests start, start theirs as the program does.
    """
    if can_fork() and request.node.get_closest_marker("fresh_processes") is None:
        multiprocessing.get_context("forkserver").set_forkserver_preload([device_process.__name__])
        monkeypatch.setattr(devices, "_START", "forkserver")
