"""A part of the attack in the suite; all of it is ``python tests/attack/run.py``."""

from __future__ import annotations

import contextlib
import io
import sys

import pytest

from .guard import Watch
from .kinds import KINDS, Kind, Place
from .run import attack

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="alarms, pipes and links as POSIX has them")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("attack").resolve() / "attack")
    with contextlib.redirect_stdout(io.StringIO()):
        made.make()
    return made


@pytest.fixture(scope="module")
def watch(place: Place) -> Watch:
    """One for all: an audit hook stays for the life of the process."""
    return Watch((place.home, place.outputs))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_few_damaged_inputs(place: Place, watch: Watch, kind: type[Kind], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.root)  # and back
    found = attack(kind, place, watch, 12, seed=2)
    assert found.bad == []
    assert found.inputs == found.refused + found.accepted == 12


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_inputs(place: Place, watch: Watch, kind: type[Kind], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.root)
    found = attack(kind, place, watch, 60, seed=3, process_every=30)
    assert found.bad == []
    assert found.refused > found.inputs / 10
    assert found.processes == 2


def test_the_watch_sees_what_should_not_be(place: Place, watch: Watch) -> None:
    with watch.watching():
        (place.victim / "new.txt").write_text("touched")
        (place.victim / "new.txt").unlink()
        (place.home / "allowed.txt").write_text("fine")
    assert [text.split()[0] for text in watch.outside] == ["open", "os.remove"]
    assert all(str(place.victim) in text for text in watch.outside)
    watch.outside.clear()
