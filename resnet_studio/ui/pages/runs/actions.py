"""What can be done with stored runs: one table for buttons, menus, keys and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule looks at: the chosen runs, the ids that train or wait here, and why nothing can be written."""

    runs: tuple[RunRecord, ...] = ()
    busy: frozenset[str] = frozenset()
    read_only: str = ""
    undoable: bool = False


Rule = Callable[[Situation], str]  # the reason why not, or empty


class RunAction(Enum):
    COMPARE = "compare"
    CLASSIFY = "classify"
    RESUME = "resume"
    AGAIN = "again"
    RENAME = "rename"
    TAGS = "tags"
    NOTE = "note"
    COLOUR = "colour"
    DETAILS = "details"
    FINE_TUNE = "fine_tune"
    EXPORT = "export"
    COPY_ID = "copy_id"
    COPY_SPEC = "copy_spec"
    DELETE = "delete"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Entry:
    text: str
    tip: str
    icon: str
    rule: Rule
    shortcut: str = ""


def _always(_situation: Situation) -> str:
    return ""


def _some(situation: Situation) -> str:
    return "" if situation.runs else _("Choose a run in the table first.")


def _one(situation: Situation) -> str:
    return _some(situation) or ("" if len(situation.runs) == 1 else _("Choose one run only."))


def _written(situation: Situation) -> str:
    return _some(situation) or situation.read_only


def _one_written(situation: Situation) -> str:
    return _one(situation) or situation.read_only


def _with_weights(situation: Situation) -> str:
    if reason := _some(situation):
        return reason
    return "" if any(run.weights_sha256 for run in situation.runs) else _("No chosen run has weights yet.")


def _one_with_weights(situation: Situation) -> str:
    return _one(situation) or _with_weights(situation)


def _tunable(situation: Situation) -> str:
    return _one_with_weights(situation) or situation.read_only


def _repeatable(situation: Situation) -> str:
    if reason := _written(situation):
        return reason
    elsewhere = next((run for run in situation.runs if run.imported), None)
    return _("{name} was trained elsewhere, so its recipe is not known.", name=elsewhere.name) if elsewhere else ""


def _resumable(situation: Situation) -> str:
    if reason := _written(situation):
        return reason
    for run in situation.runs:
        if run.id in situation.busy:
            return _("{name} is already training or waiting.", name=run.name)
        if run.status.active:
            return _("{name} is {status}.", name=run.name, status=run.status)
        if not run.resumable:
            return _("{name} is {status}, so there is nothing left to resume.", name=run.name, status=run.status)
    return ""


def _deletable(situation: Situation) -> str:
    if reason := _written(situation):
        return reason
    for run in situation.runs:
        if run.id in situation.busy or run.status in (RunStatus.RUNNING, RunStatus.PAUSED):
            return _("{name} is training or waiting; stop it first.", name=run.name)
    return ""


def _undoable(situation: Situation) -> str:
    return situation.read_only or ("" if situation.undoable else _("Nothing was deleted since the start."))


ENTRIES: dict[RunAction, Entry] = {
    RunAction.COMPARE: Entry(
        _("Compare"), _("Curves and fields of the chosen runs side by side"), "ph.chart-line", _some, "Return"
    ),
    RunAction.CLASSIFY: Entry(
        _("Classify with"), _("Show images to the chosen runs"), "ph.image", _with_weights, "Ctrl+L"
    ),
    RunAction.RESUME: Entry(
        _("Resume"), _("Go on training from the last checkpoint"), "ph.play", _resumable, "Ctrl+Shift+R"
    ),
    RunAction.AGAIN: Entry(
        _("Train again with the next seed"),
        _("The same networks with other initial weights and another sample order"),
        "ph.repeat",
        _repeatable,
    ),
    RunAction.RENAME: Entry(_("Rename"), _("Change the name in place"), "ph.pencil-simple", _one_written, "F2"),
    RunAction.TAGS: Entry(_("Tags…"), _("Words of your own, with commas between them"), "ph.tag", _written, "Ctrl+G"),
    RunAction.NOTE: Entry(
        _("Note…"), _("Text of your own, as long as you like"), "ph.note-pencil", _one_written, "Ctrl+E"
    ),
    RunAction.COLOUR: Entry(_("Colour"), _("The colour on every page"), "ph.palette", _written),
    RunAction.DETAILS: Entry(
        _("Details"), _("Specification, environment and identity of the run"), "ph.info", _always, "Ctrl+I"
    ),
    RunAction.FINE_TUNE: Entry(
        _("Fine-tune…"),
        _("A new run that begins with these weights, on data of your choice"),
        "ph.git-branch",
        _tunable,
    ),
    RunAction.EXPORT: Entry(
        _("Export weights…"),
        _("As safetensors, with torchvision's names, or as ONNX"),
        "ph.upload-simple",
        _one_with_weights,
    ),
    RunAction.COPY_ID: Entry(_("Copy id"), _("For the command line"), "ph.copy", _some, "Ctrl+C"),
    RunAction.COPY_SPEC: Entry(
        _("Copy specification"), _("As TOML, for resnet-studio train"), "ph.file-text", _one, "Ctrl+Shift+C"
    ),
    RunAction.DELETE: Entry(_("Delete"), _("Can be undone"), "ph.trash", _deletable, "Del"),
    RunAction.UNDO: Entry(
        _("Undo delete"), _("Bring back what was deleted last"), "ph.arrow-counter-clockwise", _undoable, "Ctrl+Z"
    ),
}

MENU: tuple[RunAction | None, ...] = (
    RunAction.COMPARE, RunAction.CLASSIFY, None,
    RunAction.RESUME, RunAction.AGAIN, RunAction.FINE_TUNE, None,
    RunAction.RENAME, RunAction.TAGS, RunAction.NOTE, RunAction.COLOUR, None,
    RunAction.DETAILS, RunAction.COPY_ID, RunAction.COPY_SPEC, RunAction.EXPORT, None,
    RunAction.DELETE, RunAction.UNDO,
)  # fmt: skip
