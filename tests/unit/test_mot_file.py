"""Tracks in MOTChallenge form: one box per track and frame, every frame once, 1-based, in pixels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trajectories import STEP_US, Walker, session

from app.validation.mot_file import LONGEST_GAP_S, MotTracks

Row = tuple[int, int, float, float, float, float, float]


def rows(tracks: MotTracks, *road_users: str) -> list[Row]:
    found = []
    for line in tracks.text(road_users or None).splitlines():
        frame, track, *numbers, x, y, z = line.split(",")
        assert (x, y, z) == ("-1", "-1", "-1")
        left, top, width, height, confidence = map(float, numbers)
        found.append((int(frame), int(track), left, top, width, height, confidence))
    return found


def collected(*walkers: Walker) -> MotTracks:
    tracks = MotTracks()
    for message in session(walkers):
        tracks.add(message)
    return tracks


def test_frames_are_counted_from_one_and_boxes_are_in_pixels() -> None:
    """The picture has 100×100 pixels; the box 0.04×0.06 of it, its feet at (0.5, 0.5)."""
    tracks = collected(Walker([(0.5, 0.5), (0.6, 0.5)], enters=4))
    assert rows(tracks) == [(5, 0, 48.0, 44.0, 4.0, 6.0, 0.8), (6, 0, 58.0, 44.0, 4.0, 6.0, 0.8)]


def test_rows_are_in_the_order_of_frames_then_ids() -> None:
    tracks = collected(Walker([(0.1, 0.5)] * 3, enters=1), Walker([(0.9, 0.5)] * 3))
    assert [row[:2] for row in rows(tracks)] == [(1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0)]


def test_positions_from_before_the_track_was_believed_are_put_back_where_they_belong() -> None:
    late = collected(Walker([(0.1 * i, 0.5) for i in range(1, 9)], backfilled=3))
    prompt = collected(Walker([(0.1 * i, 0.5) for i in range(1, 9)]))
    assert rows(late) == rows(prompt)


def test_a_short_gap_is_filled_with_straight_motion() -> None:
    tracks = collected(Walker([(0.2, 0.5), None, None, None, (0.6, 0.9)]))
    assert [(frame, left + width / 2, top + height) for frame, _, left, top, width, height, _ in rows(tracks)] == [
        (i + 1, pytest.approx(20 + 10 * i), pytest.approx(50 + 10 * i)) for i in range(5)
    ]


@pytest.mark.parametrize(("missing", "filled"), [(9, True), (10, False)])
def test_a_long_gap_is_left_open(missing: int, filled: bool) -> None:
    """At ten frames per second, the longest gap that is filled is one from a frame to the tenth after it."""
    assert LONGEST_GAP_S == 1.0
    tracks = collected(Walker([(0.2, 0.5), *[None] * missing, (0.6, 0.5)]))
    assert len(rows(tracks)) == (missing + 2 if filled else 2)


def test_a_track_that_was_nobody_of_its_own_is_left_out() -> None:
    tracks = collected(Walker([(0.2, 0.5)] * 4, "cyclist", final=None), Walker([(0.4, 0.5)] * 4))
    assert {row[1] for row in rows(tracks)} == {1}
    assert tracks.number() == 1


def test_only_the_road_users_that_were_asked_for() -> None:
    """By the class of the whole track, not by that of the frame."""
    tracks = collected(
        Walker([(0.2, 0.5)] * 4, ["car", "car", "truck", "truck"], final="truck"), Walker([(0.4, 0.5)] * 4, "bus")
    )
    assert {row[1] for row in rows(tracks, "truck")} == {0}
    assert len(rows(tracks, "truck")) == 4
    assert rows(tracks, "car") == []
    assert {row[1] for row in rows(tracks, "truck", "bus")} == {0, 1}
    assert (tracks.number(["car"]), tracks.number(["bus"]), tracks.number()) == (0, 1, 2)


def test_when_every_second_frame_was_analysed_the_frames_between_are_filled() -> None:
    """Frames are numbered as the file has them, which is how the truth numbers them."""
    tracks = MotTracks()
    for message in session([Walker([(0.1 * i, 0.5) for i in range(1, 6)])]):
        index = 2 * message.index
        tracks.add(replace(message, index=index, captured_at_us=message.captured_at_us + message.index * STEP_US))
    assert [row[0] for row in rows(tracks)] == list(range(1, 10))


def test_every_track_has_one_box_per_frame_at_most() -> None:
    tracks = collected(Walker([(0.2, 0.5)] * 6, backfilled=2), Walker([(0.4, 0.5), None, (0.4, 0.5)], backfilled=1))
    keys = [row[:2] for row in rows(tracks)]
    assert len(keys) == len(set(keys)) == 9


def test_nothing_seen_is_an_empty_file() -> None:
    assert MotTracks().text() == ""
    assert collected(Walker([(0.5, 0.5)], final=None)).text() == ""
