"""Weights that a person imports and exports: the dialogs, and the work behind them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QDialog, QFileDialog, QWidget

from resnet_studio.domain.events import StopCheck
from resnet_studio.domain.imported_weights import WEIGHTS_SUFFIXES, is_weights_name
from resnet_studio.domain.records import RunRecord
from resnet_studio.text import _
from resnet_studio.ui.services import Services
from resnet_studio.ui.threads.jobs import Emit
from resnet_studio.ui.weights.dialog import ImportDialog
from resnet_studio.ui.weights.images_box import ImagesAnswer

_IMPORT = _(
    "Weights ({weights_suffixes});;All files (*)",
    weights_suffixes=" ".join(sorted(f"*{suffix}" for suffix in WEIGHTS_SUFFIXES)),
)
_EXPORT = _("safetensors, with everything (*.safetensors);;torchvision's names (*.pth);;ONNX (*.onnx)")


def are_weights(path: Path) -> bool:
    return is_weights_name(path.name)


class WeightsFiles(QObject):
    """``imported`` carries each new run; ``status_message`` and ``failed`` sentences."""

    imported = Signal(object)
    status_message = Signal(str)
    failed = Signal(str)

    def __init__(self, services: Services, window: QWidget) -> None:
        super().__init__(window)
        self._services, self._window = services, window
        self._waiting: list[Path] = []
        self._dialog: ImportDialog | None = None
        self._answer: ImagesAnswer | None = None  # of the last file that was imported

    @Slot()
    def choose(self) -> None:
        chosen, _unused = QFileDialog.getOpenFileNames(self._window, _("Choose weights"), "", _IMPORT)
        self.import_files([Path(path) for path in chosen])

    def import_files(self, paths: Sequence[Path]) -> None:
        """Ask about each of these files, one after another."""
        if paths and not self._services.store.writable:
            self.failed.emit(self._services.store.why_read_only)
            return
        self._waiting += paths
        self._next()

    def _next(self) -> None:
        if self._dialog is not None or not self._waiting:
            return
        self._dialog = ImportDialog(self._services, self._waiting.pop(0), self._window, self._answer)
        self._dialog.imported.connect(self.imported)
        self._dialog.finished.connect(self._on_closed)
        self._dialog.open()

    @Slot()
    def _on_closed(self) -> None:
        if self._dialog is not None and self._dialog.result() == QDialog.DialogCode.Accepted:
            self._answer = self._dialog.images.answer or self._answer
        self._dialog = None
        self._next()

    @Slot(object)
    def export(self, run: RunRecord) -> None:
        """Ask where to, then write in a thread of its own."""
        name = "".join(c if c.isalnum() or c in "-_ ." else "-" for c in run.name).strip(" .") or run.short_id
        chosen, kind = QFileDialog.getSaveFileName(self._window, _("Export weights"), f"{name}.safetensors", _EXPORT)
        if not chosen:
            return
        path = Path(chosen)
        if not path.suffix:
            path = path.with_suffix(kind.rpartition("*")[2].rstrip(")"))
        self.write(run, path)

    def write(self, run: RunRecord, path: Path) -> None:
        store = self._services.store

        def work(_emit: Emit, _should_stop: StopCheck) -> object:
            from resnet_studio.weights_io.export_weights import export_weights

            return export_weights(store, run, path)

        self.status_message.emit(_("Writing {name}…", name=path.name))
        self._services.jobs.start(work, on_done=self._on_exported, on_failed=self.failed.emit)

    @Slot(object)
    def _on_exported(self, exported: object) -> None:
        files = getattr(exported, "files", ())
        self.status_message.emit(_("Wrote {files}.", files=_(" and ").join(path.name for path in files)))
