"""Which frames are analysed, when they were seen, how fast they are handed out."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aforo.clock import ManualClock
from ingest.frame_times import Pace, PresentationTimes, Selection, SessionClock
from ingest.newest_slot import NewestSlot

SECOND = 1_000_000
STEPS = st.lists(st.integers(1, 3 * SECOND), min_size=1, max_size=300)
FPS = st.floats(0.1, 60)


@given(fps=FPS, steps=STEPS)
def test_selection_never_exceeds_its_rate_in_any_window(fps: float, steps: list[int]) -> None:
    times = list(itertools.accumulate(steps))
    selection = Selection(fps)
    chosen = [at for at in times if selection.due(at)]
    for first, last in itertools.combinations(range(len(chosen)), 2):
        window_s = (chosen[last] - chosen[first]) / SECOND
        assert last - first <= window_s * fps + 1.151


@given(fps=FPS, steps=STEPS)
def test_selection_takes_every_frame_of_a_slower_camera(fps: float, steps: list[int]) -> None:
    times = itertools.accumulate(step + math.ceil(SECOND / fps) for step in steps)
    selection = Selection(fps)
    assert all(selection.due(at) for at in times)


@given(source=st.floats(5, 60), share=st.floats(0.05, 1))
def test_selection_does_not_drift(source: float, share: float) -> None:
    fps, seconds = source * share, 100
    selection = Selection(fps)
    chosen = sum(selection.due(round(n * SECOND / source)) for n in range(int(source * seconds)))
    assert chosen == pytest.approx(fps * seconds, abs=2)


def test_without_a_rate_every_frame_is_chosen() -> None:
    selection = Selection(None)
    assert all(selection.due(at) for at in range(100))


@given(steps=STEPS, origin_ms=st.floats(-1e6, 1e6))
def test_real_presentation_times_pass_unchanged_whatever_their_origin(steps: list[int], origin_ms: float) -> None:
    times_us = [0, *itertools.accumulate(max(step, 1000) for step in steps)]
    times = PresentationTimes(40_000)
    got = [times.next_us(origin_ms + at / 1000) for at in times_us]
    assert got == pytest.approx(times_us, abs=3)


@given(positions=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=100))
def test_presentation_times_rise_from_zero_whatever_the_container_says(positions: list[float]) -> None:
    times = PresentationTimes(40_000)
    got = [times.next_us(position) for position in positions]
    assert got[0] == 0
    assert all(0 < later - earlier <= 86_400 * SECOND for earlier, later in itertools.pairwise(got))


@pytest.mark.parametrize(
    ("positions", "expected_ms"),
    [
        ([0, 0, 0, 0], [0, 40, 80, 120]),
        ([50, 66, 83, 0], [0, 16, 33, 73]),  # an AVI's last frame has no time
        ([0, 40, 26.5 * 3_600_000, 120], [0, 40, 80, 120]),  # an overflow of 33 bits at 90 kHz
        ([0, 40, 20, 120], [0, 40, 80, 120]),
    ],
)
def test_nonsense_times_follow_the_nominal_rate(positions: list[float], expected_ms: list[float]) -> None:
    times = PresentationTimes(40_000)
    assert [times.next_us(position) / 1000 for position in positions] == expected_ms


def play(pace: Pace, clock: ManualClock, frames: int, decoding_s: float, handling_s: float) -> list[int]:
    """Frames of a 10 fps recording that are handed out, when decoding and the consumer take so long per frame."""
    seen = []
    for n in range(frames):
        clock.advance(decoding_s)
        while (early_us := pace.early_us(n * 100_000)) > 0:
            clock.sleep(early_us / SECOND)
        if not pace.drops(n * 100_000):
            seen.append(n)
            clock.advance(handling_s)
    return seen


def test_a_fast_consumer_gets_every_frame_at_its_own_pace() -> None:
    clock = ManualClock()
    assert play(Pace(100_000, clock), clock, 50, 0.001, 0.05) == list(range(50))
    assert clock.monotonic_s() == pytest.approx(4.9, abs=0.1)


def test_a_slow_consumer_loses_frames_and_keeps_up() -> None:
    clock = ManualClock()
    seen = play(Pace(100_000, clock), clock, 50, 0.001, 0.3)
    assert 15 <= len(seen) <= 18
    assert clock.monotonic_s() == pytest.approx(5, abs=0.4)


def test_a_machine_that_cannot_decode_so_fast_plays_slowly_but_is_not_blind() -> None:
    clock = ManualClock()
    seen = play(Pace(100_000, clock), clock, 200, 0.25, 0.0)
    assert len(seen) >= 20
    assert max(b - a for a, b in itertools.pairwise(seen)) <= 7


def test_a_session_rises_strictly_and_a_clock_stepped_back_begins_another() -> None:
    clock = SessionClock()
    stamps = [clock.stamp(now) for now in (5_000_000, 5_000_000, 5_000_000, 5_000_050, 4_000_000, 4_000_100)]
    first, second = stamps[0][0], stamps[4][0]
    assert [(index, at) for _, index, at in stamps] == [
        (0, 5_000_000),
        (1, 5_000_001),
        (2, 5_000_002),
        (3, 5_000_050),
        (0, 4_000_000),
        (1, 4_000_100),
    ]
    assert [session for session, _, _ in stamps] == [first] * 4 + [second] * 2
    assert first != second


def test_the_slot_keeps_the_newest_and_counts_the_unseen() -> None:
    slot: NewestSlot[str] = NewestSlot()
    assert slot.take(0) is None
    slot.put("a")
    assert slot.take(0) == ("a", 0)
    assert slot.take(0) is None
    for item in "bcd":
        slot.put(item)
    assert slot.take(0) == ("d", 2)
    slot.put("e")
    assert slot.take(0) == ("e", 0)
