"""How soon the window is on the screen, and how evenly its thread runs while it trains. Needs a display.

    python tests/benchmarks/bench_window.py start [--runs 7]     time to the first painted window, beside a bare one
    python tests/benchmarks/bench_window.py tick --home DIR      opens the window; train in it, then close it
    python tests/benchmarks/bench_window.py runs [--home DIR] [--count 10000]    what a long list costs its thread

``runs`` prints, for each thing that a person does with a history of so many runs, milliseconds of the clock and of the
window thread's processor time, until it is painted; the second says something on a machine that does other work too.
A home that is given is filled once and kept.

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
from collections.abc import Callable
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


def long_list(home_folder: str, count: int) -> None:
    from PySide6.QtCore import QEventLoop, QTimer
    from PySide6.QtWidgets import QApplication

    from resnet_studio.domain.grouping import ALL_BUT_SEEDS, NO_GROUPS
    from resnet_studio.history.store import open_history
    from resnet_studio.platform.home import Home
    from resnet_studio.ui.application import Studio, make_application
    from resnet_studio.ui.pages.compare.page import CURVES, SCATTER, ComparePage
    from resnet_studio.ui.pages.runs.page import RunsPage
    from tests.benchmarks.bench_history import fill

    home = Home(Path(home_folder)).prepare()
    fill(home, count, 200)
    app = make_application()
    with open_history(home) as store:
        studio = Studio(home, store)
        window = studio.window
        window.show_and_build()
        window.resize(1280, 800)

        def rest(seconds: float) -> None:
            loop = QEventLoop()
            QTimer.singleShot(round(1000 * seconds), loop.quit)
            loop.exec()

        def show(name: str, *works: Callable[[], object]) -> None:
            wall, spent = [], []
            for work in works:
                began, used = time.perf_counter(), time.thread_time()
                work()
                QApplication.processEvents()
                window.repaint()
                wall.append(1000 * (time.perf_counter() - began))
                spent.append(1000 * (time.thread_time() - used))
                rest(0.1)
            print(f"{name:44} {statistics.median(wall):9.0f} {statistics.median(spent):9.0f}", flush=True)

        rest(3)
        print(f"{f'{count} runs':44} {'clock':>9} {'thread':>9}   milliseconds, medians")
        show("Runs, for the first time", lambda: window.pages.show_page("runs"))
        rest(3)
        runs = window.pages.page_of("runs", RunsPage)
        show("read again", *[runs.reload] * 5)
        group = runs.group_choice.set_grouping
        rounds = [grouping for _round in range(5) for grouping in (ALL_BUT_SEEDS, NO_GROUPS)]
        show("group all but the seed", lambda: group(ALL_BUT_SEEDS))
        show("group all but the seed, and back", *[lambda each=each: group(each) for each in rounds])
        show("group by depth and block", lambda: group(("depth", "block")))
        group(NO_GROUPS)
        typed = "depth:56 plain seed"
        keys = [lambda end=end: runs.filter_field.setText(typed[:end]) for end in range(1, len(typed) + 1)]
        show("filter, each key", *keys)
        runs.filter_field.clear()
        window.pages.show_page("compare")
        rest(1)
        compare = window.pages.page_of("compare", ComparePage)
        compare.show_part(CURVES)
        ids = [run.id for run in runs.model.records]
        choices = [ids[first :: len(ids) // 8][:8] for first in range(5)]
        show("Compare, eight runs", *[lambda each=each: compare.show_runs(each) for each in choices])
        compare.show_part(SCATTER)
        show("Scatter, all runs", lambda: compare.show_runs(ids))
        compare.show_part(CURVES)
        show("Curves, all runs ticked", lambda: compare.show_runs(ids[1:]))
        window.leave(ask=False)
        window.close()
        studio.take_down()
    del app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("start").add_argument("--runs", type=int, default=7)
    commands.add_parser("tick").add_argument("--home", required=True)
    runs = commands.add_parser("runs")
    runs.add_argument("--home", help="filled once and kept")
    runs.add_argument("--count", type=int, default=10_000)
    options = parser.parse_args()
    if options.command == "start":
        start(options.runs)
    elif options.command == "tick":
        tick(options.home)
    else:
        with tempfile.TemporaryDirectory() as folder:
            long_list(options.home or folder, options.count)


if __name__ == "__main__":
    main()
