"""Analyses: stored whole, listed lightly, gone with their runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import event, update

from resnet_studio.domain.analyses.records import AnalysisRecord
from resnet_studio.domain.analyses.responses import BlockResponse, LayerResponse, Responses
from resnet_studio.domain.analyses.result import AnalysisResult, Net
from resnet_studio.domain.analyses.shattered import Shattered
from resnet_studio.domain.analyses.signal import SignalCheck
from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.records import RunRecord
from resnet_studio.history.schema import AnalysisRow
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

Make = Callable[..., AnalysisRecord]


@pytest.fixture
def make(twins: tuple[RunRecord, ...]) -> Make:
    """Analyses of the first twin unless told otherwise."""

    def record(number: int = 0, **changes: object) -> AnalysisRecord:
        net = Net(twins[0].name, 8, False, twins[0].id, 12, "a" * 64, None, twins[0].colour)
        norms = np.array([0.1 + number, 0.2, float("nan")])
        made = AnalysisRecord(
            id=f"{number:032x}",
            analysis="signal",
            run_ids=(twins[0].id,),
            definition="Norm of the gradient: ä.",
            settings={"images": 40, "seed": 3, "part": "test"},
            data="folder:/somewhere/ä",
            data_seed=1,
            data_sha256="d" * 64,
            images=40,
            seed=3,
            weights=("a" * 64,),
            iterations=(12,),
            created_at=datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
            seconds=1.25,
            outdated=(True,),
            result=SignalCheck(net, ("one", "two", "three"), (3, 5, 7), norms, 1 / norms, 2.3),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    return record


def both(make: Make, twins: tuple[RunRecord, ...], number: int = 9) -> AnalysisRecord:
    return make(
        number, run_ids=tuple(run.id for run in twins), weights=("a" * 64, "b" * 64), iterations=(12, 13),
        outdated=(True, True),
    )  # fmt: skip


def assert_equal(found: AnalysisRecord, wanted: AnalysisRecord) -> None:
    for field in fields(AnalysisRecord):
        if field.name != "result":
            assert getattr(found, field.name) == getattr(wanted, field.name), field.name
    assert type(found.result) is type(wanted.result)
    np.testing.assert_equal(found.result.to_json(), wanted.result.to_json())


def test_what_is_stored_comes_back_whole(home: Home, store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    net = make().result.net
    layers = (LayerResponse("stem.conv", 1, 0.5), LayerResponse("stage1.block1.conv1", 2, 1 / 3))
    results: dict[str, AnalysisResult] = {
        "shattered": Shattered(net, {1: 0.5, 2: 0.25, 4: -0.0}, np.ones((2, 3)), np.arange(96.0).reshape(2, 48)),
        "responses": Responses(net, layers, (BlockResponse("stage1.block1", 2.0, 0.0),)),
    }
    records = [make(1), both(make, twins)]
    records += [make(n, analysis=key, result=one) for n, (key, one) in enumerate(results.items(), start=20)]
    for record in records:
        assert store.add_analysis(record) is record
    store.close()
    with RunStore.open(home, writer=False) as reader:
        for record in records:
            assert_equal(reader.analysis(record.id), record)


def test_lists_are_light_and_newest_first(store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    for record in (make(1), make(2, run_ids=(twins[1].id,), analysis="responses"), both(make, twins, 3)):
        store.add_analysis(record)
    store.analyses()  # the reader is there now
    statements: list[str] = []
    engine = store._storage._reader
    assert engine is not None
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_rest: statements.append(statement))
    listed = store.analyses()
    assert [found.id for found in listed] == [f"{number:032x}" for number in (3, 2, 1)]
    assert sum(statement.startswith("SELECT") for statement in statements) == 2  # analyses, members
    assert not any("analyses.result" in statement for statement in statements)
    assert listed[0].run_ids == tuple(run.id for run in twins)
    assert listed[0].settings["seed"] == listed[0].seed == 3
    assert [found.id for found in store.analyses(twins[1].id)] == [f"{number:032x}" for number in (3, 2)]
    assert [found.id for found in store.analyses(analysis="responses")] == [f"{2:032x}"]
    assert store.analyses(twins[0].id, "responses") == ()


def test_older_weights_are_marked(store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    store.set_weights(twins[0].id, "a" * 64)
    store.set_weights(twins[1].id, "c" * 64)
    store.add_analysis(both(make, twins))
    assert store.analyses()[0].outdated == (False, True)


def test_they_hide_and_go_with_their_runs(store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    kept = store.add_analysis(make(1))
    store.add_analysis(make(2, run_ids=(twins[1].id,)))
    store.add_analysis(both(make, twins, 3))
    store.delete([twins[1].id])
    assert [found.id for found in store.analyses()] == [kept.id]
    store.restore([twins[1].id])
    assert len(store.analyses()) == 3
    store.delete([twins[1].id])
    assert store.purge_deleted() == 1
    assert [found.id for found in store.analyses()] == [kept.id]
    with pytest.raises(UserError, match="no analysis"):
        store.analysis(f"{3:032x}")
    with store._storage.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM analysis_members").scalar() == 1


def test_what_cannot_be_stored_is_refused_whole(home: Home, store: RunStore, make: Make) -> None:
    with pytest.raises(UserError):
        store.add_analysis(make(1, run_ids=("f" * 32,)))
    with pytest.raises(UserError, match="designs alone"):
        store.add_analysis(make(1, run_ids=(), weights=(), iterations=()))
    store.add_analysis(make(2))
    with pytest.raises(UserError, match="stored already"):
        store.add_analysis(make(2))
    with RunStore.open(home, writer=False) as second, pytest.raises(StoreError, match="reading only"):
        second.add_analysis(make(3))
    assert len(store.analyses()) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"result": b"rubbish"}, "is damaged"),
        ({"analysis": "dreams"}, "does not know"),
        ({"analysis": "responses"}, "cannot be read"),
    ],
)
def test_damage_is_a_sentence(store: RunStore, make: Make, change: dict[str, object], sentence: str) -> None:
    made = store.add_analysis(make(1))
    with store._storage.writing() as session:
        session.execute(update(AnalysisRow).values(**change))
    with pytest.raises(StoreError, match=sentence):
        store.analysis(made.id)
    assert len(store.analyses()) == 1
