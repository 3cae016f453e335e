"""After a program died, the next command of any kind knows."""

import json

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

from .conftest import say


def test_reading_commands_see_that_a_program_died(home: Home, tiny_twin: CohortSpec):
    with RunStore.open(home) as store:
        for run in store.create_cohort(tiny_twin):
            store.set_status(run.id, RunStatus.RUNNING)
    listed = json.loads(say("--home", home.root, "runs", "list", "--json").out)
    assert {run["status"] for run in listed} == {"interrupted"}
    assert all(run["reason"] for run in listed)


def test_a_program_that_still_writes_is_left_alone(home: Home, tiny_twin: CohortSpec):
    with RunStore.open(home) as store:
        for run in store.create_cohort(tiny_twin):
            store.set_status(run.id, RunStatus.RUNNING)
        listed = json.loads(say("--home", home.root, "runs", "list", "--json").out)
    assert {run["status"] for run in listed} == {"running"}


def test_a_name_with_control_characters_is_refused(home: Home):
    said = say("--home", home.root, "train", "--name", "a\tb\x1b[31m", "--depth", "8")
    assert said.code == 2
    assert "control characters" in said.err
