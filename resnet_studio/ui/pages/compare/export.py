"""What the Compare page writes to files: figures and tables, made off the GUI thread; and its button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from resnet_studio.domain.comparison import comparison_csv, display_names, summary_csv
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.grouping import RunGroup, groups_csv
from resnet_studio.domain.records import RunRecord
from resnet_studio.domain.series import Series
from resnet_studio.history.event_files import write_event_files
from resnet_studio.history.store import RunStore
from resnet_studio.platform.files import write_whole
from resnet_studio.studies.conformity import Conformity, of_run
from resnet_studio.studies.conformity.texts import as_caption, as_csv, csv_columns
from resnet_studio.text import _
from resnet_studio.ui.figures import FORMATS
from resnet_studio.ui.plots.export import FigureStyle, export_figure
from resnet_studio.ui.plots.layer_export import export_layers
from resnet_studio.ui.plots.panels import ERROR, LAYER_PANELS, Panel, PlotOptions, PlottedRun
from resnet_studio.ui.preferences import Preferences
from resnet_studio.ui.widgets.accessible_names import named


@dataclass(frozen=True, slots=True)
class ExportRow:
    text: str
    suffix: str
    key: str

    @property
    def kind(self) -> str:
        """As the file dialog shows it; empty for a folder."""
        if not self.suffix:
            return ""
        return FORMATS.get(self.suffix, _("CSV table (*.csv)"))


class Export(Enum):
    """The export menu, in its order."""

    PNG = ExportRow(_("Figure as PNG…"), ".png", "Ctrl+E")
    SVG = ExportRow(_("Figure as SVG…"), ".svg", "Ctrl+Shift+E")
    PDF = ExportRow(_("Figure as PDF…"), ".pdf", "")
    PAPER_PNG = ExportRow(_("As in the paper, PNG…"), ".png", "")
    PAPER_SVG = ExportRow(_("As in the paper, SVG…"), ".svg", "")
    PAPER_PDF = ExportRow(_("As in the paper, PDF…"), ".pdf", "")
    CURVES = ExportRow(_("Curves as CSV…"), ".csv", "")
    EVENTS = ExportRow(_("Curves as TensorBoard event files…"), "", "")
    RESULTS = ExportRow(_("Results as CSV…"), ".csv", "")
    CONFORMITY = ExportRow(_("Conformity as CSV…"), ".csv", "")

    @property
    def row(self) -> ExportRow:
        return self.value


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the page: runs, how they are looked at, and what they are compared with."""

    runs: tuple[RunRecord, ...]
    options: PlotOptions
    panel: Panel
    baseline: RunRecord | None
    plotted: tuple[PlottedRun, ...] = ()  # the lines, groups among them
    groups: tuple[RunGroup, ...] = ()
    group_baseline: str = ""  # id of a group

    @property
    def file_name(self) -> str:
        """A proposal without an ending; letters, digits and a few signs only."""
        names = (
            " ".join(run.name for run in self.runs) if len(self.runs) <= 4 else _("{runs} runs", runs=len(self.runs))
        )
        safe = "".join(c if c.isascii() and (c.isalnum() or c in "-+") else "-" for c in names).strip("-")
        return (safe or "comparison")[:80]


def export(kind: Export, shown: Shown, store: RunStore, path: Path) -> Path:
    """Write one file; a missing ending is added.

    Raises:
        UserError: If nothing is shown or the file cannot be written.
    """
    if not shown.runs:
        raise UserError(_("Nothing is shown, so there is nothing to export; tick some runs first."))
    if kind is Export.EVENTS:
        if not write_event_files(store, shown.runs, path, lambda: False):
            raise UserError(_("These runs have no curves, so there is nothing to write."))
        return path
    if path.suffix.lower() != kind.row.suffix:
        path = path.with_name(path.name + kind.row.suffix)
    ids = [run.id for run in shown.runs]
    if kind.row.suffix in FORMATS:
        style = FigureStyle.PAPER if kind.name.startswith("PAPER") else FigureStyle.OWN
        panel = ERROR if style is FigureStyle.PAPER else shown.panel
        curves = store.curves(ids, (*panel.series, Series.SECONDS))
        words = as_caption(list(zip(display_names(shown.runs).values(), _conformity(shown, store), strict=True)))
        if panel in LAYER_PANELS:
            return export_layers(curves, shown.runs, path, shown.options, panel, words)
        return export_figure(curves, shown.runs, path, shown.options, panel, words, style=style, plotted=shown.plotted)
    if kind is Export.CURVES:
        text = comparison_csv(shown.runs, store.curves(ids, shown.panel.series))
    elif kind is Export.CONFORMITY:
        text = as_csv(list(zip(shown.runs, _conformity(shown, store), strict=True)))
    elif shown.groups:
        text = groups_csv(shown.groups, shown.group_baseline)
    else:
        curves = store.curves(_with(ids, shown.baseline), ERROR.series)
        text = summary_csv(shown.runs, shown.baseline, curves, csv_columns(_conformity(shown, store)))
    return write_whole(path, text)


def _conformity(shown: Shown, store: RunStore) -> list[Conformity]:
    """Of each run, its siblings of other seeds looked for among all that are stored."""
    stored = store.list_runs()
    return [of_run(run, stored, store.evaluations(run.id)) for run in shown.runs]


def _with(ids: list[str], baseline: RunRecord | None) -> list[str]:
    return ids if baseline is None or baseline.id in ids else [*ids, baseline.id]


def exporting(
    kind: Export, shown: Shown, store: RunStore, path: Path
) -> Callable[[Callable[[object], None], StopCheck], object]:
    """:func:`export` as background work; its result is the path."""

    def work(_emit: Callable[[object], None], _should_stop: StopCheck) -> object:
        return export(kind, shown, store, path)

    return work


class ExportButton(QPushButton):
    """A menu of formats; ``chosen(Export, Path)`` after the file dialog. Its shortcuts work anywhere on the page."""

    chosen = Signal(object, object)

    def __init__(self, page: QWidget, preferences: Preferences, shown: Callable[[], Shown]) -> None:
        super().__init__(_("Export"), page)
        self._preferences, self._shown = preferences, shown
        named(self, "export_button", tip=_("Write what is shown to a file (Ctrl+E)"))
        menu = QMenu(self)
        for kind in Export:
            action = QAction(kind.row.text, self)
            action.setObjectName(f"export_{kind.name.lower()}_action")
            action.setData(kind.name)
            if kind.row.key:
                action.setShortcut(QKeySequence(kind.row.key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                page.addAction(action)
            action.triggered.connect(self._on_triggered)
            menu.addAction(action)
        self.setMenu(menu)

    @Slot()
    def _on_triggered(self) -> None:
        action, shown = self.sender(), self._shown()
        if not isinstance(action, QAction) or not shown.runs:
            return
        kind = Export[action.data()]
        folder = Path(self._preferences.value("compare/folder", str(Path.home()), str))
        proposal = str(folder / f"{shown.file_name}{kind.row.suffix}")
        title = kind.row.text.rstrip("…")
        if kind.row.suffix:
            path, _unused = QFileDialog.getSaveFileName(self, title, proposal, kind.row.kind)
        else:
            path = QFileDialog.getExistingDirectory(self, title, str(folder))
        if path:
            self._preferences.set_value("compare/folder", str(Path(path).parent))
            self.chosen.emit(kind, Path(path))
