"""Observed time: what no frame stands for was not observed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from trajectories import START_US, message

from aforo.model import MICROSECONDS, MINUTE_US, Coverage, TrackedFrame
from aggregate.counting.coverage import CoverageMeter


def frame(at_s: float, span_s: float = 0.1, **more: object) -> TrackedFrame:
    """An empty frame so many seconds after a whole minute."""
    return message(
        0, captured_at_us=START_US + round(at_s * MICROSECONDS), span_us=round(span_s * MICROSECONDS), **more
    )


def added(meter: CoverageMeter, frame: TrackedFrame) -> Sequence[Coverage]:
    """What the meter writes after a frame."""
    return meter.add(frame.captured_at_us, frame.span_us, frame.dropped, frame.last)


def table(frames: Iterable[TrackedFrame], meter: CoverageMeter | None = None) -> dict[float, Coverage]:
    """Per minute after the start its newest row; rows may only grow."""
    meter = meter or CoverageMeter("c", "s")
    newest: dict[float, Coverage] = {}
    for each in frames:
        for row in added(meter, each):
            minute = (row.minute_us - START_US) / MINUTE_US
            if (old := newest.get(minute)) is not None:
                assert row.observed_us >= old.observed_us
                assert row.frames >= old.frames
                assert row.dropped >= old.dropped
            newest[minute] = row
    return newest


def steady(seconds: float, fps: int = 10, start_s: float = 0.0) -> list[TrackedFrame]:
    return [frame(start_s + i / fps, 1 / fps) for i in range(1, round(seconds * fps) + 1)]


END = frame(200.0, 0.0, last=True)


def test_a_minute_that_was_watched_is_whole() -> None:
    rows = table([*steady(120), frame(120.0, 0.0, last=True)])
    assert [(rows[m].observed_us, rows[m].frames) for m in (0, 1)] == [(MINUTE_US, 599), (MINUTE_US, 600)]


def test_a_span_is_split_at_the_full_minute() -> None:
    rows = table([frame(59.9), frame(60.9, 1.0), END])
    assert rows[0].observed_us == round(0.1 * MICROSECONDS) + round(0.1 * MICROSECONDS)
    assert rows[1].observed_us == round(0.9 * MICROSECONDS)


def test_a_span_may_cover_several_minutes() -> None:
    rows = table([frame(150.0, 120.0), END])
    assert [rows[m].observed_us / MICROSECONDS for m in (0, 1, 2)] == [30, 60, 30]


def test_a_frame_on_the_full_minute_belongs_to_the_minute_that_begins_but_its_span_to_the_one_that_ends() -> None:
    rows = table([frame(60.0, 0.5), END])
    assert (rows[0].observed_us, rows[0].frames) == (MICROSECONDS // 2, 0)
    assert (rows[1].observed_us, rows[1].frames) == (0, 1)


def test_a_gap_was_not_observed() -> None:
    """Ten seconds, then nothing for three minutes, then ten seconds: the frame after the gap stands for itself only."""
    rows = table([*steady(10), *steady(10, start_s=190), frame(200.0, 0.0, last=True)])
    assert sorted(rows) == [0, 3]
    assert rows[0].observed_us == 10 * MICROSECONDS
    assert rows[3].observed_us == 10 * MICROSECONDS


def test_frames_that_were_dropped_are_told() -> None:
    rows = table([frame(1.0, dropped=2), frame(2.0), frame(3.0, dropped=5), END])
    assert (rows[0].frames, rows[0].dropped) == (3, 7)


def test_the_last_message_of_a_session_observes_nothing_but_writes_what_is_due() -> None:
    meter = CoverageMeter("c", "s")
    table([frame(1.0), frame(2.0)], meter)
    (row,) = added(meter, frame(2.0, 0.0, last=True))
    assert (row.frames, row.observed_us) == (2, round(0.2 * MICROSECONDS))


@pytest.mark.parametrize("begin", [1, 100, 300, 599, 600, 601, 1100])
def test_a_replay_from_the_middle_takes_nothing_away(begin: int) -> None:
    """It sees less of its first minute; the store keeps the larger figure of each minute, here as there."""
    frames = [*steady(110), frame(110.0, 0.0, last=True)]
    whole, again = table(frames), table(frames[begin:])
    assert set(again) <= set(whole)
    for minute, row in again.items():
        assert row.observed_us <= whole[minute].observed_us
        assert row.frames <= whole[minute].frames
    complete = [minute for minute in again if minute * 600 > begin]
    assert all(again[minute] == whole[minute] for minute in complete)


def test_rows_are_written_now_and_then_not_with_every_frame() -> None:
    meter = CoverageMeter("c", "s")
    written = sum(len(added(meter, each)) for each in steady(60))
    assert 10 <= written <= 20


def test_sessions_are_kept_apart() -> None:
    (row,) = added(CoverageMeter("north", "2"), frame(1.0))
    assert (row.camera, row.session, row.minute_us) == ("north", "2", START_US)
