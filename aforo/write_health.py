"""Whether what is counted is really written: asked of the writing itself, never of a connection. Pure but for a lock.

One class for every place that writes: the counting of one process and an aggregator into a store, a worker into Kafka.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aforo.camera_state import Problem

OVERDUE_S = 8.0
"""Something waits to be written and nothing was for so long: that is a failure, whether anybody says so or not.

Longer than a store waits for a lock or a connection (5 s), after which it says itself what is wrong.
"""


@dataclass(frozen=True, slots=True)
class WriteState:
    """How writing goes at one moment.

    >>> WriteState(frames_waiting=256, frames_capacity=256).is_full
    True

    Attributes:
        problem: why nothing can be written; None while it can.
        failing_s: seconds since it began to fail, 0.0 while all is well.
        written_age_s: seconds since the last write that succeeded, None before the first.
        frames_waiting: analysed frames in the queue that is written from.
        frames_capacity: how many it takes before cameras have to wait; None where somebody else keeps them.
        rows_waiting: rows counted and not yet written.
        dropped_s: by camera, seconds of frames that were thrown away since the start because the queue was full.
        target: what is written to.
        handed_over: the last failure ended without a write: what waited is another process's to write.
    """

    problem: Problem | None = None
    failing_s: float = 0.0
    written_age_s: float | None = None
    frames_waiting: int = 0
    frames_capacity: int | None = None
    rows_waiting: int = 0
    dropped_s: Mapping[str, float] = field(default_factory=dict)
    target: Literal["store", "bus"] = "store"
    handed_over: bool = False

    @property
    def failure(self) -> str:
        """Why nothing can be written, one sentence in English; "" while it can."""
        return "" if self.problem is None else str(self.problem)

    @property
    def is_full(self) -> bool:
        """Whether cameras have to wait."""
        return self.frames_capacity is not None and self.frames_waiting >= self.frames_capacity

    def in_parts(self) -> dict[str, object]:
        """As answers have it: seconds with one decimal."""
        age_s = self.written_age_s
        return {
            "failure": self.failure,
            "failure_code": None if self.problem is None else self.problem.code,
            "failure_values": [] if self.problem is None else list(self.problem.values),
            "failing_s": round(self.failing_s, 1),
            "last_write_age_s": None if age_s is None else round(age_s, 1),
            "frames_waiting": self.frames_waiting,
            "frames_capacity": self.frames_capacity,
            "rows_waiting": self.rows_waiting,
            "dropped_s": {camera: round(seconds, 1) for camera, seconds in self.dropped_s.items()},
        }


class WriteHealth:
    """Keeps what the writing tells of itself. One thread tells, any may ask.

    >>> health = WriteHealth(lambda: 5.0, "the store")
    >>> health.failed(Problem.of("write-refused", "counts.db", "the disk is full"))
    >>> health.failure
    'cannot write the database counts.db: the disk is full'
    >>> health.written()
    >>> health.state().failure, health.state().written_age_s
    ('', 0.0)

    Args:
        now_s: a clock that never goes back, seconds.
        target: what is written to, as it is called in "TARGET has taken nothing".
    """

    def __init__(self, now_s: Callable[[], float], target: str) -> None:
        self._now_s, self._target = now_s, target
        self._lock = threading.Lock()
        self._problem: Problem | None = None
        self._failing_since_s: float | None = None
        self._waiting_since_s: float | None = None
        self._written_at_s: float | None = None
        self._handed_over = False

    def waits(self) -> None:
        """There is something to write; telling it again changes nothing until it is written."""
        with self._lock:
            if self._waiting_since_s is None:
                self._waiting_since_s = self._now_s()

    def handed_over(self) -> None:
        """What waited is somebody else's to write now: nothing fails here any more, and nothing was written."""
        with self._lock:
            self._handed_over = self._handed_over or self._failing_since_s is not None
            self._problem, self._failing_since_s, self._waiting_since_s = None, None, None

    def failed(self, problem: Problem) -> None:
        """A write failed; what was to be written still waits."""
        with self._lock:
            self._problem = problem
            if self._failing_since_s is None:
                self._failing_since_s = self._now_s()

    def written(self, *, more: bool = False) -> None:
        """A write succeeded; more: something else still waits."""
        with self._lock:
            self._written_at_s = self._now_s()
            self._problem, self._failing_since_s, self._handed_over = None, None, False
            self._waiting_since_s = self._written_at_s if more else None

    @property
    def failure(self) -> str:
        """Why nothing can be written, "" while it can."""
        return self.state().failure

    def state(self) -> WriteState:
        """How writing goes now; without the queue, of which this knows nothing."""
        with self._lock:
            now_s = self._now_s()
            age_s = None if self._written_at_s is None else now_s - self._written_at_s
            overdue = self._waiting_since_s is not None and now_s - self._waiting_since_s > OVERDUE_S
            problem = self._problem
            if overdue and problem is None:
                problem = Problem.of("write-overdue", self._target, f"{OVERDUE_S:g}")
            began_s = [at_s for at_s in (self._failing_since_s, self._waiting_since_s) if at_s is not None]
            failing_s = now_s - min(began_s) if problem is not None else 0.0
            return WriteState(problem, failing_s, age_s, handed_over=self._handed_over)
