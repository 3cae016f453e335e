"""Links follow the theme."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from resnet_studio.ui.services import Services
from resnet_studio.ui.theme import Role
from resnet_studio.ui.widgets.link_label import LinkLabel


def colours(label: QLabel) -> set[str]:
    picture = label.grab().toImage()
    return {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}


@pytest.mark.parametrize(("first", "second"), [("light", "dark"), ("dark", "light")])
def test_links_take_the_colour_of_a_new_theme(qtbot: QtBot, services: Services, first: str, second: str) -> None:
    theme = services.theme
    theme.set_mode(first)  # type: ignore[arg-type]
    label = LinkLabel('<a href="x">MMMMMMMM</a>')
    qtbot.addWidget(label)
    label.show()
    before = theme.colour(Role.ACCENT).name()
    assert before in colours(label)
    theme.set_mode(second)  # type: ignore[arg-type]
    assert theme.colour(Role.ACCENT).name() in colours(label)
    assert before not in colours(label)
    assert label.text() == '<a href="x">MMMMMMMM</a>'
    theme.set_mode("system")
