"""How soon the window is on the screen, and how evenly its thread runs while it trains. Needs a display.

    python tests/benchmarks/bench_window.py start [--runs 7]     time to the first painted window, beside a bare one
    python tests/benchmarks/bench_window.py tick [--home DIR]    opens the window; train in it, then close it

``tick`` runs a 33 ms timer in the window's thread and prints, as JSON, the percentiles of the gaps between its ticks,
while something trained, while that began (torch is loaded, then the data), and while nothing did.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

PERIOD_MS = 33

_WATCH = """
import sys, time
started = float(sys.argv[1])
from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QApplication, QMainWindow
class Watch(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint and isinstance(watched, QMainWindow):
            QApplication.instance().removeEventFilter(self)
            QTimer.singleShot(0, self.tell)
        return False
    def tell(self):
        print(time.time() - started, "torch" in sys.modules, flush=True)
        QTimer.singleShot(0, QApplication.instance().closeAllWindows)
"""
_BARE = (
    _WATCH
    + """
app = QApplication([])
watch = Watch(); app.installEventFilter(watch)
window = QMainWindow(); window.resize(1280, 800); window.show()
app.exec()
"""
)
_STUDIO = (
    """
import sys
sys.argv = ["resnet-studio", *sys.argv[1:]]
"""
    + _WATCH
    + """
from resnet_studio.app import require_display, start_log
from resnet_studio.platform.home import Home
home = Home.find(sys.argv[2]).prepare()
require_display(); start_log(home)
from resnet_studio.ui.application import make_application, run_window
app = make_application()
watch = Watch(); app.installEventFilter(watch)
run_window(home)
"""
)


def first_paint(script: str, home: str) -> tuple[float, bool]:
    """Seconds from the start of the process to its first painted window, and whether torch was loaded by then."""
    command = [sys.executable, "-c", script, repr(time.time()), home]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60).stdout.split()
    return float(out[0]), out[1] == "True"


def start(runs: int) -> None:
    with tempfile.TemporaryDirectory() as home:
        first_paint(_STUDIO, home)  # makes the database; warms the disk
        first_paint(_BARE, home)
        pairs = [(first_paint(_STUDIO, home), first_paint(_BARE, home)) for _ in range(runs)]
    ours, bare = ([pair[side][0] for pair in pairs] for side in (0, 1))
    told = {
        "studio_median_s": round(statistics.median(ours), 3),
        "studio_max_s": round(max(ours), 3),
        "bare_median_s": round(statistics.median(bare), 3),
        "ratio": round(statistics.median(a / b for a, b in zip(ours, bare, strict=True)), 2),
        "torch_loaded": any(pair[0][1] for pair in pairs),
    }
    print(json.dumps(told))


def tick(home_folder: str) -> None:
    from PySide6.QtCore import QObject, Qt, QTimer, Slot
    from PySide6.QtWidgets import QApplication

    from resnet_studio.domain.events import CurvesGrew
    from resnet_studio.platform.home import Home
    from resnet_studio.ui.application import make_application, run_window
    from resnet_studio.ui.main_window import MainWindow

    class Ticker(QObject):
        def __init__(self) -> None:
            super().__init__()
            self.gaps: dict[str, list[float]] = {"starting": [], "training": [], "idle": []}
            self.stepping = False  # the first curve points came: torch is loaded, the data too
            self.window: MainWindow | None = None
            self.last = time.perf_counter()
            self.timer = QTimer(self, interval=PERIOD_MS, timerType=Qt.TimerType.PreciseTimer)
            self.timer.timeout.connect(self.on_tick)
            self.timer.start()

        @Slot()
        def on_tick(self) -> None:
            now = time.perf_counter()
            if self.window is None:
                found = [w for w in QApplication.topLevelWidgets() if isinstance(w, MainWindow)]
                if found:
                    self.window = found[0]
                    self.window.services.controller.happened.connect(self.on_event)
            elif not self.window.leaving:
                training = self.window.services.controller.training
                self.stepping = self.stepping and training
                key = "idle" if not training else "training" if self.stepping else "starting"
                self.gaps[key].append((now - self.last) * 1000)
            self.last = now

        @Slot(object)
        def on_event(self, event: object) -> None:
            self.stepping = self.stepping or isinstance(event, CurvesGrew)

    app = make_application()
    ticker = Ticker()
    run_window(Home.find(home_folder).prepare())
    told = {}
    for key, gaps in ticker.gaps.items():
        if len(gaps) > 20:
            cuts = statistics.quantiles(gaps, n=100)
            told[key] = {"ticks": len(gaps)} | {
                name: round(value, 1)
                for name, value in (("p50", cuts[49]), ("p95", cuts[94]), ("p99", cuts[98]), ("max", max(gaps)))
            }
    print(json.dumps(told), flush=True)
    del app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start").add_argument("--runs", type=int, default=7)
    commands.add_parser("tick").add_argument("--home", required=True)
    options = parser.parse_args()
    start(options.runs) if options.command == "start" else tick(options.home)


if __name__ == "__main__":
    main()
