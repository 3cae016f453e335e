"""Everything the menus can do besides showing pages, as a table: text, shortcut, place and enabling rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from resnet_studio.text import _

if TYPE_CHECKING:
    from resnet_studio.ui.theme import Mode


@dataclass(frozen=True, slots=True)
class WindowState:
    """What the rules look at."""

    training: bool = False
    paused: bool = False
    stopping: bool = False
    writable: bool = True
    held_elsewhere: bool = False  # by a program that can be asked to queue


Rule = Callable[[WindowState], bool]


def _always(_state: WindowState) -> bool:
    return True


def _writable(state: WindowState) -> bool:
    return state.writable


def _can_queue(state: WindowState) -> bool:
    return state.writable or state.held_elsewhere


def _can_stop(state: WindowState) -> bool:
    return state.training and not state.stopping


MENUS = (_("&File"), _("&Training"), _("&View"), _("&Help"))


@dataclass(frozen=True, slots=True)
class ActionRow:
    """``menu`` is its title; actions of one ``group`` exclude each other; ``new_section`` draws a line before it."""

    text: str
    shortcut: str
    menu: str
    tip: str
    rule: Rule = _always
    icon: str = ""
    group: str = ""
    new_section: bool = False


class Action(Enum):
    """The name is the action's object name in lower case. The pages stand first in the View menu."""

    OPEN_IMAGES = ActionRow(
        _("&Open images…"), "Ctrl+O", _("&File"), _("Choose images and classify them"), icon="ph.image"
    )
    OPEN_FOLDER = ActionRow(
        _("Open image &folder…"),
        "Ctrl+Shift+O",
        _("&File"),
        _("Choose a folder and classify its images"),
        icon="ph.folder",
    )
    PASTE_IMAGE = ActionRow(_("&Paste image"), "Ctrl+V", _("&File"), _("Classify the image or files on the clipboard"))
    IMPORT_WEIGHTS = ActionRow(
        _("Import &weights…"), "Ctrl+Shift+I", _("&File"), _("Make a stored run of another program's weights file"),
        _writable, "ph.download-simple", new_section=True,
    )  # fmt: skip
    SHOW_HOME = ActionRow(
        _("Show &data folder"),
        "",
        _("&File"),
        _("Open the folder of the history, checkpoints and logs"),
        new_section=True,
    )
    PLACES = ActionRow(
        _("&History and runs…"), "", _("&File"), _("Keep the history on a server, and the runs in a shared folder")
    )
    QUIT = ActionRow(_("&Quit"), "Ctrl+Q", _("&File"), _("Close the window; training is saved first"), new_section=True)
    TRAIN_TWIN = ActionRow(
        _("Train &twin"), "Ctrl+T", _("&Training"), _("Train the designed network and its twin"), _can_queue, "ph.play"
    )
    TRAIN_THIS = ActionRow(
        _("Train t&his network"), "Ctrl+Shift+T", _("&Training"), _("Train the designed network alone"), _can_queue
    )
    RUN_STUDY = ActionRow(
        _("&Run the chosen study"), "Ctrl+R", _("&Training"), _("Train every run of the study"), _can_queue
    )
    PAUSE = ActionRow(
        _("&Pause or continue"),
        "Ctrl+P",
        _("&Training"),
        _("Hold the training, or go on with it"),
        _can_stop,
        "ph.pause",
        new_section=True,
    )
    STOP = ActionRow(_("&Stop and save"), "Ctrl+.", _("&Training"), _("Stop; it can be resumed"), _can_stop, "ph.stop")
    THEME_SYSTEM = ActionRow(
        _("&System theme"), "", _("&View"), _("Light or dark as the desktop is"), group="theme", new_section=True
    )
    THEME_LIGHT = ActionRow(_("L&ight theme"), "", _("&View"), _("Light, whatever the desktop is"), group="theme")
    THEME_DARK = ActionRow(_("D&ark theme"), "", _("&View"), _("Dark, whatever the desktop is"), group="theme")
    COMPARE_NETWORKS = ActionRow(
        _("Compare &networks…"), "Ctrl+D", _("&View"), _("Two or three networks beside each other, with what differs"),
        icon="ph.columns", new_section=True,
    )  # fmt: skip
    FULL_SCREEN = ActionRow(_("&Full screen"), "F11", _("&View"), _("Fill the screen, or no longer"), new_section=True)
    LESSONS = ActionRow(
        _("&Lessons"), "", _("&Help"), _("Why depth hurts and what a shortcut changes, in five lessons"),
        icon="ph.graduation-cap",
    )  # fmt: skip
    SHORTCUTS = ActionRow(
        _("&Keys, or what has the focus"), "F1", _("&Help"), _("Every key there is; on a field what it means")
    )
    WORDS = ActionRow(
        _("&Words of the field"),
        "Shift+F1",
        _("&Help"),
        _("Shortcut, bottleneck, degradation and all others, explained"),
    )
    ABOUT = ActionRow(_("&About ResNet Studio"), "", _("&Help"), _("Version, paper and licence"), new_section=True)

    @property
    def row(self) -> ActionRow:
        return self.value

    @property
    def object_name(self) -> str:
        return f"{self.name.lower()}_action"


THEME_ACTIONS: dict[Mode, Action] = {
    "system": Action.THEME_SYSTEM,
    "light": Action.THEME_LIGHT,
    "dark": Action.THEME_DARK,
}
