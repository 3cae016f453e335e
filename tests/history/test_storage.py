"""Which storage a URL names, and that what the history asks of one is all that it uses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from resnet_studio.domain.errors import UserError
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.sqlite.storage import url_in
from resnet_studio.history.storage import Storage, default_url, has_history, storage_at
from resnet_studio.history.store import RunStore, open_history
from resnet_studio.platform.home import Home

from ..databases import on_a_file

HISTORY = Path(__file__).resolve().parents[2] / "resnet_studio"


@on_a_file
def test_a_url_names_a_file_elsewhere(home: Home, tmp_path: Path, tiny_twin: CohortSpec) -> None:
    url = url_in(tmp_path / "50% of it? #1")
    (tmp_path / "50% of it? #1").mkdir()
    with open_history(url, home=home) as store:
        assert store.home == home
        store.create_cohort(tiny_twin)
    assert (tmp_path / "50% of it? #1" / "history.sqlite3").is_file()
    assert not has_history(home)
    with open_history(url, home=home, writer=False) as store:
        assert len(store.list_runs()) == 2
    with open_history(home) as store:
        assert store.list_runs() == []
    assert has_history(home)


@pytest.mark.parametrize(
    "url", ["oracle://somewhere/db", "history.sqlite3", "", "sqlite", "sqlite:", "sqlite:///", "sqlite:///:memory:"]
)
def test_a_url_that_means_nothing_is_refused_in_one_sentence(home: Home, url: str) -> None:
    with pytest.raises(UserError) as caught:
        open_history(url, home=home)
    text = str(caught.value)
    assert "sqlite:///" in text
    assert text.endswith(".")
    assert "\n" not in text
    assert not list(home.root.glob("history*"))


def test_a_password_in_a_url_is_not_repeated(home: Home) -> None:
    with pytest.raises(UserError) as caught:
        open_history("nonsense://me:secret@server/db", home=home)
    assert "secret" not in str(caught.value)


def test_the_protocol_names_all_that_is_asked_of_a_storage(home: Home) -> None:
    """A second backend has to provide what the protocol says and nothing else."""
    promised = {name for name in (*vars(Storage), *Storage.__annotations__) if not name.startswith("_")}
    asked: set[str] = set()
    names = ("self._storage", "store._storage", "storage")
    folders = (HISTORY / "history", HISTORY / "history" / "queue")
    for file in (*(file for folder in folders for file in folder.glob("*.py")), HISTORY / "cli" / "check_storage.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in names:
                asked.add(node.attr)
    assert asked == promised
    storage = storage_at(default_url(home))
    assert all(hasattr(storage, name) for name in promised)
    storage.close()


def test_only_its_own_package_names_sqlite() -> None:
    """Elsewhere nothing knows which database holds the history, except where a URL is resolved."""
    for file in HISTORY.rglob("*.py"):
        if "sqlite" in file.relative_to(HISTORY).parts or file == HISTORY / "history" / "storage.py":
            continue
        text = file.read_text(encoding="utf-8")
        assert "history.sqlite3" not in text, file
        assert "sqlite3" not in text, file
        for line in text.splitlines():
            assert not ("import" in line and "history.sqlite" in line), (file, line)


@on_a_file
def test_a_home_opens_the_file_in_it(home: Home) -> None:
    with open_history(home) as store, RunStore.open(home) as second:
        assert store.writable
        assert not second.writable
