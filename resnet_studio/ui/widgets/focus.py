"""The keyboard stays where the person is: a button that vanishes hands it to its heir, not to whatever comes next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget


@contextmanager
def keeping_focus(whole: QWidget, *heirs: QWidget) -> Iterator[None]:
    """Within, widgets in ``whole`` may be hidden or disabled without losing the focus to just any widget.

    If one of them had the focus, the first heir that can have it gets it. Qt would give it to the next widget of the
    window, which may delete things or lead elsewhere.
    """
    before = whole.window().focusWidget()
    inside = before is not None and whole.isAncestorOf(before)
    yield
    if not inside or before is None or _can(before, whole):
        return
    heir = next((heir for heir in heirs if _can(heir, whole)), None)
    if heir is not None:
        heir.setFocus(Qt.FocusReason.OtherFocusReason)


def _can(widget: QWidget, whole: QWidget) -> bool:
    return widget.isVisibleTo(whole) and widget.isEnabledTo(whole)
