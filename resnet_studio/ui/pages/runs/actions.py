"""What can be done with stored runs: one table for buttons, menus, keys and tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import N_, _


class Shelf(Enum):
    """Where a run lies; the value is what people see."""

    RUNS = N_("Runs")
    ARCHIVE = N_("Archive")
    TRASH = N_("Trash")


_NOT_TRASH = frozenset({Shelf.RUNS, Shelf.ARCHIVE})


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule looks at: the chosen runs, the ids that train or wait here, and why nothing can be written."""

    runs: tuple[RunRecord, ...] = ()
    busy: frozenset[str] = frozenset()
    read_only: str = ""
    undoable: bool = False
    shelf: Shelf = Shelf.RUNS
    trash: int = 0  # runs in the trash


Rule = Callable[[Situation], str]  # the reason why not, or empty


class RunAction(Enum):
    COMPARE = "compare"
    CLASSIFY = "classify"
    INSIDE = "inside"
    RESUME = "resume"
    AGAIN = "again"
    MORE_SEEDS = "more_seeds"
    RENAME = "rename"
    TAGS = "tags"
    NOTE = "note"
    COLOUR = "colour"
    DETAILS = "details"
    FINE_TUNE = "fine_tune"
    EXPORT = "export"
    COPY_ID = "copy_id"
    COPY_SPEC = "copy_spec"
    DESIGN = "design"
    ARCHIVE = "archive"
    UNARCHIVE = "unarchive"
    RESTORE = "restore"
    EMPTY = "empty_trash"
    DELETE = "delete"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Entry:
    text: str
    tip: str
    icon: str
    rule: Rule
    shortcut: str = ""
    shelves: frozenset[Shelf] = _NOT_TRASH

    def why_not(self, situation: Situation) -> str:
        """The reason, or empty."""
        if situation.shelf in self.shelves:
            return self.rule(situation)
        if situation.shelf is Shelf.TRASH:
            return _("These runs lie in the trash; restore them first.")
        return _("Only for {shelf}.", shelf=" / ".join(_(shelf.value) for shelf in self.shelves))


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


def _emptyable(situation: Situation) -> str:
    return situation.read_only or ("" if situation.trash else _("The trash is empty."))


def _undoable(situation: Situation) -> str:
    return situation.read_only or ("" if situation.undoable else _("Nothing was deleted or archived since the start."))


ENTRIES: dict[RunAction, Entry] = {
    RunAction.COMPARE: Entry(
        _("Compare"), _("Curves and fields of the chosen runs side by side"), "ph.chart-line", _some, "Return"
    ),
    RunAction.CLASSIFY: Entry(
        _("Classify with"), _("Show images to the chosen runs"), "ph.image", _with_weights, "Ctrl+L"
    ),
    RunAction.INSIDE: Entry(
        _("Look inside"),
        _("Gradients, responses and lesions of the chosen runs"),
        "ph.magnifying-glass",
        _with_weights,
        "Ctrl+Shift+L",
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
    RunAction.MORE_SEEDS: Entry(
        _("More seeds"),
        _("What the chosen runs or groups lack for the next verdict, at 3, 5 or 10 seeds, with seeds that none has"),
        "ph.plus-circle",
        _repeatable,
    ),
    RunAction.RENAME: Entry(_("Rename"), _("Change the name in place"), "ph.pencil-simple", _one_written, "F2"),
    RunAction.TAGS: Entry(_("Tags…"), _("Words of your own, with commas between them"), "ph.tag", _written, "Ctrl+G"),
    RunAction.NOTE: Entry(
        _("Note…"), _("Text of your own, as long as you like"), "ph.note-pencil", _one_written, "Ctrl+E"
    ),
    RunAction.COLOUR: Entry(_("Colour"), _("The colour on every page"), "ph.palette", _written),
    RunAction.DETAILS: Entry(
        _("Details"),
        _("Specification, environment and identity of the run"),
        "ph.info",
        _always,
        "Ctrl+I",
        shelves=frozenset(Shelf),
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
    RunAction.DESIGN: Entry(
        _("Open in Design"),
        _("A copy of network and recipe to change and train; of imported weights the network"),
        "ph.tree-structure",
        _one,
        "Ctrl+Shift+D",
    ),
    RunAction.COPY_ID: Entry(
        _("Copy id"), _("For the command line"), "ph.copy", _some, "Ctrl+C", shelves=frozenset(Shelf)
    ),
    RunAction.COPY_SPEC: Entry(
        _("Copy specification"), _("As TOML, for resnet-studio train"), "ph.file-text", _one, "Ctrl+Shift+C"
    ),
    RunAction.ARCHIVE: Entry(
        _("Archive"),
        _("Kept whole, but out of every list; can be undone"),
        "ph.archive",
        _deletable,
        "Ctrl+Shift+A",
        shelves=frozenset({Shelf.RUNS}),
    ),
    RunAction.UNARCHIVE: Entry(
        _("Take out of the archive"),
        _("Back into the lists"),
        "ph.tray",
        _written,
        shelves=frozenset({Shelf.ARCHIVE}),
    ),
    RunAction.DELETE: Entry(_("Delete"), _("Into the trash; can be undone"), "ph.trash", _deletable, "Del"),
    RunAction.RESTORE: Entry(
        _("Restore"),
        _("Out of the trash, to where it was"),
        "ph.arrow-bend-up-left",
        _written,
        shelves=frozenset({Shelf.TRASH}),
    ),
    RunAction.EMPTY: Entry(
        _("Empty trash…"),
        _("Remove deleted runs and their files for ever"),
        "ph.trash-simple",
        _emptyable,
        shelves=frozenset(Shelf),
    ),
    RunAction.UNDO: Entry(
        _("Undo"),
        _("Bring back what was deleted or archived last"),
        "ph.arrow-counter-clockwise",
        _undoable,
        "Ctrl+Z",
        shelves=frozenset(Shelf),
    ),
}

MENU: tuple[RunAction | None, ...] = (
    RunAction.COMPARE, RunAction.CLASSIFY, RunAction.INSIDE, None,
    RunAction.RESUME, RunAction.AGAIN, RunAction.MORE_SEEDS, RunAction.DESIGN, RunAction.FINE_TUNE, None,
    RunAction.RENAME, RunAction.TAGS, RunAction.NOTE, RunAction.COLOUR, None,
    RunAction.DETAILS, RunAction.COPY_ID, RunAction.COPY_SPEC, RunAction.EXPORT, None,
    RunAction.ARCHIVE, RunAction.UNARCHIVE, RunAction.DELETE, RunAction.RESTORE, RunAction.UNDO, None,
    RunAction.EMPTY,
)  # fmt: skip
