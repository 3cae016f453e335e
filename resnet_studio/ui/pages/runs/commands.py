"""What the actions of the Runs page do with the chosen runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication

from resnet_studio.domain.documents import run_toml
from resnet_studio.domain.imported_weights import fine_tuning
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.specs import MAX_SEED, CohortSpec, RunSpec
from resnet_studio.studies.conformity import of_run
from resnet_studio.studies.conformity.texts import as_remarks
from resnet_studio.studies.more_seeds import more_seeds, more_seeds_sentence
from resnet_studio.text import _, _n
from resnet_studio.ui.models import formats
from resnet_studio.ui.models.runs_table import RunsTableModel
from resnet_studio.ui.navigator import Navigator
from resnet_studio.ui.pages.runs.actions import RunAction
from resnet_studio.ui.pages.runs.editor import RunEditor
from resnet_studio.ui.pages.runs.table_view import RunsView
from resnet_studio.ui.pages.runs.undo_bar import UndoBar


class RunCommands(QObject):
    """What can be done with runs of the history, and undone.

    ``message(sentence)`` for the status bar, ``restored(run ids)`` when a deletion was undone, ``emptying_requested``
    when the trash is to be emptied, which the page asks about.

    Colours and details are the page's own: they are no more than a menu and a panel.
    """

    message = Signal(str)
    restored = Signal(object)
    emptying_requested = Signal()
    deleting_unreadable_requested = Signal()

    def __init__(
        self,
        navigator: Navigator,
        table: RunsView,
        chosen: Callable[[], tuple[RunRecord, ...]],
        model: RunsTableModel,
        editor: RunEditor,
        undo_bar: UndoBar,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._navigator, self._table, self._chosen, self._model = navigator, table, chosen, model
        self._editor, self._undo_bar = editor, undo_bar
        self._handlers: dict[RunAction, Callable[[], object]] = {
            RunAction.COMPARE: self.compare,
            RunAction.CLASSIFY: self._classify,
            RunAction.INSIDE: self._look_inside,
            RunAction.RESUME: lambda: navigator.resume([run.id for run in chosen()]),
            RunAction.AGAIN: self._train_again,
            RunAction.MORE_SEEDS: self._more_seeds,
            RunAction.RENAME: lambda: table.edit_name(chosen()[0].id),
            RunAction.TAGS: lambda: editor.ask_tags(chosen()),
            RunAction.NOTE: lambda: editor.ask_note(chosen()[0]),
            RunAction.FINE_TUNE: lambda: navigator.design(fine_tuning(chosen()[0])),
            RunAction.EXPORT: lambda: navigator.export_weights(chosen()[0]),
            RunAction.COPY_ID: self.copy_id,
            RunAction.COPY_SPEC: self.copy_spec,
            RunAction.DESIGN: lambda: navigator.design(copy_to_design(chosen()[0])),
            RunAction.ARCHIVE: self._archive,
            RunAction.UNARCHIVE: lambda: editor.unarchive(tuple(run.id for run in chosen())),
            RunAction.RESTORE: lambda: editor.restore(tuple(run.id for run in chosen())),
            RunAction.EMPTY: self.emptying_requested.emit,
            RunAction.UNREADABLE: self.deleting_unreadable_requested.emit,
            RunAction.DELETE: self._delete,
            RunAction.UNDO: self.undo,
        }

    def run(self, action: RunAction) -> None:
        """Raises KeyError for an action of the page's own."""
        self._handlers[action]()

    def compare(self) -> None:
        if ids := [run.id for run in self._chosen()]:
            self._navigator.compare(ids)

    def _classify(self) -> None:
        self._navigator.classify([run.id for run in self._chosen() if run.weights_sha256])

    def _look_inside(self) -> None:
        self._navigator.look_inside([run.id for run in self._chosen() if run.weights_sha256])

    def _train_again(self) -> None:
        for cohort in cohorts_again(self._chosen()):
            self._navigator.train(cohort)

    def _more_seeds(self) -> None:
        cohorts = more_seeds(self._chosen(), self._model.records)
        for cohort in cohorts:
            self._navigator.train(cohort)
        self.message.emit(more_seeds_sentence(cohorts))

    def copy_id(self) -> None:
        runs = self._chosen()
        QGuiApplication.clipboard().setText("\n".join(run.id for run in runs))
        self.message.emit(
            _("Copied the id of {name}.", name=runs[0].name)
            if len(runs) == 1
            else _("Copied {runs} ids.", runs=len(runs))
        )

    def copy_spec(self) -> None:
        run = self._chosen()[0]
        remarks = as_remarks(of_run(run, self._model.records))
        QGuiApplication.clipboard().setText(f"{remarks}\n{run_toml(run)}")
        what = _("the network") if run.imported else _("the specification")
        self.message.emit(
            _("Copied {what} of {name}; resnet-studio train reads it as a file.", what=what, name=run.name)
        )

    def _archive(self) -> None:
        runs = self._chosen()
        if self._editor.archive(tuple(run.id for run in runs)):
            self._undo_bar.show_text(
                _n(
                    "“{name}” was archived.",
                    "{runs} were archived.",
                    len(runs),
                    runs=formats.runs(len(runs)),
                    name=runs[0].name,
                )
            )

    def _delete(self) -> None:
        runs, rows = self._chosen(), self._table.model()
        first = min((index.row() for index in self._table.selectionModel().selectedRows()), default=0)
        if not self._editor.delete(tuple(run.id for run in runs)):
            return
        what = _n(
            "“{name}” was deleted.", "{runs} were deleted.", len(runs), runs=formats.runs(len(runs)), name=runs[0].name
        )
        self._undo_bar.show_text(what)
        if left := rows.rowCount():
            self._table.selectRow(min(first, left - 1))

    def undo(self) -> None:
        if ids := self._editor.undo():
            self._undo_bar.hide()
            self.restored.emit(ids)
            self.message.emit(_("{runs} brought back.", runs=formats.runs(len(ids))))


def copy_to_design(run: RunRecord) -> RunSpec:
    """What the Design page opens: the run's own specification without its name.

    Of an imported run, whose recipe and data nobody knows, the network.
    """
    if run.imported:
        return RunSpec(network=run.spec.network)
    return run.spec.model_copy(update={"name": ""})


def cohorts_again(runs: Sequence[RunRecord]) -> list[CohortSpec]:
    """The members of each cohort among ``runs`` again, together, one seed further."""
    cohorts: dict[str, list[RunRecord]] = {}
    for run in runs:
        cohorts.setdefault(run.cohort_id, []).append(run)
    return [
        CohortSpec(study=members[0].study, runs=tuple(_next_seed(run.spec) for run in members))
        for members in cohorts.values()
    ]


def _next_seed(spec: RunSpec) -> RunSpec:
    """Other initial weights and another sample order, everything else the same."""
    return spec.with_seeds(*((seed + 1) % (MAX_SEED + 1) for seed in spec.recipe.seeds))
