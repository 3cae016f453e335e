"""Everything that is known about one run, to read and to copy, and how it stands to the paper."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QTabWidget,
    QTextBrowser,
    QToolButton,
    QWidget,
)

from resnet_studio.domain.documents import run_toml
from resnet_studio.domain.imported_weights import without_options
from resnet_studio.domain.records import NOT_KNOWN, EvaluationSummary, RunRecord
from resnet_studio.history.run_folders import StoredPreprocessing
from resnet_studio.studies.conformity import Conformity, State, of_run
from resnet_studio.text import _
from resnet_studio.ui.conformity.panel import ConformityPanel
from resnet_studio.ui.models import formats
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.layouts import STRETCH, in_column, in_row


class DetailsPanel(QFrame):
    """Shows :meth:`show_run`'s run; ``closed`` and ``copy_*_requested`` go to the page."""

    closed = Signal()
    copy_spec_requested = Signal()
    copy_id_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._run: RunRecord | None = None
        self._found: Conformity | None = None
        self._images: StoredPreprocessing | None = None
        named(self, "run_details", role="panel")
        self.setMinimumWidth(300)
        self._title = named(QLabel(self, textFormat=Qt.TextFormat.PlainText, wordWrap=True), role="heading")
        close = named(QToolButton(self), tip=_("Close the details (Ctrl+I)"), accessible=_("Close the details"))
        close.setText("×")
        close.clicked.connect(self.closed)
        self._text = named(QTextBrowser(self, openLinks=False), "run_details_text", accessible=_("Details of the run"))
        self._text.setFrameShape(QFrame.Shape.NoFrame)
        self._text.setStyleSheet("QTextBrowser { border: 0; padding: 0; background: transparent; }")
        self.conformity = ConformityPanel(theme, self)
        self.tabs = named(QTabWidget(self, documentMode=True), "run_details_tabs")
        self.tabs.tabBar().setDrawBase(False)
        self.tabs.addTab(self._text, _("Facts"))
        self.tabs.addTab(self.conformity, _("The paper"))
        self.tabs.setTabToolTip(1, _("How this run stands to each point of the paper"))
        self._copy_spec = QPushButton(_("Copy specification"), self)
        self._copy_spec.clicked.connect(self.copy_spec_requested)
        self._copy_id = QPushButton(_("Copy id"), self)
        self._copy_id.clicked.connect(self.copy_id_requested)
        head = in_row((self._title, 1), (close, 0, Qt.AlignmentFlag.AlignTop))
        foot = in_row(self._copy_spec, self._copy_id, STRETCH)
        in_column(head, (self.tabs, 1), foot, of=self, margins=(14, 10, 10, 12))
        theme.changed.connect(self.refresh)
        self.show_run(None)

    @property
    def text(self) -> str:
        return self._text.toPlainText()

    def show_run(
        self,
        run: RunRecord | None,
        others: Iterable[RunRecord] = (),
        evaluations: Sequence[EvaluationSummary] = (),
        images: StoredPreprocessing | None = None,
    ) -> None:
        """None for no run, or for several. The place in the text is kept while the run stays the same.

        Args:
            run: What is shown.
            others: All stored runs; those of other seeds are averaged with it.
            evaluations: Those of the run.
            images: What it does to its images, as far as that is stored.
        """
        found = None if run is None else of_run(run, others, evaluations)
        if run is not None and run == self._run and (found, images) == (self._found, self._images):
            return
        same = run is not None and self._run is not None and run.id == self._run.id
        place = self._text.verticalScrollBar().value() if same else 0
        self._run, self._found, self._images = run, found, images
        self.conformity.show_conformity(found)
        differing = 0 if found is None else len(found.of(State.DIFFERS))
        self.tabs.setTabText(
            1,
            _("The paper ({sign} {differing})", sign=State.DIFFERS.sign, differing=differing)
            if differing
            else _("The paper"),
        )
        self.refresh()
        self._text.verticalScrollBar().setValue(place)

    def refresh(self) -> None:
        run = self._run
        for button in (self._copy_spec, self._copy_id):
            button.setEnabled(run is not None)
        if run is None:
            self._title.setText(_("Details"))
            self._text.setHtml(
                _('<p style="color:{muted}">Choose one run to read all that is known about it.</p>', muted=self._muted)
            )
            return
        self._title.setText(run.name)
        self._text.setHtml(self._html(run))

    @property
    def _over_seeds(self) -> str:
        """Mean and deviation where the run has siblings of other seeds, else empty."""
        group = None if self._found is None else self._found.group
        return group.sentence if group is not None and group.count > 1 else ""

    @property
    def _muted(self) -> str:
        return self._theme.colour(Role.MUTED).name()

    def _html(self, run: RunRecord) -> str:
        images = self._images
        elsewhere = NOT_KNOWN if run.imported else ""  # what only its trainer could say
        facts = [
            (_("Network"), run.spec.network.label),
            (_("Status"), _(run.status.value)),
            (_("Iteration"), elsewhere or formats.run_progress(run)),
            (_("Training error"), formats.percent(run.training_error)),
            (
                _("Test error"),
                formats.percent(run.test_error) + (_(", the last one") if run.test_error is not None else ""),
            ),
            (_("Over seeds"), self._over_seeds),
            (_("(Best test error)"), formats.percent(run.best_test_error)),
            (_("Evaluated"), "; ".join(found.sentence for found in run.evaluated)),
            (_("Parameters"), formats.count(run.parameters)),
            (_("Multiply-adds"), formats.count(run.multiply_adds)),
            (_("Time in training"), elsewhere or formats.run_duration(run)),
            (_("Recipe"), elsewhere),
            (_("Seeds"), elsewhere),
            (_("Created"), formats.moment(run.created_at)),
            (_("Ended"), "" if run.ended_at is None else formats.moment(run.ended_at)),
            (_("Changed"), formats.moment(run.updated_at)),
            (_("Tags"), ", ".join(run.tags)),
            (_("Study"), run.study),
            (_("Data"), elsewhere or run.spec.data.source),
            (_("Image size"), images.size_text if images else ""),
            (_("Mean subtracted"), images.mean_text if images else ""),
            (_("Divided by"), images.std_text if images else ""),
            (_("Classes"), ", ".join(run.class_names)),
            ("Id", run.id),
            (_("Cohort"), run.cohort_id),
            (_("Weights (SHA-256)"), run.weights_sha256 or ""),
        ]
        mono = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).family()
        parts = []
        if run.reason:
            parts.append(f"<p>{escape(run.reason)}</p>")
        parts.append(self._table([(name, value) for name, value in facts if value]))
        if run.note:
            note = escape(run.note).replace("\n", "<br>")
            parts += [self._heading(_("Note")), f"<p>{note}</p>"]
        parts.append(self._heading(_("Specification")))
        style = _("font-family:'{mono}'; font-size:9pt; white-space:pre-wrap", mono=mono)
        parts.append(f'<pre style="{style}">{escape(run_toml(run))}</pre>')
        if run.environment:
            heading, text = (
                (_("Where the weights come from"), without_options) if run.imported else (_("Environment"), str)
            )
            words = [(name.replace("_", " "), text(value)) for name, value in sorted(run.environment.items())]
            parts += [self._heading(heading), self._table(words)]
        return "".join(parts)

    def _heading(self, text: str) -> str:
        return f'<p style="font-weight:600; margin-top:14px; margin-bottom:2px">{escape(text)}</p>'

    def _table(self, rows: list[tuple[str, str]]) -> str:
        cells = "".join(
            f'<tr><td style="color:{self._muted}; padding:1px 10px 1px 0">{escape(name)}</td>'
            f'<td style="padding:1px 0">{_breakable(value)}</td></tr>'
            for name, value in rows
        )
        return f"<table cellspacing=0>{cells}</table>"


def _breakable(value: str) -> str:
    """Long digests and paths may wrap."""
    if len(value) <= 32 or " " in value:
        return escape(value)
    return "\N{ZERO WIDTH SPACE}".join(escape(value[i : i + 16]) for i in range(0, len(value), 16))
