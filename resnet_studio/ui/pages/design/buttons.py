"""The row of buttons below a design: one of them is the obvious one."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QMenu, QPushButton, QWidget

from resnet_studio.domain.data_sets import DataSetRow
from resnet_studio.domain.enums import Family
from resnet_studio.domain.specs import RunSpec
from resnet_studio.studies.single_cohorts import SingleCohort
from resnet_studio.text import _
from resnet_studio.ui.pages.design.form import DesignForm
from resnet_studio.ui.theme import Role, Theme
from resnet_studio.ui.widgets.accessible_names import named
from resnet_studio.ui.widgets.elided import ElidedLabel
from resnet_studio.ui.widgets.layouts import in_row
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import counted

_ASKED = _("The program that holds the history is asked to train it with what waits")
NO_TWIN = _("A VGG net has no residual counterpart; train it alone.")


def missing_data(row: DataSetRow) -> str:
    return _("{title} is not on this machine: choose it under Data and press Download.", title=row.title)


def has_twin(spec: RunSpec) -> bool:
    return spec.network.family is not Family.VGG


class DesignButtons(QWidget):
    """The page connects the buttons; ``copy_requested(as a twin)`` comes from the menu of the last one."""

    copy_requested = Signal(bool)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._was_shown = False
        self.run_study = named(QPushButton(), "run_study_button", role="primary")
        self.train_twin = named(QPushButton(_("Train twin")), "train_twin_button")
        self.train_this = named(QPushButton(_("Train this")), "train_this_button")
        self.compare = named(QPushButton(_("Compare…")), "compare_networks_button")
        set_tip(self.compare, _("Two or three networks beside each other, with what differs (Ctrl+D)"))
        self.copy = named(QPushButton(_("Copy as command")), "copy_command_button")
        self._hint = named(ElidedLabel(), "design_hint", role="muted")
        self.inside = named(QPushButton(_("Look inside")), "look_inside_button")
        set_tip(self.inside, _("Signal check of this network and its twin before any training"))
        menu = QMenu(self)
        self._copy_twin = menu.addAction(_("Of the twin"))
        self._copy_twin.triggered.connect(lambda: self.copy_requested.emit(True))
        menu.addAction(_("Of this network")).triggered.connect(lambda: self.copy_requested.emit(False))
        self.copy.setMenu(menu)
        in_row(
            self.run_study,
            self.train_twin,
            self.train_this,
            (self._hint, 1),
            self.inside,
            self.compare,
            self.copy,
            of=self,
            margins=0,
            spacing=10,
        )
        theme.changed.connect(self._load_icons)

    def show_state(
        self, form: DesignForm, study: SingleCohort, *, untouched: bool, lacking: DataSetRow | None, writable: bool,
        held_elsewhere: bool,
    ) -> None:  # fmt: skip
        """What can be trained now, and why the rest cannot.

        Args:
            form: The design.
            study: The chosen one.
            untouched: The form shows the study as it is.
            lacking: The data set of the study, where it is not on this machine.
            writable: Runs can be stored.
            held_elsewhere: Not here, but another program can be asked to train them.
        """
        asked = _ASKED if held_elsewhere else ""
        writable = writable or held_elsewhere
        spec = form.spec
        twin = spec is None or has_twin(spec)
        obstacle = form.obstacle if spec is not None else ""
        no_twin = ("" if twin else NO_TWIN) or obstacle or form.twin_obstacle
        self.train_this.setEnabled(form.ready and writable)
        set_tip(self.train_this, obstacle or asked)
        self.train_twin.setEnabled(form.ready and writable and not no_twin)
        set_tip(self.train_twin, no_twin or asked)
        self._copy_twin.setEnabled(twin and not form.twin_obstacle)
        self.copy.setEnabled(spec is not None)
        self.inside.setEnabled(spec is not None)
        title, runs = study.title.partition(":")[0], len(study.cohort(0).runs)
        self.run_study.setText(_("Run study: {title} ({runs})", title=title, runs=counted(runs, "run", "runs")))
        self.run_study.setEnabled(writable and not lacking)
        set_tip(self.run_study, missing_data(lacking) if lacking else _("{question} Ctrl+R", question=study.question))
        alone = spec is not None and (not twin or bool(form.twin_obstacle))
        _set_primary(self.run_study, untouched)
        _set_primary(self.train_twin, not untouched and not alone)
        _set_primary(self.train_this, not untouched and alone)
        self._load_icons()
        self._hint.show_text(_hint(form, lacking))

    @Slot()
    def _load_icons(self) -> None:
        """Not before the page was shown: the first icon loads the fonts."""
        if self._was_shown:
            for button in (self.run_study, self.train_twin, self.train_this):
                bright = button.property("role") == "primary" and button.isEnabled()
                button.setIcon(self._theme.icon("ph.play", Role.ON_ACCENT if bright else Role.TEXT))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            QTimer.singleShot(0, self, self._load_icons)


def _set_primary(button: QPushButton, primary: bool) -> None:
    role = "primary" if primary else "secondary"
    if button.property("role") != role:
        button.setProperty("role", role)
        button.style().unpolish(button)
        button.style().polish(button)


def _hint(form: DesignForm, lacking: DataSetRow | None) -> str:
    """What is in the way, in a few words; empty if nothing is."""
    if form.spec is None:
        return _("A field needs another value.")
    if form.data.fault:
        return _("The data cannot be used.")
    if missing := form.data.missing or lacking:
        return _("Download {title} first.", title=missing.title)
    if form.start_fault:
        return _("The run to start from does not fit.")
    if form.class_fault:
        return _("The data has another number of classes.")
    return ""
