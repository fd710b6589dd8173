"""Whether writing works, over any sequence of what may happen to it: no clock, no thread, no store."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.camera_state import Problem
from aforo.clock import ManualClock
from aforo.write_health import OVERDUE_S, WriteHealth, WriteState

HAPPENINGS = st.one_of(
    st.sampled_from(["waits", "failed", "written", "more", "handed_over"]),
    st.integers(1, 15).map(float),  # seconds that pass
)


@dataclass
class Model:
    """What is true, told in the plainest way."""

    now: float = 0.0
    written: float | None = None
    failed: float | None = None
    waits: float | None = None
    handed_over: bool = False

    def tell(self, what: str | float) -> None:
        if isinstance(what, float):
            self.now += what
        elif what == "waits":
            self.waits = self.now if self.waits is None else self.waits
        elif what == "failed":
            self.failed = self.now if self.failed is None else self.failed
        elif what == "handed_over":
            self.handed_over = self.handed_over or self.failed is not None
            self.failed = self.waits = None
        else:
            self.handed_over = False
            self.written, self.failed = self.now, None
            self.waits = self.now if what == "more" else None

    @property
    def works(self) -> bool:
        return self.failed is None and (self.waits is None or self.now - self.waits <= OVERDUE_S)


def tell(health: WriteHealth, clock: ManualClock, what: str | float) -> None:
    if isinstance(what, float):
        clock.advance(what)
    elif what == "failed":
        health.failed(Problem.of("unwritten", "the disk is full"))
    elif what in ("written", "more"):
        health.written(more=what == "more")
    else:
        getattr(health, what)()


@given(st.lists(HAPPENINGS, max_size=40))
def test_what_is_said_is_true_after_whatever_happened(happenings: list[str | float]) -> None:
    clock, model = ManualClock(), Model()
    health = WriteHealth(clock.monotonic_s, "the store")
    for what in happenings:
        tell(health, clock, what)
        model.tell(what)
        state = health.state()
        assert (state.failure == "") is model.works
        assert state.failure == health.failure
        assert state.handed_over is model.handed_over
        assert state.written_age_s == (None if model.written is None else pytest.approx(model.now - model.written))
        began = [at for at in (model.failed, model.waits) if at is not None]
        assert state.failing_s == pytest.approx(0.0 if model.works else model.now - min(began))
        if model.failed is not None:
            assert state.failure == "the disk is full"
        elif not model.works:
            assert "the store has taken nothing for 8 s and more" in state.failure


@given(st.lists(HAPPENINGS, max_size=20), st.integers(1, 10))
def test_after_the_first_failure_nobody_is_told_that_all_is_well_until_something_is_written(
    before: list[str | float], tries: int
) -> None:
    clock = ManualClock()
    health = WriteHealth(clock.monotonic_s, "the store")
    for what in before:
        tell(health, clock, what)
    for number in range(tries):
        health.waits()
        health.failed(Problem.of("unwritten", f"no {number}"))
        clock.advance(2)
        assert health.failure == f"no {number}"
    health.written()
    assert health.state() == WriteState(written_age_s=0.0)


def test_a_write_that_hangs_is_a_failure_within_ten_seconds() -> None:
    clock = ManualClock()
    health = WriteHealth(clock.monotonic_s, "the store")
    health.waits()
    clock.advance(7.9)
    assert health.failure == ""
    clock.advance(2)
    assert health.failure
    health.written()
    assert health.failure == ""


def test_a_quiet_night_is_no_failure() -> None:
    clock = ManualClock()
    health = WriteHealth(clock.monotonic_s, "the store")
    health.waits()
    health.written()
    clock.advance(36_000)
    assert (health.failure, health.state().written_age_s) == ("", 36_000)


@pytest.mark.parametrize(
    ("waiting", "capacity", "full"), [(0, 2, False), (1, 2, False), (2, 2, True), (3, 2, True), (10**6, None, False)]
)
def test_a_queue_is_full_where_it_has_an_end(waiting: int, capacity: int | None, full: bool) -> None:
    assert WriteState(frames_waiting=waiting, frames_capacity=capacity).is_full is full
