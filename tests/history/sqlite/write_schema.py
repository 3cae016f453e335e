"""Writes the fixture of today's schema: the history of the schema before it, migrated, with an analysis in it.

    python -m tests.history.sqlite.write_schema

For a new revision: ``BEFORE`` becomes the last fixture, and what the new tables hold is added below.
"""

from __future__ import annotations

import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.result import Net
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.history.sqlite.migrate import PRESENT
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from ...databases import database_of

FOLDER = Path(__file__).parent
BEFORE = FOLDER / "schema_0002.sql"
RESIDUAL = "f356d59bb619475e91abd9da31082f1e"
HEAD = """-- A history as the program with schema {head} left it: a twin that finished and was evaluated as an ensemble,
-- runs that were stopped, interrupted, left queued and deleted, one imported from a weights file, and a signal check.
"""


def analysis(run_id: str, weights: str) -> AnalysisRecord:
    """A signal check of the run, with numbers that JSON has in its own way."""
    net = Net("ResNet-8", 8, True, run_id, 12, weights, None, "#8C6D31")
    norms = np.array([0.25, 0.125, float("nan")])
    return AnalysisRecord(
        id="6f" * 16,
        analysis="signal",
        run_ids=(run_id,),
        definition="Euclidean norm of the loss's gradient.",
        settings={"images": 64, "seed": 3, "part": "test"},
        data="builtin",
        data_seed=0,
        data_sha256="d" * 64,
        images=64,
        seed=3,
        weights=(weights,),
        iterations=(12,),
        created_at=datetime(2026, 11, 26, 9, 40, 0, 125, UTC),
        seconds=0.5,
        outdated=(False,),
        result=SignalCheck(net, ("stage1.block1", "stage2.block1", "stage3.block1"), (3, 5, 7), norms, norms / 2, 2.25),
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder)).prepare()
        connection = sqlite3.connect(database_of(home))
        connection.executescript(BEFORE.read_text(encoding="utf-8"))
        connection.close()
        with RunStore.open(home) as store:
            store.add_analysis(analysis(RESIDUAL, store.checkpoints(RESIDUAL)[0].weights_sha256))
        connection = sqlite3.connect(database_of(home))
        lines = list(connection.iterdump())
        connection.close()
    text = HEAD.format(head=PRESENT.head) + "\n".join(lines) + "\n"
    (FOLDER / f"schema_{PRESENT.head}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
