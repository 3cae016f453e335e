"""Opening the window from the command line, where there is a display to show it on."""

from __future__ import annotations

import os
import sys

from resnet_studio.app import require_display, run_app
from resnet_studio.domain.errors import UserError
from resnet_studio.platform.home import Home
from resnet_studio.text import _

_UNSEEN = ("offscreen", "minimal")  # Qt platforms whose windows nobody sees


def why_no_window() -> str:
    """The sentence that says why no window would be seen here, empty if one would."""
    platform = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform in _UNSEEN:
        return _("QT_QPA_PLATFORM is {platform}, so no window would be seen.", platform=platform)
    try:
        require_display()
    except UserError as error:
        return error.sentence
    return ""


def start_window(chosen: str | None) -> int:
    """Open the window until it is closed; the user's errors are one sentence and exit code 2."""
    try:
        return run_app(Home.find(chosen))
    except UserError as error:
        print(error.sentence, file=sys.stderr)
        return 2
