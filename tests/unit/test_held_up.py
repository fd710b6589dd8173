"""What a camera loses while its messages are not taken."""

from __future__ import annotations

import numpy as np
import pytest

from aforo.clock import ManualClock
from aforo.model import Frame
from app.held_up import HeldUp

IMAGE = np.zeros((2, 2, 3), np.uint8)


def frame(at_s: float, dropped: int = 0) -> Frame:
    return Frame("north", "s", 0, round(at_s * 1e6), IMAGE, dropped)


def test_a_camera_that_is_never_held_up_loses_nothing_to_it() -> None:
    held = HeldUp(ManualClock(), 0.1, drops=True)
    held.next_frame(frame(0))
    held.next_frame(frame(5, dropped=49))  # the machine is slow: another matter
    assert held.dropped_s == 0


def test_a_live_camera_loses_what_passes_while_it_is_held_up() -> None:
    clock = ManualClock()
    held = HeldUp(clock, 0.1, drops=True)
    held.next_frame(frame(0))
    clock.advance(0.2)
    held.begins(0.2)
    assert held.dropped_s == pytest.approx(0.1)
    clock.advance(15.5)
    held.begins(0.2)
    assert held.dropped_s == pytest.approx(15.6)
    held.next_frame(frame(15.7, dropped=156))
    clock.advance(100)
    assert held.dropped_s == pytest.approx(15.6, abs=0.01)


@pytest.mark.parametrize("dropped", [0, 20])
def test_in_the_end_only_what_was_really_thrown_away_is_told(dropped: int) -> None:
    """The camera was silent for most of the time, or the recording was played on from where it was."""
    clock = ManualClock()
    held = HeldUp(clock, 0.1, drops=True)
    held.next_frame(frame(0))
    held.begins(0.0)
    clock.advance(15.7)
    held.next_frame(frame(2.1 if dropped else 0.1, dropped))
    assert held.dropped_s == pytest.approx(2.0 if dropped else 0.0)


def test_a_recording_that_waits_loses_nothing() -> None:
    clock = ManualClock()
    held = HeldUp(clock, 0.1, drops=False)
    held.next_frame(frame(0))
    held.begins(0.2)
    clock.advance(60)
    assert held.dropped_s == 0
    held.next_frame(frame(0.1))
    assert held.dropped_s == 0


def test_a_session_whose_times_begin_anew_counts_the_time_that_passed() -> None:
    clock = ManualClock()
    held = HeldUp(clock, 0.1, drops=True)
    held.next_frame(frame(1000))
    held.begins(0.0)
    clock.advance(10.1)
    held.next_frame(frame(5, dropped=3))
    assert held.dropped_s == pytest.approx(10)
