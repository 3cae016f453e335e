"""What opening the history costs, and what it does not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

ROOT = Path(__file__).resolve().parents[2]

MEASURE = """
import json, sys, time
from pathlib import Path
from resnet_studio.platform.home import Home
from resnet_studio.history.store import RunStore
seconds = []
for _ in range(3):
    started = time.process_time()
    with RunStore.open(Home(Path(sys.argv[1]))) as store:
        seconds.append(time.process_time() - started)
        runs = len(store.list_runs())
loaded = [name for name in sys.modules if "." not in name]
print(json.dumps({"seconds": min(seconds), "runs": runs, "loaded": loaded}))
"""


@pytest.fixture
def backend() -> str:
    """These are about a file."""
    return "sqlite"


def test_opening_an_up_to_date_history_is_quick_and_loads_no_alembic(home: Home, tiny_twin: CohortSpec) -> None:
    with RunStore.open(home) as store:
        store.create_cohort(tiny_twin)
    output = subprocess.run(
        [sys.executable, "-c", MEASURE, str(home.root)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    found = json.loads(output)
    assert found["runs"] == 2
    assert not {"alembic", "mako", "torch", "PySide6"} & set(found["loaded"])
    assert found["seconds"] < 0.25, "some 10 ms"


def test_importing_the_room_loads_nothing() -> None:
    script = "import sys, resnet_studio.history; print('sqlalchemy' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert output.strip() == "False"


def test_the_migrations_are_in_the_wheel() -> None:
    from hatchling.builders.wheel import WheelBuilder

    names = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    folder = "resnet_studio/history/migrations"
    assert {f"{folder}/env.py", f"{folder}/script.py.mako", f"{folder}/versions/v0001_first_schema.py"} <= names
