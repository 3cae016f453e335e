"""Classify: images down the side, trained networks across the top, what each network sees where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import (
    QGuiApplication,
    QKeySequence,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QFileDialog,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from resnet_studio.domain.analyses.cam import CHECK, CHECK_SAYS
from resnet_studio.domain.errors import UserError
from resnet_studio.domain.records import NamedImage
from resnet_studio.platform.resources import resources
from resnet_studio.text import _, _n
from resnet_studio.ui.dropped_files import sort_files
from resnet_studio.ui.images.drop_target import DropTarget
from resnet_studio.ui.images.open_images import (
    NO_IMAGE,
    NOT_HERE,
    DroppedImages,
    choose_folder,
    choose_images,
    pasted_images,
)
from resnet_studio.ui.images.thumbnails import Thumbnails
from resnet_studio.ui.models import formats
from resnet_studio.ui.pages.base import Page, PageRow
from resnet_studio.ui.pages.classify.busy_row import BusyRow
from resnet_studio.ui.pages.classify.drop_zone import DropZone
from resnet_studio.ui.pages.classify.export import as_text
from resnet_studio.ui.pages.classify.grid import ResultsGrid
from resnet_studio.ui.pages.classify.maps import ClassMaps
from resnet_studio.ui.pages.classify.panel import NetworksPanel
from resnet_studio.ui.pages.classify.refused_files import RefusedDialog, summary
from resnet_studio.ui.pages.classify.results import ResultsModel
from resnet_studio.ui.pages.classify.run_choice import RunChoiceModel
from resnet_studio.ui.pages.classify.session import ClassifySession
from resnet_studio.ui.services import Services
from resnet_studio.ui.widgets.empty_state import EmptyState
from resnet_studio.ui.widgets.flow import FlowLayout
from resnet_studio.ui.widgets.focus import keeping_focus
from resnet_studio.ui.widgets.plain_tip import set_tip
from resnet_studio.ui.widgets.text import duration_text

_TYPING_MS = 400  # scales are typed digit by digit


class ClassifyPage(Page):
    """Takes images from drops, dialogs, the clipboard and the window; the session does the work."""

    def __init__(self, services: Services, row: PageRow, parent: QWidget | None = None) -> None:
        super().__init__(services, row, parent)
        self._store = services.store
        self._stale = True
        self._user_chose = False
        self._choosing = False  # the page itself changes the check marks
        self.choice = RunChoiceModel(services.theme, self)
        self.results = ResultsModel(self)
        self.session = ClassifySession(services, self.results, self)
        self.thumbnails = Thumbnails(services.jobs, self)
        self.maps = ClassMaps(services, self)
        self.zone = DropZone(services.theme, self)
        self.panel = NetworksPanel(self.choice, services.theme, self)
        self.grid = ResultsGrid(self.results, self.session, self.thumbnails, self.maps, services.theme, self)
        self._protocol_timer = QTimer(self, interval=_TYPING_MS, singleShot=True)
        self._drops = DropTarget(self)
        self._build()
        self._connect()
        self._update()

    def _build(self) -> None:
        title = QLabel(self.row.title, self)
        title.setProperty("role", "title")
        self._count = QLabel(self)
        self._count.setObjectName("classify_count")
        self._count.setProperty("role", "muted")
        self._refused = self._button("", "classify_refused", _("Which files, and why"))
        self._where = self._button(
            _("Where it looks"),
            "classify_where",
            _("Each network's class activation map over the image: bright where its first guess is seen"),
        )
        self._where.setCheckable(True)
        self._check = self._button(
            _(CHECK),
            "classify_check",
            _(
                "Beside each map the one of the same network with random weights, and how like the two are. {says}",
                says=_(CHECK_SAYS),
            ),
        )
        self._check.setCheckable(True)
        self._again = self._button(_("Look again"), "classify_again", _("With the newest weights of each network (F5)"))
        self._copy = self._button(_("Copy"), "classify_copy", _("The results as a table, for a spreadsheet"))
        self._export = self._button(_("Export CSV…"), "classify_export", _("The results as a file"))
        self._clear = self._button(_("Clear"), "classify_clear", _("Take all images away"))
        head = FlowLayout(6)  # in a narrow window the buttons take a second line
        title.setMinimumHeight(34)  # buttons that come and go do not move the page
        head.addWidget(title)
        head.addWidget(self._count)
        room = QWidget(self)
        room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        head.addWidget(room)
        for button in (
            self._refused, self._where, self._check, self._again, self._copy, self._export, self._clear,
        ):  # fmt: skip
            head.addWidget(button)

        self._busy = BusyRow(self.session, self)
        self._notice = QLabel(self)
        self._notice.setObjectName("classify_notice")
        self._notice.setProperty("role", "error")
        self._notice.setTextFormat(Qt.TextFormat.PlainText)
        self._notice.setWordWrap(True)

        right = self._right = QWidget(self)
        column = QVBoxLayout(right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.zone)
        column.addWidget(self._busy)
        column.addWidget(self._notice)
        column.addWidget(self.grid, 1)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self._splitter.addWidget(self.panel)
        self._splitter.addWidget(right)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setSizes([290, 890])
        self._splitter.setChildrenCollapsible(False)
        self._empty = EmptyState(
            _("No network has weights yet"),
            _(
                "Classifying needs a trained network. Train one on the Design page: weights are there from its first "
                "checkpoint on, long before the end."
            ),
            _("Go to Design"),
            self,
        )
        self._empty.setObjectName("classify_empty")
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self._splitter)
        self._stack.addWidget(self._empty)
        page = QVBoxLayout(self)
        page.setContentsMargins(20, 16, 20, 14)
        page.setSpacing(10)
        page.addLayout(head)
        page.addWidget(self._stack, 1)

    def _button(self, text: str, name: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setObjectName(name)
        set_tip(button, tip)
        return button

    def _connect(self) -> None:
        self.choice.chosen_changed.connect(self._on_chosen)
        self.panel.protocol.changed.connect(self._protocol_timer.start)
        self._protocol_timer.timeout.connect(self._on_protocol)
        self.session.changed.connect(self._update)
        self.session.status_message.connect(self.message)
        self.session.arrived.connect(self._on_arrived)
        self._drops.entered.connect(self._on_drag)
        self._drops.left.connect(self._on_drag_left)
        self._drops.dropped.connect(self._open)
        self.zone.files_requested.connect(self._on_open_files)
        self.zone.folder_requested.connect(self._on_open_folder)
        self.zone.paste_requested.connect(self.paste)
        self.zone.samples_requested.connect(self._on_samples)
        self.grid.remove_requested.connect(self._on_remove)
        self.grid.copy_requested.connect(self._on_copy)
        self._refused.clicked.connect(self._on_refused)
        self._where.toggled.connect(self._on_where)
        self._check.toggled.connect(self._on_check)
        self._again.clicked.connect(self._on_again)
        self._copy.clicked.connect(self._on_copy)
        self._export.clicked.connect(self._on_export)
        self._clear.clicked.connect(self._on_clear)
        self._busy.stop_requested.connect(self._on_stop)
        self._busy.go_on_requested.connect(self.session.go_on)
        self._empty.pressed.connect(self._on_design)
        self.services.controller.runs_changed.connect(self._on_runs_changed)
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        QShortcut(QKeySequence("Esc"), self, context=within).activated.connect(self._on_stop)
        QShortcut(QKeySequence("F5"), self, context=within).activated.connect(self._on_again)

    def activate(self) -> None:
        self._reload_if_stale()

    def classify_paths(self, paths: list[Path]) -> None:
        """Files and folders; folders are searched at any depth, what is no image is listed as left out."""
        self._reload_if_stale()
        self._take_protocol()
        self.session.add_paths(paths)

    def classify_images(self, images: Sequence[Path | NamedImage]) -> None:
        self._reload_if_stale()
        self._take_protocol()
        self.session.add_images(images)

    def choose_runs(self, run_ids: Sequence[str]) -> None:
        """Tick these runs and no others; those without weights are passed over."""
        self._reload_if_stale()
        self.choice.choose(run_ids)
        self._user_chose = True
        if not self.choice.chosen:
            self.message.emit(_("None of these runs has weights yet; they come with the first checkpoint."))

    def paste(self) -> None:
        """Classify the image or the files on the clipboard."""
        if not self._open(pasted_images()):
            self.message.emit(NO_IMAGE)

    def _open(self, dropped: DroppedImages) -> bool:
        """Images stay here; weights and studies go where they go from every other page."""
        files, navigator = sort_files(dropped.paths), self.services.navigator
        if files.weights:
            navigator.import_weights(files.weights)
        if files.others:
            self.classify_paths(list(files.others))
        for path in files.studies:
            navigator.open_study(path)
        if dropped.images:
            self.classify_images(list(dropped.images))
        if dropped.only_remote:
            self.message.emit(NOT_HERE)
        return bool(dropped)

    def _on_drag(self) -> None:
        self.zone.set_hot(True)

    def _on_drag_left(self) -> None:
        self.zone.set_hot(False)

    def _reload_if_stale(self) -> None:
        if not self._stale:
            return
        try:
            runs = self._store.list_runs()
        except UserError as error:
            self.message.emit(str(error))
            return
        self._stale = False
        self._choosing = True
        self.choice.set_runs(runs)
        self.results.set_names(self.choice.names)
        if not self._user_chose:
            self.choice.choose_newest()
        self._choosing = False
        self.session.set_runs(self.choice.chosen)
        self._update()

    def _on_design(self) -> None:
        self.services.navigator.design()

    def _on_runs_changed(self) -> None:
        self._stale = True
        if self.isVisible():
            self._reload_if_stale()

    def _on_chosen(self) -> None:
        if self._choosing:
            return
        self._user_chose = True
        self.session.set_runs(self.choice.chosen)

    def _on_protocol(self) -> None:
        choice = self.panel.protocol.choice
        if choice is not None:
            self.session.set_protocol(choice)

    def _take_protocol(self) -> None:
        """One that was chosen a moment ago holds for what is asked now."""
        if self._protocol_timer.isActive():
            self._protocol_timer.stop()
            self._on_protocol()

    def _on_stop(self) -> None:
        self._take_protocol()  # later it would begin anew what is stopped here
        self.session.stop()

    def _on_arrived(self, key: str) -> None:
        self.grid.setVisible(True)
        if layout := self._right.layout():
            layout.activate()  # the place that the grid has from now on
        row = self.results.row_of(key)
        if row is not None:
            self.grid.show_row(row)

    def _update(self) -> None:
        with keeping_focus(self, self._busy.stop, self._busy.go_on, self.grid, self.zone.open_files):
            self._show_state()
        self.working.emit(self._work())

    def _work(self) -> str:
        """What goes on, for the status bar; empty while nothing does."""
        if not self.session.busy:
            return ""
        left = self.session.seconds_left
        return _("Classifying…") if left is None else _("Classifying, {left} left", left=duration_text(left))

    def _show_state(self) -> None:
        images, refused = self.results.rowCount(), len(self.session.refused)
        self._stack.setCurrentWidget(self._splitter if self.choice.runs or images else self._empty)
        self.zone.set_large(not images)
        self.grid.setVisible(bool(images))
        self._count.setText(
            "" if not images else _n("1 image", "{amount} images", images, amount=formats.count(images))
        )
        self._refused.setText(summary(refused))
        self._refused.setVisible(bool(refused))
        for button in (self._where, self._check, self._again, self._copy, self._export, self._clear):
            button.setVisible(bool(images))
        self._clear.setVisible(bool(images or refused))
        notices = [*self.session.notices.values(), *self.results.image_notes]
        self._notice.setText("\n".join(notices))
        self._notice.setVisible(bool(notices))
        self._busy.show_progress(views=self.results.asked.protocol.views)
        self.grid.repaint_all()

    def _on_open_files(self) -> None:
        self._open(DroppedImages(choose_images(self, self.services.preferences)))

    def _on_open_folder(self) -> None:
        self._open(DroppedImages(choose_folder(self, self.services.preferences)))

    def _on_samples(self) -> None:
        try:
            folder = resources() / "samples"
        except FileNotFoundError as error:
            self.message.emit(str(error))
            return
        self.classify_paths([folder])

    def _on_remove(self) -> None:
        self.results.remove_images(self.grid.chosen_keys)
        self._update()

    def _on_clear(self) -> None:
        self.session.clear()
        self.thumbnails.clear()
        self.maps.forget()

    def _on_where(self, on: bool) -> None:
        self.maps.set_on(on)
        if not on:
            self._check.setChecked(False)

    def _on_check(self, on: bool) -> None:
        if on:
            self._where.setChecked(True)
        self.maps.set_checking(on)

    def _on_again(self) -> None:
        self.maps.forget()
        self.session.look_again()

    def _on_refused(self) -> None:
        RefusedDialog(self.session.refused, self).open()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self.results, "\t"))
        self.message.emit(_("Copied the results."))

    def _on_export(self) -> None:
        path, _unused = QFileDialog.getSaveFileName(
            self, _("Export the results"), "classification.csv", _("CSV (*.csv)")
        )
        if path:
            self.export_to(Path(path))

    def export_to(self, path: Path) -> None:
        """Write the results as CSV; what goes wrong stands in the status bar."""
        try:
            path.write_text(as_text(self.results), encoding="utf-8", newline="")
        except OSError as error:
            self.message.emit(
                _(
                    "{name} cannot be written ({strerror}); choose another place.",
                    name=path.name,
                    strerror=error.strerror or error,
                )
            )
        else:
            self.message.emit(_("Wrote {path}.", path=path))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._reload_if_stale()
