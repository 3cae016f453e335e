"""Asking for a file to write to, where the last one of the kind was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from resnet_studio.ui.preferences import Preferences


def ask_for_file(
    parent: QWidget, title: str, name: str, kinds: Mapping[str, str], preferences: Preferences, key: str
) -> Path | None:
    """The chosen file with an ending of its kind, None for none.

    Args:
        parent: Of the dialog.
        title: Of the dialog.
        name: What is proposed, with the ending of the kind that is proposed.
        kinds: Endings, such as ``.png``, and how the dialog names them.
        preferences: Remember the folder.
        key: Of the folder in them.
    """
    folder = preferences.value(key, str(Path.home()), str)
    proposed = Path(name).suffix
    chosen, kind = QFileDialog.getSaveFileName(
        parent, title, str(Path(folder) / name), ";;".join(kinds.values()), kinds[proposed]
    )
    if not chosen:
        return None
    path = Path(chosen)
    preferences.set_value(key, str(path.parent))
    if path.suffix.lower() in kinds:
        return path
    return path.with_name(path.name + next((ending for ending, text in kinds.items() if text == kind), proposed))
