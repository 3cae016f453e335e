"""The window's preference for where the history and the runs lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from resnet_studio.platform.home import Home
from resnet_studio.platform.shared_places import FILE_NAME
from resnet_studio.ui.places_dialog import PlacesDialog


def test_what_is_saved_counts_at_the_next_start(qtbot: QtBot, home: Home, tmp_path: Path) -> None:
    dialog = PlacesDialog(home, "history.sqlite3")
    qtbot.addWidget(dialog)
    dialog.history.setText(" postgresql://me:secret@server/runs ")
    dialog.runs.setText(str(tmp_path / "shared"))
    dialog.accept()
    assert dialog.result() == PlacesDialog.DialogCode.Accepted
    found = Home.find(home.root)
    assert (found.history, found.runs) == ("postgresql://me:secret@server/runs", tmp_path / "shared")
    assert (home.root / FILE_NAME).stat().st_mode & 0o077 == 0, "it may hold a password"
    again = PlacesDialog(home, "runs on server")
    qtbot.addWidget(again)
    assert again.history.text() == found.history
    again.history.clear()
    again.runs.clear()
    again.accept()
    assert Home.find(home.root) == home


@pytest.mark.parametrize("url", ["nonsense", "postgresql://server", "oracle://x/y"])
def test_what_names_no_history_is_refused_and_not_kept(qtbot: QtBot, home: Home, url: str) -> None:
    dialog = PlacesDialog(home, "here")
    qtbot.addWidget(dialog)
    dialog.history.setText(url)
    dialog.accept()
    assert dialog.result() != PlacesDialog.DialogCode.Accepted
    assert dialog.problem.text().endswith(".")
    assert not (home.root / FILE_NAME).exists()
