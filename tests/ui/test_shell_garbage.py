"""Cycles of Qt objects are deleted by the window's thread, however busy the others are."""

import gc
import threading
import weakref

import pytest
from PySide6.QtCore import QObject

from resnet_studio.ui.gc_in_gui_thread import GarbageCollector


@pytest.fixture
def collector(qapp):
    gc.enable()
    collector = GarbageCollector()
    yield collector
    collector.remove()


def make_cycle(deleted: list[int]) -> None:
    holder: dict[str, object] = {"object": QObject()}
    holder["self"] = holder
    weakref.finalize(holder["object"], lambda: deleted.append(threading.get_ident()))


def allocate(kept: list[object]) -> None:
    kept.extend([{} for _ in range(100)] for _ in range(200))


def test_a_busy_worker_thread_collects_nothing(collector, qtbot):
    deleted: list[int] = []
    make_cycle(deleted)
    kept: list[object] = []
    thread = threading.Thread(target=allocate, args=(kept,))
    thread.start()
    thread.join()
    assert not deleted
    qtbot.waitUntil(lambda: bool(deleted), timeout=5000)
    assert deleted == [threading.get_ident()]


def test_without_it_the_worker_thread_would_have_collected(qapp):
    """The danger is real: if this fails, Python has changed and the collector can go."""
    gc.collect()
    gc.enable()
    deleted: list[int] = []
    holder: dict[str, object] = {}
    holder["self"] = holder

    class Plain:
        pass

    holder["object"] = Plain()
    weakref.finalize(holder["object"], lambda: deleted.append(threading.get_ident()))
    del holder
    kept: list[object] = []
    thread = threading.Thread(target=allocate, args=(kept,))
    thread.start()
    thread.join()
    assert deleted
    assert deleted[0] != threading.get_ident()


def test_python_gets_its_work_back(qapp):
    gc.enable()
    collector = GarbageCollector()
    assert not gc.isenabled()
    collector.remove()
    assert gc.isenabled()
