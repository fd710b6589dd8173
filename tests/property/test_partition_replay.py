"""Exactly-once rows from at-least-once delivery: crashes, doubles and disorder anywhere in the log change nothing."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from count_tables import tables, without_faults
from hypothesis import given, settings
from hypothesis import strategies as st
from trajectories import Table

from aforo.bus import wire
from aforo.bus.partition_counter import IDLE_MS, LONGEST_STEP_MS, LogRecords, PartitionCounter
from aforo.model import Rows, TrackedFrame
from aforo.session_names import reading_session
from aforo.tracked_batch import TrackedBatch
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble
from app.validation.synthetic_traffic import START_US, camera_section, traffic

CAMERAS = [camera_section(number) for number in range(3)]
Log = list[tuple[int, TrackedFrame]]
"""Messages with their places in their sessions; the position is the index, the broker's time 70 ms each."""


def _log(seed: int, seconds: float = 20.0) -> Log:
    """Traffic in which a minute begins soon after the start, so that open tracks, too, hold the position back."""
    frames, _ = traffic(range(3), fps=5, road_users=3, seconds=seconds, seed=seed, start_us=START_US + 50_000_000)
    return _numbered(list(frames))


Record = tuple[int, int, bytes]
"""Position, the broker's time, value."""


def _record(position: int, at_ms: int, sequence: int, frame: TrackedFrame) -> Record:
    return position, at_ms, wire.encode(frame, sequence)


def _counted(counter: PartitionCounter, records: list[Record]) -> Rows:
    positions, at_ms, values = zip(*records, strict=True)
    batch, sequence, _ = wire.decode_all(values)
    return counter.add(LogRecords(positions, at_ms, sequence, batch))


def _numbered(frames: list[TrackedFrame]) -> Log:
    counts: dict[tuple[str, str], int] = {}
    log: Log = []
    for frame in frames:
        key = frame.camera, frame.session
        log.append((counts.get(key, 0), frame))
        counts[key] = counts.get(key, 0) + 1
    return log


def _disturbed(log: Log, data: st.DataObject) -> Log:
    """The log with some messages twice and some late, as a producer that sends again would leave it."""
    disturbed = list(log)
    for _ in range(data.draw(st.integers(0, 12), label="disturbances")):
        at = data.draw(st.integers(0, len(disturbed) - 1), label="at")
        later = min(at + data.draw(st.integers(1, 15), label="by"), len(disturbed) - 1)
        if data.draw(st.booleans(), label="double"):
            disturbed.insert(later, disturbed[at])
        else:
            disturbed.insert(later, disturbed.pop(at))
    return disturbed


def _count_with_crashes(path: Path, log: Log, data: st.DataObject, crashes: int) -> None:
    """Read the log; crash between write and commit, or after a commit, and begin again from what was committed."""
    committed = 0
    ends = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=crashes), label="crashes"))
    with SqliteStore(path) as store:
        for end in [*ends, len(log)]:
            counter = PartitionCounter(assemble.counting_stage(CAMERAS))
            rows = Rows()
            step = data.draw(st.integers(1, 60), label="write every")
            batch = []
            for position in range(committed, max(end, committed)):
                batch.append(_record(position, position * 70, *log[position]))
                if data.draw(st.booleans(), label="batch ends") or position % step == 0 or position == len(log) - 1:
                    rows.extend(_counted(counter, batch))
                    batch = []
                if position % step == 0 or position == len(log) - 1:
                    store.write(rows)
                    rows = Rows()
                    if data.draw(st.booleans(), label="commits"):
                        committed = counter.replay_from
        store.write(_after_silence(counter, len(log)))


