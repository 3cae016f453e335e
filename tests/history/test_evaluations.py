"""Evaluations: stored whole, listed lightly, kept apart by protocol, gone with their runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import event, update
from sqlalchemy.orm import ORMExecuteState, Session

from resnet_studio.domain.errors import StoreError, UserError
from resnet_studio.domain.protocols import Protocol, ProtocolKind
from resnet_studio.domain.records import Evaluation, RunRecord
from resnet_studio.history.schema import EvaluationRow
from resnet_studio.history.store import RunStore
from resnet_studio.platform.home import Home

Make = Callable[..., Evaluation]
TEN = Protocol(kind=ProtocolKind.TEN_CROP)


@pytest.fixture
def make(twins: tuple[RunRecord, ...]) -> Make:
    """Evaluations of 40 images in three classes; of the first twin unless told otherwise."""

    def evaluation(number: int = 0, **changes: object) -> Evaluation:
        rng = np.random.default_rng(number)
        labels = np.sort(rng.integers(0, 3, 40)).astype(np.int32)
        predicted = rng.integers(0, 3, 40).astype(np.int32)
        confusion = np.zeros((3, 3), np.int64)
        np.add.at(confusion, (labels, predicted), 1)
        made = Evaluation(
            id=f"{number:032x}",
            run_ids=(twins[0].id,),
            protocol=Protocol(),
            data="folder:/somewhere/ä",
            data_seed=0,
            data_sha256="d" * 64,
            images=40,
            top1_error=100.0 * float(np.mean(labels != predicted)),
            top5_error=0.0,
            class_names=("blue", "green", "réd"),
            confusion=confusion,
            labels=labels,
            predicted=predicted,
            confidence=rng.random(40).astype(np.float32),
            names=tuple(f"test/blue/{index:03d} \U0001f600.png" for index in range(40)),
            member_errors=(),
            weights=("a" * 64,),
            iterations=(12,),
            created_at=datetime(2026, 1, 2, 3, 4, 5, 678, UTC),
            seconds=1.25,
            skipped=("test/blue/broken.png",),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    return evaluation


def ensemble(make: Make, twins: tuple[RunRecord, ...], number: int = 9) -> Evaluation:
    return make(
        number,
        run_ids=tuple(run.id for run in twins),
        member_errors=(40.0, 38.5),
        weights=("a" * 64, "b" * 64),
        iterations=(12, 13),
    )


def assert_equal(found: Evaluation, wanted: Evaluation) -> None:
    for field in fields(Evaluation):
        mine, theirs = getattr(found, field.name), getattr(wanted, field.name)
        if isinstance(theirs, np.ndarray):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype, field.name
        else:
            assert mine == theirs, field.name


def test_what_is_stored_comes_back_whole(home: Home, store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    one, both = make(1, protocol=TEN), ensemble(make, twins)
    noted = make(2, notes=("2 images: Its grey has more than 8 bits and was scaled.", "1 image: Ünverändert"))
    for evaluation in (one, both, noted):
        assert store.add_evaluation(evaluation) is evaluation
    store.close()
    with RunStore.open(home, writer=False) as reader:
        for evaluation in (one, both, noted):
            assert_equal(reader.evaluation(evaluation.id), evaluation)


def test_lists_are_light_and_newest_first(store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    for evaluation in (make(1), make(2, protocol=TEN, run_ids=(twins[1].id,)), ensemble(make, twins, 3)):
        store.add_evaluation(evaluation)
    store.evaluations()  # the reader is there now
    statements: list[str] = []
    engine = store._storage._reader
    assert engine is not None
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_rest: statements.append(statement))
    listed = store.evaluations()
    assert [found.id for found in listed] == [f"{number:032x}" for number in (3, 2, 1)]
    assert sum(statement.startswith("SELECT") for statement in statements) == 2  # evaluations, members
    blobs = ("confusion", "labels", "predicted", "confidence", "names", "class_names")
    assert not any(f"evaluations.{blob}" in statement for statement in statements for blob in blobs)
    whole = store.evaluation(listed[0].id)
    for name in ("run_ids", "protocol", "images", "top1_error", "member_errors", "gain", "weights", "created_at"):
        assert getattr(listed[0], name) == getattr(whole, name)
    assert (listed[0].classes, listed[0].skipped) == (3, 1)
    assert listed[0].gain == pytest.approx(38.5 - whole.top1_error)
    assert listed[1].gain is None
    assert [found.id for found in store.evaluations(twins[1].id)] == [f"{number:032x}" for number in (3, 2)]


def test_protocols_stay_apart(store: RunStore, make: Make) -> None:
    protocols = [
        Protocol(),
        TEN,
        Protocol(kind=ProtocolKind.TEN_CROP, resize=300),
        Protocol(kind=ProtocolKind.MULTI_SCALE),
        Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(224, 256)),
        Protocol(kind=ProtocolKind.MULTI_SCALE, scales=(224, 256), flip=True),
    ]
    for number, protocol in enumerate(protocols):
        store.add_evaluation(make(number, protocol=protocol))
    listed = store.evaluations()
    assert [found.protocol for found in reversed(listed)] == protocols
    assert len({found.protocol.key for found in listed}) == len(protocols)


def test_older_weights_are_marked(store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    store.set_weights(twins[0].id, "a" * 64)
    store.set_weights(twins[1].id, "b" * 64)
    store.add_evaluation(ensemble(make, twins))
    assert store.evaluations()[0].outdated == (False, False)
    store.set_weights(twins[1].id, "c" * 64)
    assert store.evaluations()[0].outdated == (False, True)


def test_evaluations_hide_and_go_with_their_runs(store: RunStore, twins: tuple[RunRecord, ...], make: Make) -> None:
    kept = store.add_evaluation(make(1))
    store.add_evaluation(make(2, run_ids=(twins[1].id,)))
    store.add_evaluation(ensemble(make, twins, 3))
    store.delete([twins[1].id])
    assert [found.id for found in store.evaluations()] == [kept.id]
    store.restore([twins[1].id])
    assert len(store.evaluations()) == 3
    store.delete([twins[1].id])
    assert store.purge_deleted() == 1
    assert [found.id for found in store.evaluations()] == [kept.id]
    with pytest.raises(UserError, match="no evaluation"):
        store.evaluation(f"{3:032x}")
    with store._storage.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM evaluation_members").scalar() == 1


def test_one_is_deleted_alone(store: RunStore, make: Make) -> None:
    for number in (1, 2):
        store.add_evaluation(make(number))
    store.delete_evaluation(f"{1:032x}")
    assert [found.id for found in store.evaluations()] == [f"{2:032x}"]
    with pytest.raises(UserError, match="no evaluation"):
        store.delete_evaluation(f"{1:032x}")


def test_what_cannot_be_stored_is_refused_whole(
    home: Home, store: RunStore, twins: tuple[RunRecord, ...], make: Make
) -> None:
    with pytest.raises(UserError):
        store.add_evaluation(make(1, run_ids=("f" * 32,)))
    store.add_evaluation(make(2))
    with pytest.raises(UserError, match="stored already"):
        store.add_evaluation(make(2))
    with pytest.raises(UserError):
        store.evaluations("f" * 32)
    with RunStore.open(home, writer=False) as second, pytest.raises(StoreError, match="reading only"):
        second.add_evaluation(make(3))
    assert len(store.evaluations()) == 1


def test_damage_is_a_sentence(store: RunStore, make: Make) -> None:
    made = store.add_evaluation(make(1))
    with store._storage.writing() as session:
        session.execute(update(EvaluationRow).values(labels=b"rubbish"))
    with pytest.raises(StoreError, match="is damaged"):
        store.evaluation(made.id)
    assert len(store.evaluations()) == 1


def test_a_home_without_a_history_has_none(home: Home) -> None:
    with RunStore.open(home, writer=False) as reader:
        assert reader.evaluations() == ()


def test_runs_carry_their_evaluated_errors_without_a_blob(store: RunStore, twins, make: Make) -> None:
    plain, residual = twins
    for run, sha256 in zip(twins, ("a" * 64, "b" * 64), strict=True):
        store.set_weights(run.id, sha256)
    store.add_evaluation(make(1, top1_error=12.5))
    store.add_evaluation(make(2, protocol=TEN, top1_error=11.5))
    store.add_evaluation(ensemble(make, twins))
    statements: list[str] = []

    def listen(state: ORMExecuteState) -> None:
        statements.append(str(state.statement))

    event.listen(Session, "do_orm_execute", listen)
    try:
        found = {run.id: run for run in store.list_runs()}
    finally:
        event.remove(Session, "do_orm_execute", listen)
    assert [(e.protocol.key, e.top1) for e in found[plain.id].evaluated] == [
        ("single", 40.0),  # of the ensemble: the member's own
        (TEN.key, 11.5),
        ("single", 12.5),
    ]
    assert [e.top1 for e in found[residual.id].evaluated] == [38.5]
    assert found[residual.id].evaluated[0].top5 is None
    assert statements
    assert not any(blob in text for text in statements for blob in ("confusion", "confidence", "curve_chunks"))
    assert store.get(plain.id) == found[plain.id]
    assert store.cohort_runs(plain.cohort_id)[0].evaluated == found[plain.id].evaluated


def test_an_evaluation_of_other_weights_is_outdated_and_not_the_runs_error(store: RunStore, twins, make: Make) -> None:
    store.set_weights(twins[0].id, "a" * 64)
    store.add_evaluation(make(1, top1_error=12.5))
    assert store.get(twins[0].id).evaluated_error.top1 == 12.5
    store.set_weights(twins[0].id, "c" * 64)
    run = store.get(twins[0].id)
    assert run.evaluated_error is None
    assert [found.outdated for found in run.evaluated] == [True]
    assert run.evaluated[0].sentence == (
        "12.50 % (top-5 0.00 %), single view, 40 images of folder:/somewhere/ä, with other weights than now"
    )


def test_a_list_goes_on_without_an_evaluation_that_cannot_be_read(store: RunStore, twins, make: Make) -> None:
    store.set_weights(twins[0].id, "a" * 64)
    store.add_evaluation(make(1, top1_error=12.5))
    with store._storage.writing() as session:
        session.execute(update(EvaluationRow).values(protocol='{"kind": "nonsense"}'))
    assert [run.evaluated for run in store.list_runs()] == [(), ()]
