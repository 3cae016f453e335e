"""The cohort loop: members train in lock-step, each batch prepared once and seen by all."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from resnet_studio.domain.enums import Phase, Precision, RunStatus
from resnet_studio.domain.errors import Stopped
from resnet_studio.domain.events import (
    CheckpointSaved,
    CurveChunk,
    CurvesGrew,
    EventSink,
    PhaseChanged,
    ProgressMade,
    StatusChanged,
    StopCheck,
)
from resnet_studio.domain.series import Series
from resnet_studio.networks.error_rates import count_errors
from resnet_studio.platform.clock import SteadySeconds
from resnet_studio.text import _
from resnet_studio.training.batch_norm import recompute
from resnet_studio.training.data_parallel import LostDeviceError
from resnet_studio.training.engines.eager import BatchSource, StepEngine
from resnet_studio.training.member import Member, Stopwatch
from resnet_studio.training.precision import arithmetic

_PAUSE_POLL = 0.05  # seconds between two looks at whether a pause is over
_PROGRESS_SECONDS = 0.5  # seconds between two fractions of a pass over images


@dataclass(frozen=True, slots=True)
class Shared:
    """What the members of a cohort share.

    Attributes:
        test_batches: Makes the test set's batches anew for each test.
        training_views: Makes the training set's batches in test form (not augmented), classes mixed, each image at
            least once, anew for each member whose batch-norm statistics are recomputed.
        test_images, training_views_images: How many images such a pass has, for progress.
        save: Writes a checkpoint of a member and returns the event for it.
        forget: Called with the run id once a newer checkpoint is on record: older ones may go.
        flush_seconds, checkpoint_seconds: How often curves are stored and checkpoints written.
    """

    batches: BatchSource
    test_batches: Callable[[], Iterable[tuple[Tensor, Tensor]]]
    test_images: int
    training_views: Callable[[], Iterable[tuple[Tensor, Tensor]]]
    training_views_images: int
    save: Callable[[Member], CheckpointSaved]
    forget: Callable[[str], None]
    precision: Precision
    flush_seconds: float = 1.0
    checkpoint_seconds: float = 30.0


class CohortLoop:
    """Trains members to the end of their recipes, or until stopped.

    Members may stand at different iterations (the program died between two of their checkpoints): those behind catch
    up alone, then all go on together.
    """

    def __init__(
        self, members: Sequence[Member], shared: Shared, engine: StepEngine, emit: EventSink, should_stop: StopCheck,
        should_pause: StopCheck,
    ) -> None:  # fmt: skip
        self._members, self._shared, self._engine, self._emit = list(members), shared, engine, emit
        self._should_stop, self._should_pause = should_stop, should_pause
        self._flushed, self._saved = Stopwatch(), Stopwatch()
        self._rate = Rate()
        self._phase: tuple[Phase, str] | None = None
        for member in self._members:
            engine.adopt(member)

    @property
    def going(self) -> list[Member]:
        return [member for member in self._members if not member.ended]

    def run(self) -> None:
        """Returns when every member has ended; each end was a StatusChanged.

        Raises:
            LostDeviceError: If a process of another device is gone, after a checkpoint.
        """
        try:
            while self.going:
                if self._should_stop():
                    raise Stopped
                if self._should_pause():
                    self._pause()
                    continue
                self._recompute()
                self._catch_up_tests()
                if finished := [m for m in self.going if m.iteration >= m.spec.recipe.iterations]:
                    self._finish(finished)
                else:
                    self._iterate()
        except Stopped:
            self._stop()
        except LostDeviceError:
            self.checkpoint()
            raise

    def _iterate(self) -> None:
        going = self.going
        if not going:  # a test was the last thing to do
            return
        self._enter(Phase.COMPILING if self._engine.compiling else Phase.TRAINING)
        behind = min(member.iteration for member in going)
        there = [member for member in going if member.iteration == behind]
        ahead = [member.iteration for member in going if member.iteration > behind]
        until = min([*(member.undecided_after() for member in there), *ahead])
        waited = self._engine.waited
        self._engine.advance(there, self._shared.batches, until)
        self._rate.leave_out(self._engine.waited - waited)
        self._rate.count(there[-1].iteration)
        if self._flushed.seconds >= self._shared.flush_seconds or any(member.full for member in going):
            self.flush()
        if self._saved.seconds >= self._shared.checkpoint_seconds:
            self.checkpoint()

    def flush(self) -> None:
        """Fetch and store what was measured; a member whose loss is no longer finite ends here."""
        chunks = [chunk for member in self.going for chunk in member.take_curves()]
        if chunks:
            self._emit(CurvesGrew(tuple(chunks)))
        for chunk in chunks:
            if chunk.series is Series.TRAINING_LOSS and not np.isfinite(chunk.values[-1]):
                self._diverge(chunk.run_id, chunk.last_iteration)
        self._progress()
        self._flushed.restart()

    def _progress(self) -> None:
        members = self.going or self._members
        iteration = min(member.iteration for member in members)
        iterations = members[0].spec.recipe.iterations
        rate = self._rate.per_second
        self._emit(
            ProgressMade(
                run_ids=tuple(member.run_id for member in members),
                iteration=iteration,
                iterations=iterations,
                seconds=sum(member.seconds for member in members),
                iterations_per_second=rate,
                seconds_left=(iterations - iteration) / rate if rate > 0 and iteration < iterations else None,
            )
        )

    def _recompute(self) -> None:
        """Measure batch-norm statistics anew where training has ended; a stop leaves them as training left them."""
        due = [member for member in self.going if member.recomputation_due]
        if not due:
            return
        self.flush()
        due = [member for member in due if not member.ended]
        with self._rate.interrupted():
            for done, member in enumerate(due):
                batches, images = self._shared.training_views(), self._shared.training_views_images
                with member.undo_unless_done():
                    recompute(
                        member.network,
                        self._watched(Phase.RECOMPUTING, member, batches, images, done, len(due)),
                        should_stop=self._should_stop,
                        precision=arithmetic(member.device, self._shared.precision),
                        pass_size=member.spec.recipe.pass_size,
                    )
                member.recomputed = True

    def _watched(
        self, phase: Phase, member: Member, batches: Iterable[tuple[Tensor, Tensor]], images: int, done: int, of: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """``batches`` of ``images`` in all, reporting how far they are: the ``done``-th of ``of`` such passes."""
        self._enter(phase, member.spec.label, done / of)
        seen, reported = 0, Stopwatch()
        for batch in batches:
            yield batch
            seen += len(batch[1])
            if reported.seconds >= _PROGRESS_SECONDS:
                reported.restart()
                run_ids = tuple(each.run_id for each in self.going)
                fraction = (done + min(seen / images, 1.0)) / of
                self._emit(PhaseChanged(run_ids, phase, member.spec.label, fraction))

    def _catch_up_tests(self) -> None:
        due = [member for member in self.going if member.test_due]
        if not due:
            return
        self.flush()
        due = [member for member in due if not member.ended]
        with self._rate.interrupted():
            chunks: list[CurveChunk] = []
            errors: list[float] = []
            for done, member in enumerate(due):
                batches, images = self._shared.test_batches(), self._shared.test_images
                result = count_errors(
                    member.network,
                    self._watched(Phase.TESTING, member, batches, images, done, len(due)),
                    should_stop=self._should_stop,
                    precision=arithmetic(member.device, self._shared.precision),
                )
                for series, value in ((Series.TEST_ERROR, result.top1_error), (Series.TEST_LOSS, result.loss)):
                    values = np.array([value], dtype=np.float32)
                    chunks.append(CurveChunk(member.run_id, series, member.iteration, values))
                errors.append(result.top1_error)
            self._emit(CurvesGrew(tuple(chunks)))
            for member, error in zip(due, errors, strict=True):
                member.see_test(error)

    def checkpoint(self, members: Sequence[Member] | None = None) -> None:
        """Store the curves, then each member's weights, then say so: no checkpoint runs ahead of its curves."""
        self.flush()
        with self._rate.interrupted():
            for member in self.going if members is None else members:
                if member.ended:
                    continue
                if not member.finite():
                    self._diverge(member.run_id, member.iteration, _("A weight or a batch-norm statistic"))
                    continue
                self._enter(Phase.SAVING, member.spec.label)
                self._emit(self._shared.save(member))
                self._shared.forget(member.run_id)
        self._saved.restart()

    def _finish(self, finished: Sequence[Member]) -> None:
        self.checkpoint(finished)
        for member in finished:
            if not member.ended:
                self._end(member, RunStatus.FINISHED, "")

    def _diverge(self, run_id: str, iteration: int, what: str = _("The loss")) -> None:
        member = next(m for m in self._members if m.run_id == run_id)
        reason = _(
            "{what} was no longer a finite number at iteration {iteration}; "
            "try a smaller learning rate. No checkpoint was written over a good one.",
            what=what,
            iteration=iteration,
        )
        self._end(member, RunStatus.DIVERGED, reason, iteration)

    def _end(self, member: Member, status: RunStatus, reason: str, iteration: int | None = None) -> None:
        member.ended = True
        at = member.iteration if iteration is None else iteration
        self._emit(StatusChanged(member.run_id, status, reason, at))

    def _stop(self) -> None:
        self.checkpoint()
        for member in self.going:
            self._end(member, RunStatus.STOPPED, "")

    def _pause(self) -> None:
        self.checkpoint()
        for member in self.going:
            self._emit(StatusChanged(member.run_id, RunStatus.PAUSED, "", member.iteration))
        self._enter(Phase.PAUSED)
        with self._rate.interrupted():
            while self._should_pause() and not self._should_stop():
                time.sleep(_PAUSE_POLL)
        for member in self.going:
            self._emit(StatusChanged(member.run_id, RunStatus.RUNNING, "", member.iteration))
        self._saved.restart()

    def _enter(self, phase: Phase, detail: str = "", fraction: float | None = None) -> None:
        if self._phase != (phase, detail):
            self._phase = (phase, detail)
            run_ids = tuple(member.run_id for member in self.going)
            self._emit(PhaseChanged(run_ids, phase, detail, fraction))


class Rate:
    """Iterations per second over about the last ten seconds of training, tests and checkpoints left out."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()
        self._steady = SteadySeconds()
        self._worked = 0.0  # seconds
        self._before: float | None = None

    def count(self, iteration: int) -> None:
        now = time.perf_counter()
        if self._before is not None:
            self._worked += self._steady(now - self._before)
        self._before = now
        self._points.append((self._worked, iteration))
        while len(self._points) > 2 and self._points[-1][0] - self._points[0][0] > 10:
            self._points.popleft()

    def leave_out(self, seconds: float) -> None:
        """Time since the last count that does not count towards the rate."""
        if self._before is not None:
            self._before += seconds

    @property
    def per_second(self) -> float:
        if len(self._points) < 2:
            return 0.0
        (t0, i0), (t1, i1) = self._points[0], self._points[-1]
        return (i1 - i0) / (t1 - t0) if t1 > t0 else 0.0

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Time that does not count towards the rate."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.leave_out(time.perf_counter() - start)
