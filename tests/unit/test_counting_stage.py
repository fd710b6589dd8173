"""The counting stage: provisional and final rows, tracks that turn out to be nobody, replays, and what it keeps."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
from collections import Counter
from dataclasses import replace

import pytest
from trajectories import (
    STEP_US,
    Table,
    Walker,
    counted,
    counting_line,
    counting_zone,
    message,
    session,
    straight,
    via,
)

from aforo.model import Crossing, Movement, PlaceKind, TrackedFrame, TrackEnd, TrackKey, Visit
from aforo.site import Camera, Gate, TurningMovement
from aforo.tracked_batch import TrackedBatch
from aggregate.counting.counter import CountingStage

LINE = counting_line((0.5, 0.2), (0.5, 0.8), directions=("left", "right"))
ZONE = counting_zone((0.55, 0.3), (0.8, 0.3), (0.8, 0.7), (0.55, 0.7))
INTO = TurningMovement("into", Gate(PlaceKind.LINE, "line", "right"), Gate(PlaceKind.ZONE, "zone"))
CAMERA = Camera("c", lines=(LINE,), zones=(ZONE,), movements=(INTO,))
ACROSS = straight((0.3, 0.5), (0.7, 0.5), 20)


def test_rows_are_provisional_while_the_track_is_open_and_final_when_it_is_over() -> None:
    aggregator = CountingStage([CAMERA])
    *messages, end = session([Walker(ACROSS, "car")])
    open_rows = [aggregator.add(TrackedBatch.of([each])) for each in messages]
    seen = [row for rows in open_rows for row in (*rows.crossings, *rows.visits, *rows.movements)]
    assert {type(row) for row in seen} == {Crossing, Visit, Movement}
    assert not any(row.final for row in seen)
    closing = aggregator.add(TrackedBatch.of([end]))
    final = [*closing.crossings, *closing.visits, *closing.movements]
    assert {type(row) for row in final} == {Crossing, Visit, Movement}
    keys = {(row.track_id, row.ordinal) for row in final if row.final}
    assert keys == {(0, 0)}


def test_a_crossing_is_told_in_the_message_that_makes_it_certain() -> None:
    aggregator = CountingStage([CAMERA])
    told = [i for i, each in enumerate(session([Walker(ACROSS)])) if aggregator.add(TrackedBatch.of([each])).crossings]
    assert told[0] == 11  # the line is at step 10, the margin less than a step


def test_ordinals_count_the_crossings_of_one_track() -> None:
    rows = counted(CAMERA, session([Walker(via((0.3, 0.5), (0.6, 0.5), (0.3, 0.5), (0.6, 0.5)))])).crossings
    assert [(row.ordinal, row.direction) for row in rows] == [(0, "right"), (1, "left"), (2, "right")]


def test_when_the_class_changes_all_rows_of_the_track_are_told_again() -> None:
    classes = ["truck"] * 18 + ["bus"] * 3
    aggregator, table = CountingStage([CAMERA]), Table()
    messages = session([Walker(ACROSS, classes)])
    for each in messages[:18]:
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert {row.road_user for row in table.crossings} == {"truck"}
    changed = aggregator.add(TrackedBatch.of([messages[18]]))
    told = (*changed.crossings, *changed.visits, *changed.movements)
    assert [(type(row), row.road_user, row.final) for row in told] == [
        (Crossing, "bus", False),
        (Visit, "bus", False),
        (Movement, "bus", False),
    ]  # fmt: skip
    for each in messages[19:]:
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert {(row.road_user, row.final) for row in table.rows.values()} == {("bus", True)}  # type: ignore[attr-defined]


def test_the_last_word_on_the_class_is_the_tracks_end() -> None:
    table = counted(CAMERA, session([Walker(ACROSS, "car", final="truck")]))
    assert {(row.road_user, row.final) for row in table.rows.values()} == {("truck", True)}  # type: ignore[attr-defined]
    assert len(table.rows) == 3


def test_a_track_that_was_nobody_of_its_own_loses_all_its_rows() -> None:
    messages = session([Walker(ACROSS, "cyclist", final=None), Walker(ACROSS, "pedestrian")])
    aggregator, table = CountingStage([CAMERA]), Table()
    for each in messages[:-1]:
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert {key[3] for key in table.rows} == {0, 1}
    rows = aggregator.add(TrackedBatch.of([messages[-1]]))
    table.add(rows)
    assert [(key.camera, key.session, key.track_id) for key in rows.voided] == [("c", "s", 0)]
    assert {key[3] for key in table.rows} == {1}


def test_a_track_that_was_nobody_crosses_nothing_in_its_end() -> None:
    near = [(0.3, 0.5), (0.505, 0.5)]  # behind the line, but within the margin
    assert len(counted(CAMERA, session([Walker(near)])).crossings) == 1
    assert counted(CAMERA, session([Walker(near, final=None)])).rows == {}


def test_positions_from_before_the_track_was_believed_count() -> None:
    """It crossed before it was confirmed; the crossing keeps its own time."""
    late = session([Walker(ACROSS, backfilled=15)])
    prompt = session([Walker(ACROSS)])
    assert counted(CAMERA, late) == counted(CAMERA, prompt)


def test_a_track_that_is_not_seen_for_a_while_goes_on() -> None:
    hidden = [point if not 5 < i < 15 else None for i, point in enumerate(ACROSS)]
    (row,) = counted(CAMERA, session([Walker(hidden)])).crossings
    (whole,) = counted(CAMERA, session([Walker(ACROSS)])).crossings
    assert row == whole


def test_cameras_and_sessions_do_not_touch_each_other() -> None:
    aggregator, table = CountingStage([CAMERA, Camera("d", lines=(replace(LINE, id="other"),))]), Table()
    streams = [session([Walker(ACROSS)], camera, name) for camera in ("c", "d") for name in ("s", "t")]
    for messages in zip(*streams, strict=True):
        for each in messages:
            table.add(aggregator.add(TrackedBatch.of([each])))
    assert Counter((row.camera, row.session, row.line) for row in table.crossings) == {
        ("c", "s", "line"): 1,
        ("c", "t", "line"): 1,
        ("d", "s", "other"): 1,
        ("d", "t", "other"): 1,
    }


def test_a_camera_without_geometry_is_observed_all_the_same() -> None:
    table = Table()
    aggregator = CountingStage([])
    for each in session([Walker(ACROSS)]):
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert table.rows == {}
    assert sum(row.observed_us for row in table.observed.values()) == len(ACROSS) * STEP_US


def test_an_empty_frame_is_an_observation() -> None:
    rows = CountingStage([CAMERA]).add(TrackedBatch.of([message(5)]))
    assert [row.observed_us for row in rows.coverage] == [STEP_US]


PARTY = [
    Walker(ACROSS, "car"),
    Walker(via((0.7, 0.5), (0.3, 0.5), (0.7, 0.5)), "pedestrian", enters=7),
    Walker(via((0.3, 0.4), (0.6, 0.4), (0.3, 0.4)), ["bus"] * 9 + ["truck"] * 12, enters=3),
    Walker(ACROSS, "cyclist", final=None, enters=12),
    Walker(ACROSS[::-1], "cyclist", enters=20, backfilled=4),
]


def test_the_same_messages_give_the_same_rows() -> None:
    assert counted(CAMERA, session(PARTY)) == counted(CAMERA, session(PARTY))


@pytest.mark.parametrize("begin", range(0, 42, 3))
def test_a_restart_that_replays_from_anywhere_adds_and_loses_nothing(begin: int) -> None:
    """Written first by one process; then by a fresh one that begins somewhere, even inside the lives of tracks."""
    messages = session(PARTY)
    once, twice = counted(CAMERA, messages), Table()
    for each, aggregator in ((messages, CountingStage([CAMERA])), (messages[begin:], CountingStage([CAMERA]))):
        for one in each:
            twice.add(aggregator.add(TrackedBatch.of([one])))
    assert twice == once


@pytest.mark.parametrize("crash", range(1, 42, 3))
def test_a_crash_and_a_replay_from_the_oldest_open_track_lose_nothing(crash: int) -> None:
    messages = session(PARTY)
    once, table = counted(CAMERA, messages), Table()
    aggregator = CountingStage([CAMERA])
    for each in messages[:crash]:
        table.add(aggregator.add(TrackedBatch.of([each])))
    aggregator = CountingStage([CAMERA])
    for each in messages[_oldest_open(messages[:crash]) :]:
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert table.rows == once.rows


def _oldest_open(messages: list[TrackedFrame]) -> int:
    began = {seen.track_id: i for i, each in reversed(list(enumerate(messages))) for seen in each.objects}
    for each in messages:
        for end in each.ended:
            began.pop(end.track_id, None)
    return min(began.values(), default=len(messages))


def test_a_whole_session_again_in_the_same_process_changes_nothing() -> None:
    aggregator, table = CountingStage([CAMERA]), Table()
    for each in [*session(PARTY), *session(PARTY)]:
        table.add(aggregator.add(TrackedBatch.of([each])))
    assert table == counted(CAMERA, session(PARTY))
    assert aggregator.open_tracks == 0


def test_a_track_whose_beginning_was_not_seen_is_left_alone() -> None:
    assert counted(CAMERA, session([Walker(ACROSS)])[1:]).rows == {}


def test_the_end_of_an_unknown_track_is_no_news() -> None:
    unknown = message(0, ended=[TrackEnd(99, "car"), TrackEnd(98, None)])
    rows = CountingStage([CAMERA]).add(TrackedBatch.of([unknown]))
    assert not (rows.crossings or rows.visits or rows.movements or rows.voided)


def test_how_sure_the_class_is_comes_with_the_final_row_and_not_before() -> None:
    stage, messages = CountingStage([CAMERA]), session([Walker(ACROSS, "car")])
    rows = stage.add(TrackedBatch.of(messages[:-1])).crossings
    ends = [replace(end, class_confidence=0.75) for each in messages for end in each.ended] or [
        TrackEnd(seen.track_id, "car", 0.75) for seen in messages[0].objects
    ]
    last = stage.add(TrackedBatch.of([replace(messages[-1], ended=tuple(ends))])).crossings
    assert {row.class_confidence for row in rows if not row.final} <= {None}
    assert last and {row.class_confidence for row in last} == {0.75}


def test_nothing_is_left_when_the_sessions_are_over() -> None:
    aggregator = CountingStage([CAMERA])
    greatest = 0
    for each in session(PARTY):
        aggregator.add(TrackedBatch.of([each]))
        greatest = max(greatest, aggregator.open_tracks)
    assert greatest > 1
    assert aggregator.open_tracks == 0
    size = len(pickle.dumps(aggregator))
    for number in range(20):
        for each in session(PARTY):
            aggregator.add(TrackedBatch.of([replace(each, session=f"another {number}")]))
    assert len(pickle.dumps(aggregator)) == size


def test_thousands_of_tracks_leave_nothing_behind() -> None:
    """One session that never ends: what is kept is what is open."""
    aggregator = CountingStage([CAMERA])
    templates = session([Walker(ACROSS[::4], "car")])[:-1]
    index = track_id = crossings = 0

    def pass_by(number: int) -> None:
        nonlocal index, track_id, crossings
        for _ in range(number):
            for template in templates:
                objects = [replace(seen, track_id=track_id) for seen in template.objects]
                crossings += len(aggregator.add(TrackedBatch.of([message(index, objects)])).crossings)
                index += 1
            assert aggregator.open_tracks == 1
            aggregator.add(TrackedBatch.of([message(index, ended=[TrackEnd(track_id, "car")])]))
            track_id += 1
            assert aggregator.open_tracks == 0

    pass_by(50)
    gc.collect()
    tracemalloc.start()
    try:
        pass_by(50)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        pass_by(2000)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert crossings == track_id == 2100
    assert after - before < 100_000  # bytes; 2,000 tracks kept would be megabytes, numba keeps some 30,000 once


def test_the_rows_name_the_geometry_they_were_counted_with() -> None:
    table = counted(CAMERA, session([Walker(ACROSS)]))
    assert {type(row).__name__: row.geometry for row in table.rows.values()} == {  # type: ignore[attr-defined]
        "Crossing": LINE.version,
        "Visit": ZONE.version,
        "Movement": INTO.version,
    }


def test_voided_keys_are_of_that_camera_and_session() -> None:
    messages = session([Walker(ACROSS, final=None)], "c", "x")
    aggregator = CountingStage([CAMERA])
    voided = [key for each in messages for key in aggregator.add(TrackedBatch.of([each])).voided]
    assert [TrackKey(key.camera, key.session, key.track_id) for key in voided] == [TrackKey("c", "x", 0)]