def _after_silence(counter: PartitionCounter, position: int) -> Rows:
    """What a counter gives out when its cameras have said nothing for long, while another one goes on.

    A reader that begins right at a late double takes the session up there, and waits for what lies before that.
    """
    rows = Rows()
    for number in range(2 + IDLE_MS // LONGEST_STEP_MS):
        at_ms = position * 70 + number * LONGEST_STEP_MS
        frame = TrackedFrame("elsewhere", "session", number, START_US + at_ms * 1000, 0, 640, 480)
        rows.extend(_counted(counter, [_record(position + number, at_ms, number, frame)]))
    rows.coverage = [share for share in rows.coverage if share.camera != "elsewhere"]
    return rows


def _rows(folder: str, name: str, log: Log, data: st.DataObject, crashes: int) -> object:
    path = Path(folder, name)
    _count_with_crashes(path, log, data, crashes)
    return tables(path)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.data())
def test_crashes_anywhere_change_nothing(seed: int, data: st.DataObject) -> None:
    log = _log(seed)
    with tempfile.TemporaryDirectory() as folder:
        expected = without_faults(Path(folder, "expected.db"), CAMERAS, [frame for _, frame in log])
        assert _rows(folder, "counted.db", log, data, crashes=5) == expected


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.data())
def test_doubles_and_disorder_change_nothing(seed: int, data: st.DataObject) -> None:
    log = _log(seed)
    with tempfile.TemporaryDirectory() as folder:
        expected = without_faults(Path(folder, "expected.db"), CAMERAS, [frame for _, frame in log])
        assert _rows(folder, "counted.db", _disturbed(log, data), data, crashes=0) == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 50), st.data())
def test_crashes_in_a_log_with_doubles_and_disorder_change_nothing(seed: int, data: st.DataObject) -> None:
    log = _log(seed)
    with tempfile.TemporaryDirectory() as folder:
        expected = without_faults(Path(folder, "expected.db"), CAMERAS, [frame for _, frame in log])
        assert _rows(folder, "counted.db", _disturbed(log, data), data, crashes=3) == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 50), st.integers(0, 90), st.data())
def test_how_a_log_is_split_into_batches_changes_no_rows(seed: int, pause_at: int, data: st.DataObject) -> None:
    """Whatever order they have, wherever the reader begins, and when the log stands still for long."""
    frames = [frame for _, frame in _log(seed)]
    log = _disturbed(_numbered([*frames, *(replace(frame, session="second") for frame in frames)]), data)
    log = [record for record in log if not record[1].last or data.draw(st.booleans(), label="says that it ends")]
    silent_from = data.draw(st.integers(0, len(log)), label="one camera is silent from")
    log = [record for place, record in enumerate(log) if place < silent_from or record[1].camera != "sim-00002"]
    single, split = (PartitionCounter(assemble.counting_stage(CAMERAS)) for _ in range(2))
    begin = data.draw(st.integers(0, 60), label="begin")
    expected, counted = Table(), Table()
    at_ms = 0
    while begin < len(log):
        stop = min(begin + data.draw(st.integers(1, 120), label="batch"), len(log))
        batch = []
        for position in range(begin, stop):
            at_ms += 4_000 if position > 100 and position % 100 < pause_at else 70
            batch.append(_record(position, at_ms, *log[position]))
        for record in batch:
            expected.add(_counted(single, [record]))
        counted.add(_counted(split, batch))
        assert counted == expected
        assert (split.replay_from, split.open_tracks, split.next_position) == (
            single.replay_from,
            single.open_tracks,
            single.next_position,
        )
        begin = stop


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 50), st.integers(1, 250), st.data())
def test_crashes_after_a_worker_died_change_nothing(seed: int, cut: int, data: st.DataObject) -> None:
    """A session without an end, then another worker's session of the same cameras."""
    before = [frame for _, frame in _log(seed)][:cut]
    after = [
        replace(frame, session="second", captured_at_us=frame.captured_at_us + 30_000_000)
        for _, frame in _log(seed + 1)
    ]
    log = _numbered([*before, *after])
    with tempfile.TemporaryDirectory() as folder:
        _count_with_crashes(Path(folder, "expected.db"), log, data, crashes=0)
        expected = tables(Path(folder, "expected.db"))
        assert _rows(folder, "counted.db", log, data, crashes=4) == expected
        assert not [row for row in expected["crossings"] if not row[8]], "no row stays provisional"


