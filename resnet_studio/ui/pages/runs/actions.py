"""What can be done with stored runs: one table for buttons, menus, keys and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord


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
    return "" if situation.runs else "Choose a run in the table first."


def _one(situation: Situation) -> str:
    return _some(situation) or ("" if len(situation.runs) == 1 else "Choose one run only.")


def _written(situation: Situation) -> str:
    return _some(situation) or situation.read_only


def _one_written(situation: Situation) -> str:
    return _one(situation) or situation.read_only


def _with_weights(situation: Situation) -> str:
    if reason := _some(situation):
        return reason
    return "" if any(run.weights_sha256 for run in situation.runs) else "No chosen run has weights yet."


def _one_with_weights(situation: Situation) -> str:
    return _one(situation) or _with_weights(situation)


def _tunable(situation: Situation) -> str:
    return _one_with_weights(situation) or situation.read_only


def _repeatable(situation: Situation) -> str:
    if reason := _written(situation):
        return reason
    elsewhere = next((run for run in situation.runs if run.imported), None)
    return f"{elsewhere.name} was trained elsewhere, so its recipe is not known." if elsewhere else ""


def _resumable(situation: Situation) -> str:
    if reason := _written(situation):
        return reason
    for run in situation.runs:
        if run.id in situation.busy:
            return f"{run.name} is already training or waiting."
        if run.status.active:
            return f"{run.name} is {run.status}."
        if not run.resumable:
            return f"{run.name} is {run.status}, so there is nothing left to resume."
    return ""


def _deletable(situation: Situation) -> str:
    if reason := _written(situation):
        return reason
    for run in situation.runs:
        if run.id in situation.busy or run.status in (RunStatus.RUNNING, RunStatus.PAUSED):
            return f"{run.name} is training or waiting; stop it first."
    return ""


def _undoable(situation: Situation) -> str:
    return situation.read_only or ("" if situation.undoable else "Nothing was deleted since the start.")


ENTRIES: dict[RunAction, Entry] = {
    RunAction.COMPARE: Entry(
        "Compare", "Curves and fields of the chosen runs side by side", "ph.chart-line", _some, "Return"
    ),
    RunAction.CLASSIFY: Entry("Classify with", "Show images to the chosen runs", "ph.image", _with_weights, "Ctrl+L"),
    RunAction.RESUME: Entry("Resume", "Go on training from the last checkpoint", "ph.play", _resumable, "Ctrl+Shift+R"),
    RunAction.AGAIN: Entry(
        "Train again with the next seed", "The same networks with other initial weights and another sample order",
        "ph.repeat", _repeatable,
    ),
    RunAction.RENAME: Entry("Rename", "Change the name in place", "ph.pencil-simple", _one_written, "F2"),
    RunAction.TAGS: Entry("Tags…", "Words of your own, with commas between them", "ph.tag", _written, "Ctrl+G"),
    RunAction.NOTE: Entry("Note…", "Text of your own, as long as you like", "ph.note-pencil", _one_written, "Ctrl+E"),
    RunAction.COLOUR: Entry("Colour", "The colour on every page", "ph.palette", _written),
    RunAction.DETAILS: Entry(
        "Details", "Specification, environment and identity of the run", "ph.info", _always, "Ctrl+I"
    ),
    RunAction.FINE_TUNE: Entry(
        "Fine-tune…", "A new run that begins with these weights, on data of your choice", "ph.git-branch", _tunable
    ),
    RunAction.EXPORT: Entry(
        "Export weights…", "As safetensors, with torchvision's names, or as ONNX", "ph.upload-simple", _one_with_weights
    ),
    RunAction.COPY_ID: Entry("Copy id", "For the command line", "ph.copy", _some, "Ctrl+C"),
    RunAction.COPY_SPEC: Entry(
        "Copy specification", "As TOML, for resnet-studio train", "ph.file-text", _one, "Ctrl+Shift+C"
    ),
    RunAction.DELETE: Entry("Delete", "Can be undone", "ph.trash", _deletable, "Del"),
    RunAction.UNDO: Entry(
        "Undo delete", "Bring back what was deleted last", "ph.arrow-counter-clockwise", _undoable, "Ctrl+Z"
    ),
}  # fmt: skip

MENU: tuple[RunAction | None, ...] = (
    RunAction.COMPARE, RunAction.CLASSIFY, None,
    RunAction.RESUME, RunAction.AGAIN, RunAction.FINE_TUNE, None,
    RunAction.RENAME, RunAction.TAGS, RunAction.NOTE, RunAction.COLOUR, None,
    RunAction.DETAILS, RunAction.COPY_ID, RunAction.COPY_SPEC, RunAction.EXPORT, None,
    RunAction.DELETE, RunAction.UNDO,
)  # fmt: skip
