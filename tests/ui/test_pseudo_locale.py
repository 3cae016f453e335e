"""The window in a language that is longer by a third: every page whole at both sizes, and nothing left untranslated."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resnet_studio.text.language import PSEUDO, VARIABLE
from resnet_studio.text.pseudo import pseudo

from ..text_rules import words

# Too narrow at the smallest size: a button with a study's name in it, and a heading beside a check box.
KNOWN = {"run_study_button", pseudo("Your network")}
SIZES = ((1440, 900), (1060, 640))

MEASURE = re.compile(r"[\d.,\u202f]+(bytes|[KMG]iB)|(plain|ResNet)-\d+")  # and names of networks

# A process of its own: the language is chosen once.
LOOK = """
import json, sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication, QEvent, QSize
from PySide6.QtWidgets import QCheckBox, QLabel, QPushButton, QSizePolicy
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home
from resnet_studio.ui.application import make_application
from resnet_studio.ui.main_window import MainWindow
from resnet_studio.ui.pages.rows import PAGES
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.services import Services
from resnet_studio.ui.theme import Theme
from resnet_studio.ui.controller import RunController
from resnet_studio.ui.threads.jobs import Jobs

def needed(widget):
    if isinstance(widget, QLabel):
        return widget.sizeHint().width()
    return max(widget.fontMetrics().horizontalAdvance(line) for line in widget.text().replace("&", "").split("\\n"))

def exempt(widget):
    if isinstance(widget, QLabel) and (widget.wordWrap() or not widget.pixmap().isNull()):
        return True
    return widget.sizePolicy().horizontalPolicy() is QSizePolicy.Policy.Ignored  # elided

app = make_application()
home = Home(Path(sys.argv[1])).prepare()
rows = []
with RunStore.open(home) as store:
    preferences = Preferences(home)
    jobs, controller = Jobs(), RunController(store)
    window = MainWindow(Services(home, store, controller, preferences, Theme(preferences), jobs))
    window.show()
    for width, height in json.loads(sys.argv[2]):
        window.resize(QSize(width, height))
        for page in PAGES:
            window.pages.show_page(page.key)
            for _ in range(5):
                QCoreApplication.processEvents()
            for kind in (QLabel, QPushButton, QCheckBox):
                for widget in window.findChildren(kind):
                    if widget.isVisible() and widget.text().strip():
                        cut = not exempt(widget) and needed(widget) > widget.width() + 1
                        place = [f"{width}x{height}", page.key, kind.__name__, widget.objectName()]
                        rows.append([*place, widget.text(), cut])
    window.leave(ask=False)
    window.close()
    jobs.stop_all()
    controller.shut_down()
print(json.dumps(rows))
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> list[list[Any]]:
    """(size, page, kind, object name, text, whether it is cut) of every label, button and check box in sight."""
    home = tmp_path_factory.mktemp("pseudo") / "home"
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", LOOK, home, json.dumps(SIZES)], capture_output=True, text=True,
        env={**os.environ, VARIABLE: PSEUDO, "QT_QPA_PLATFORM": "offscreen"}, timeout=200, check=False,
        cwd=Path(__file__).resolve().parents[2], encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_no_text_is_cut_where_a_language_needs_more_room(seen: list[list[Any]]) -> None:
    assert {(row[0], row[1]) for row in seen} >= {(f"{w}x{h}", page) for w, h in SIZES for page in ("design", "runs")}
    cut = [row[:-1] for row in seen if row[-1] and row[3] not in KNOWN and row[4] not in KNOWN]
    assert not cut, "\n".join(map(str, cut))


def test_every_text_in_sight_is_translated(seen: list[list[Any]]) -> None:
    left = {row[4] for row in seen if words(row[4]) and "⟦" not in row[4] and not MEASURE.fullmatch(row[4])}
    assert not left, "\n".join(sorted(left))