def test_a_session_that_nobody_ends_is_ended_by_the_time_in_the_log_and_holds_back_no_position() -> None:
    frames = [frame for _, frame in _log(1) if not frame.last]
    silent = [frame for frame in frames if frame.camera == CAMERAS[0].id][:60]
    other = [frame for frame in frames if frame.camera == CAMERAS[1].id]
    counter = PartitionCounter(assemble.counting_stage(CAMERAS))
    for position, frame in enumerate(silent):
        _counted(counter, [_record(position, position * 200, position, frame)])
    assert counter.open_tracks > 0
    rows = Rows()
    at_ms = 0
    for number, frame in enumerate(other):
        at_ms = len(silent) * 200 + number * (IDLE_MS // 80)
        rows.extend(_counted(counter, [_record(len(silent) + number, at_ms, number, frame)]))
    assert at_ms > IDLE_MS
    assert all(row.final for row in rows.crossings if row.camera == CAMERAS[0].id)
    assert counter.replay_from >= len(silent)


def test_an_outage_of_the_broker_ends_no_session() -> None:
    log = [(sequence, frame) for sequence, frame in _log(2) if frame.camera == CAMERAS[0].id]
    stage = assemble.counting_stage(CAMERAS)
    expected = [row for _, frame in log for row in stage.add(TrackedBatch.of([frame])).crossings]
    counter = PartitionCounter(assemble.counting_stage(CAMERAS))
    counted: list[object] = []
    for position, (sequence, frame) in enumerate(log):
        at_ms = position * 200 + (3_600_000 if position > len(log) // 2 else 0)
        counted += _counted(counter, [_record(position, at_ms, sequence, frame)]).crossings
    assert sorted(counted, key=str) == sorted(expected, key=str)


def test_what_is_missing_for_good_is_waited_for_and_then_passed_over() -> None:
    log = [(sequence, frame) for sequence, frame in _log(3, seconds=80) if frame.camera == CAMERAS[0].id]
    counter = PartitionCounter(assemble.counting_stage(CAMERAS))
    seen = 0
    for position, (sequence, frame) in enumerate(log):
        if sequence != 10:
            found = _counted(counter, [_record(position, position, sequence, frame)])
            seen += sum(row.frames > 0 for row in found.coverage)
    assert counter.lost == 1
    assert counter.replay_from == len(log)
    assert seen > 0


def test_late_messages_of_a_session_that_another_replaced_count_nothing() -> None:
    log = [(sequence, frame) for sequence, frame in _log(4) if frame.camera == CAMERAS[0].id]
    counter = PartitionCounter(assemble.counting_stage(CAMERAS))
    for position, (sequence, frame) in enumerate(log[:50]):
        _counted(counter, [_record(position, position, sequence, frame)])
    _counted(counter, [_record(50, 50, 0, replace(log[0][1], session="second", objects=(), ended=()))])
    for position, (sequence, frame) in enumerate(log[50:90], 51):
        assert not _counted(counter, [_record(position, position, sequence, frame)])


def test_an_earlier_reading_never_ends_a_later_one_of_the_same_recording() -> None:
    """A worker that was cut off sends what it had; the aggregator began after that reading was superseded."""
    first, second = (reading_session("rec-00000000000000aa", started_us) for started_us in (1, 2))
    log = [(sequence, frame) for sequence, frame in _log(5) if frame.camera == CAMERAS[0].id]
    newest = [(sequence, replace(frame, session=second)) for sequence, frame in log]
    late = [(sequence, replace(frame, session=first)) for sequence, frame in log[30:60]]
    mixed = [*newest[:40], *late, *newest[40:]]
    expected, counted = Table(), Table()
    for found, records in ((expected, newest), (counted, mixed)):
        counter = PartitionCounter(assemble.counting_stage(CAMERAS))
        for position, (sequence, frame) in enumerate(records):
            found.add(_counted(counter, [_record(position, position, sequence, frame)]))
    assert counted == expected
    assert expected.crossings
