"""The tables as typed ORM classes. Nothing here assumes SQLite: types are portable, keys are plain integers.

The migrations in ``migrations/versions`` make the same tables; a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from resnet_studio.domain.enums import RunStatus
from resnet_studio.domain.series import Series
from resnet_studio.history.column_types import Finite, whole, words
from resnet_studio.history.odd_values import Lenient, StoredEnum, StoredFacts, StoredWords

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every schema this program knows, oldest first; the last one is what it reads and writes."""

NAME_LENGTH = 200
TAG_LENGTH = 100


class UtcDateTime(Lenient):
    """Aware times in Python, naive UTC in the database (SQLite drops time zones)."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


class SeriesName(Lenient):
    """A series kept under its name, so that a new row and a series of one layer need no migration."""

    impl = words(32)
    cache_ok = True

    def process_bind_param(self, value: Series | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(Series(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Series | None:  # noqa: ARG002
        return None if value is None else Series(value)


def _words(kind: type[RunStatus]) -> StoredEnum:
    return StoredEnum(
        kind, native_enum=False, create_constraint=False, length=32, values_callable=lambda e: [m.value for m in e]
    )


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, float: Finite}  # noqa: RUF012  (read by SQLAlchemy)


class CohortRow(Base):
    """Runs that train in lock-step. ``key`` rises with each new cohort: that is the order of creation."""

    __tablename__ = "cohorts"

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(words(32), unique=True)
    name: Mapped[str] = mapped_column(words(NAME_LENGTH))
    study: Mapped[str] = mapped_column(words(100), index=True)
    created_at: Mapped[datetime]


class RunRow(Base):
    """One run and everything a list shows of it; curves and checkpoints lie in tables of their own.

    Errors are in percent and NULL where they are not measured or not finite. ``deleted_at`` hides a run until it is
    restored or purged; ``ended_at`` is by the database's clock, and NULL too where an earlier schema did not keep it.
    """

    __tablename__ = "runs"
    __table_args__ = (Index(None, "cohort_key", "position", unique=True),)

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(words(32), unique=True)
    cohort_key: Mapped[int] = mapped_column(ForeignKey("cohorts.key"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(words(NAME_LENGTH), index=True)
    status: Mapped[RunStatus] = mapped_column(_words(RunStatus), index=True)
    reason: Mapped[str] = mapped_column(Text)
    spec: Mapped[str] = mapped_column(Text)
    iteration: Mapped[int]
    training_error: Mapped[float | None]
    test_error: Mapped[float | None]
    best_test_error: Mapped[float | None]
    parameters: Mapped[int] = mapped_column(BigInteger)
    multiply_adds: Mapped[int] = mapped_column(BigInteger)
    weights_sha256: Mapped[str | None] = mapped_column(words(64))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    seconds: Mapped[float]
    colour: Mapped[str] = mapped_column(words(7))
    note: Mapped[str] = mapped_column(Text)
    class_names: Mapped[list[str]] = mapped_column(StoredWords)
    environment: Mapped[dict[str, Any]] = mapped_column(StoredFacts)
    deleted_at: Mapped[datetime | None] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]

    cohort: Mapped[CohortRow] = relationship(lazy="raise")
    tags: Mapped[list[TagRow]] = relationship(
        lazy="raise", order_by="TagRow.position", cascade="all, delete-orphan", passive_deletes=True
    )


class ArchivedRunRow(Base):
    """A run that lists leave out until it is taken out of the archive."""

    __tablename__ = "archived_runs"

    run_key: Mapped[int] = mapped_column(ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True)
    archived_at: Mapped[datetime]


class TagRow(Base):
    """One word of the user's on one run."""

    __tablename__ = "tags"

    run_key: Mapped[int] = mapped_column(ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(words(TAG_LENGTH), primary_key=True, index=True)
    position: Mapped[int]


class CurveChunkRow(Base):
    """Points of one series: ``points`` holds ``count`` little-endian float32, bit for bit as measured.

    Of a series of layers it holds ``count`` times as many values as there are layers, those of one point together: a
    row for every layer would be thousands a second for the deepest networks.

    ``minimum`` and ``maximum`` are taken over finite values and NULL without any; ``last`` is NULL where the last value
    is not finite, and of layers.
    """

    __tablename__ = "curve_chunks"

    run_key: Mapped[int] = mapped_column(ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True)
    series: Mapped[Series] = mapped_column(SeriesName, primary_key=True)
    first_iteration: Mapped[int] = mapped_column(primary_key=True)
    last_iteration: Mapped[int]
    stride: Mapped[int]
    count: Mapped[int]
    minimum: Mapped[float | None]
    maximum: Mapped[float | None]
    last: Mapped[float | None]
    points: Mapped[bytes] = mapped_column(LargeBinary)


class CheckpointRow(Base):
    """A whole checkpoint that lies on disk; ``folder`` is relative to the runs folder."""

    __tablename__ = "checkpoints"

    run_key: Mapped[int] = mapped_column(ForeignKey("runs.key", ondelete="CASCADE"), primary_key=True)
    iteration: Mapped[int] = mapped_column(primary_key=True)
    folder: Mapped[str] = mapped_column(Text)
    weights_sha256: Mapped[str] = mapped_column(words(64))
    seconds: Mapped[float]
    created_at: Mapped[datetime]


class EvaluationRow(Base):
    """What a run, or an ensemble, got on labelled images under one protocol. ``protocol`` is JSON.

    From ``class_names`` on, columns are compressed: a list never reads them. Errors are in percent. ``skipped`` holds
    ``left_out`` names of files, and after them the notes on pixels.
    """

    __tablename__ = "evaluations"

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(words(32), unique=True)
    protocol_key: Mapped[str] = mapped_column(words(200), index=True)
    protocol: Mapped[str] = mapped_column(Text)
    data: Mapped[str] = mapped_column(Text)
    data_seed: Mapped[int] = mapped_column(whole())
    data_sha256: Mapped[str] = mapped_column(words(64))
    images: Mapped[int]
    classes: Mapped[int]
    left_out: Mapped[int]
    top1_error: Mapped[float]
    top5_error: Mapped[float]
    created_at: Mapped[datetime]
    seconds: Mapped[float]
    class_names: Mapped[bytes] = mapped_column(LargeBinary)
    skipped: Mapped[bytes] = mapped_column(LargeBinary)
    confusion: Mapped[bytes] = mapped_column(LargeBinary)
    labels: Mapped[bytes] = mapped_column(LargeBinary)
    predicted: Mapped[bytes] = mapped_column(LargeBinary)
    confidence: Mapped[bytes] = mapped_column(LargeBinary)
    names: Mapped[bytes] = mapped_column(LargeBinary)


class EvaluationMemberRow(Base):
    """One network of an evaluation, with the weights it had; ``top1_error`` is its own, NULL where it was alone."""

    __tablename__ = "evaluation_members"

    evaluation_key: Mapped[int] = mapped_column(ForeignKey("evaluations.key", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    run_key: Mapped[int] = mapped_column(ForeignKey("runs.key"), index=True)
    weights_sha256: Mapped[str] = mapped_column(words(64))
    iteration: Mapped[int]
    top1_error: Mapped[float | None]


class AnalysisRow(Base):
    """What was found inside networks, runs among them.

    ``settings`` is JSON; ``result`` is JSON, compressed: a list never reads it.
    """

    __tablename__ = "analyses"

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(words(32), unique=True)
    analysis: Mapped[str] = mapped_column(words(32), index=True)
    definition: Mapped[str] = mapped_column(Text)
    settings: Mapped[str] = mapped_column(Text)
    data: Mapped[str] = mapped_column(Text)
    data_seed: Mapped[int] = mapped_column(whole())
    data_sha256: Mapped[str] = mapped_column(words(64))
    images: Mapped[int]
    seed: Mapped[int] = mapped_column(whole())
    created_at: Mapped[datetime]
    seconds: Mapped[float]
    result: Mapped[bytes] = mapped_column(LargeBinary)


class AnalysisMemberRow(Base):
    """One stored run of an analysis, with the weights it had."""

    __tablename__ = "analysis_members"

    analysis_key: Mapped[int] = mapped_column(ForeignKey("analyses.key", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    run_key: Mapped[int] = mapped_column(ForeignKey("runs.key"), index=True)
    weights_sha256: Mapped[str] = mapped_column(words(64))
    iteration: Mapped[int]


class QueueRow(Base):
    """Runs of one cohort that are to be trained, are being trained, or were; ``run_ids`` is a JSON list.

    ``position`` orders entries that wait; equal ones count in the order of ``key``. ``status`` and ``request`` are
    words of :mod:`resnet_studio.domain.queue`. From ``owner`` on, the columns belong to the claim: ``owner`` is empty
    without one, ``fence`` rises with each claim and each that is taken away, and the times are the database's.
    ``needs`` is a kind of device, NULL where every worker has what is asked for.
    """

    __tablename__ = "queue"

    key: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(words(32), unique=True)
    cohort_key: Mapped[int] = mapped_column(ForeignKey("cohorts.key", ondelete="CASCADE"), index=True)
    run_ids: Mapped[str] = mapped_column(Text)
    position: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(words(32), index=True)
    request: Mapped[str] = mapped_column(words(32))
    reason: Mapped[str] = mapped_column(Text)
    added_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    owner: Mapped[str] = mapped_column(words(200))
    host: Mapped[str] = mapped_column(words(255))
    device: Mapped[str] = mapped_column(words(100))
    fence: Mapped[int] = mapped_column(BigInteger)
    lease_until: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    speed: Mapped[float | None]
    needs: Mapped[str | None] = mapped_column(words(32))


class WorkerRow(Base):
    """A worker, as long as something is heard of it; ``kinds`` of devices that it has, with commas between them.

    Times are the database's. What it trains stands in the queue, under its name.
    """

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(words(200), primary_key=True)
    host: Mapped[str] = mapped_column(words(255))
    device: Mapped[str] = mapped_column(words(100))
    kinds: Mapped[str] = mapped_column(words(100))
    started_at: Mapped[datetime]
    heard_at: Mapped[datetime]
