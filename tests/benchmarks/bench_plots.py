"""How long eight curves of 64 000 points take: thinning and handing over, and the repaint.

The paper's training length, with 128 test points a run; the repaint must stay below 20 ms.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("PYQTGRAPH_QT_LIB", "PySide6")

import numpy as np
from PySide6.QtWidgets import QApplication

from resnet_studio.domain.colours import colour_for_depth
from resnet_studio.domain.events import CurveChunk
from resnet_studio.domain.series import Series
from resnet_studio.ui.plots.curve_data import CurveBook
from resnet_studio.ui.plots.curve_plot import CurvePlot
from resnet_studio.ui.plots.panels import PlotOptions, PlottedRun
from resnet_studio.ui.theme import Theme

POINTS, ROUNDS = 64_000, 15


def measure() -> dict[str, tuple[float, float]]:
    """CPU milliseconds by name of the case: (thinning and handing over, repaint), medians; others do not count."""
    app = QApplication.instance() or QApplication([])
    rng, book, runs = np.random.default_rng(0), CurveBook(), []
    for depth in (20, 32, 56, 110):
        for residual in (False, True):
            run_id = f"{depth}-{residual}"
            runs.append(PlottedRun(run_id, run_id, colour_for_depth(depth), residual, depth, POINTS))
            level = 70 * np.exp(-np.arange(POINTS) / 15_000) + 12 + depth / 20 - 3 * residual
            noisy = np.clip(level + rng.normal(0, 3, POINTS), 0, 100).astype(np.float32)
            book.extend([CurveChunk(run_id, Series.TRAINING_ERROR, 1, noisy)])
            book.extend([CurveChunk(run_id, Series.TEST_ERROR, 500, level[499::500].astype(np.float32), 500)])
    plot = CurvePlot(Theme(), book)
    plot.resize(1200, 640)
    plot.set_runs(runs)
    plot.show()
    app.processEvents()
    cases = {
        "raw and mean of 50": PlotOptions(),
        "raw alone": PlotOptions(window=1),
        "mean of 250 alone": PlotOptions(window=250, raw=False),
        "raw and mean, logarithmic": PlotOptions(log=True),
    }
    found = {}
    for name, options in cases.items():
        plot.set_options(options)
        plot.draw()
        plot.grab()
        thinning, painting = [], []
        for _ in range(ROUNDS):
            begin = time.thread_time()
            plot.draw()
            middle = time.thread_time()
            plot.grab()
            thinning.append((middle - begin) * 1000)
            painting.append((time.thread_time() - middle) * 1000)
        found[name] = (statistics.median(thinning), statistics.median(painting))
    plot.close()
    return found


if __name__ == "__main__":
    slow = False
    for case, (thinning_ms, painting_ms) in measure().items():
        slow |= painting_ms > 20
        print(f"{case:28s} thinning {thinning_ms:5.1f} ms   repaint {painting_ms:5.1f} ms")
    sys.exit("the repaint takes longer than 20 ms" if slow else 0)
