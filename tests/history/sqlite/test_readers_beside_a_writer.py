"""A process that only reads must not take the writer's log away when it leaves."""

from resnet_studio.domain.specs import CohortSpec
from resnet_studio.history.store import RunStore

from ...databases import database_of

READ_AND_LEAVE = """
import sys
from resnet_studio.platform.home import Home
from resnet_studio.history.store import RunStore
with RunStore.open(Home.find(sys.argv[1]), writer=False) as store:
    print(len(store.list_runs()))
"""


def counted(spawn, home) -> int:
    process = spawn(READ_AND_LEAVE, str(home.root))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return int(out)


def test_readers_come_and_go_beside_a_writer(home, spawn, tiny_twin: CohortSpec):
    log = database_of(home).with_name(database_of(home).name + "-wal")
    with RunStore.open(home) as writer:
        writer.create_cohort(tiny_twin)
        assert len(writer.list_runs()) == 2, "the writing program reads as well"
        for wanted in (2, 4, 6):
            assert counted(spawn, home) == wanted
            assert log.exists(), "the log is still the writer's"
            writer.create_cohort(tiny_twin)
            with RunStore.open(home, writer=False) as beside:
                assert len(beside.list_runs()) == wanted + 2
