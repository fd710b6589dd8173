"""A recording read again: its newest reading is kept in whole, in every store, and nothing of an earlier one."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from databases import Database
from trajectories import positions

from aforo.model import (
    MINUTE_US,
    Box,
    Coverage,
    Crossing,
    Movement,
    PastPosition,
    Rows,
    TrackKey,
    Trajectory,
    Visit,
)
from aforo.ports import CountReader, CountStore
from aforo.session_names import reading_session

START_US = 1_746_532_800_000_000
RECORDING, OTHER = "rec-00000000000000aa", "rec-00000000000000ab"


def reading(session: str, seed: int, tracks: int = 12, camera: str = "north") -> list[Rows]:
    """The rows of one reading in the batches in which they come: tracks are numbered as chance has it."""
    rng = random.Random(seed)
    batches = []
    for track in rng.sample(range(1, 100), tracks):
        at_us = START_US + rng.randrange(10 * MINUTE_US)
        user, final = rng.choice(["car", "cyclist"]), rng.random() < 0.8
        rows = Rows(
            [Crossing(camera, session, track, "stop", 0, at_us, rng.choice(["up", "down"]), user, final, "v1")],
            [Visit(camera, session, track, "square", 0, at_us, at_us + 9 if final else None, user, final, "v1")],
            [Movement(camera, session, track, "through", 0, at_us - 5, at_us, user, final, "v1")],
            [
                Coverage(
                    camera, session, at_us // MINUTE_US * MINUTE_US, rng.randrange(MINUTE_US), rng.randrange(600), 3
                )
            ],
        )
        if final:
            path = [PastPosition(at_us - 5, Box(0.1, 0.1, 0.2, 0.2)), PastPosition(at_us, Box(0.1, 0.3, 0.2, 0.4))]
            rows.trajectories.append(Trajectory(camera, session, track, at_us - 5, at_us, user, 1.5, positions(path)))
        batches.append(rows)
    return batches


def answers(reader: CountReader, store: CountStore) -> list[object]:
    """All that can be asked, track ids included."""
    end_us = START_US + 60 * MINUTE_US
    store.refresh(START_US - 24 * 60 * MINUTE_US, end_us + 24 * 60 * MINUTE_US)
    found: list[object] = [
        sorted(reader.crossings(["stop"], 0, end_us, 10_000), key=str),
        sorted(reader.visits(["square"], 0, end_us), key=str),
        sorted(reader.movements(0, end_us), key=str),
        sorted((row.track_id, row.session) for row in reader.trajectories("north", 0, end_us)),
    ]
    for interval in ("1m", "1h", "1d"):
        found.append(reader.coverage(["north", "south"], 0, end_us, interval))
        for kind, place in (("line", "stop"), ("zone", "square")):
            found.append(sorted(map(str, reader.volumes(kind, [place], 0, end_us, interval))))
    return found


def test_after_twenty_kills_the_rows_are_exactly_those_of_one_reading(
    database: Database, store: CountStore, reader: CountReader
) -> None:
    """Each time the process dies somewhere, and its successor reads from the beginning, with other track ids."""
    last = reading_session(RECORDING, 100)
    for rows in reading(last, seed=100):
        store.write(rows)
    expected = answers(reader, store)
    assert any(expected)
    for kill in range(20):
        rng = random.Random(kill)
        with database.store() as again:
            for rows in reading(reading_session(RECORDING, 200 + kill), seed=kill)[: rng.randrange(1, 12)]:
                again.write(rows)
    final = reading_session(RECORDING, 300)
    with database.store() as again:
        for rows in reading(final, seed=100):
            again.write(rows)
        found = answers(reader, again)
    assert str(found).replace(final, last) == str(expected)


def test_rows_of_an_earlier_reading_that_come_late_are_not_taken(store: CountStore, reader: CountReader) -> None:
    """A replay of the log brings the end of the earlier reading again."""
    earlier, later = reading(reading_session(RECORDING, 1), 1), reading(reading_session(RECORDING, 2), 2)
    for rows in (*earlier, *later):
        store.write(rows)
    expected = answers(reader, store)
    for rows in (*earlier[6:], *later):
        store.write(rows)
    assert answers(reader, store) == expected


def test_a_batch_with_the_end_of_one_reading_and_the_beginning_of_the_next(
    store: CountStore, reader: CountReader
) -> None:
    for rows in reading(reading_session(RECORDING, 2), 2):
        store.write(rows)
    both = Rows()
    for rows in (*reading(reading_session(RECORDING, 1), 1), *reading(reading_session(RECORDING, 3), 3)):
        both.extend(rows)
    store.write(both)
    assert {row.session for row in reader.crossings(["stop"], 0, 2 * START_US, 1000)} == {reading_session(RECORDING, 3)}


def test_rounds_of_one_reading_stay_together_and_go_together(store: CountStore, reader: CountReader) -> None:
    first = [reading_session(RECORDING, 1, number) for number in (1, 2, 3)]
    for number, session in enumerate(first):
        for rows in reading(session, number):
            store.write(rows)
    assert {row.session for row in reader.crossings(["stop"], 0, 2 * START_US, 1000)} == set(first)
    store.write(reading(reading_session(RECORDING, 2), 9)[0])
    assert {row.session for row in reader.crossings(["stop"], 0, 2 * START_US, 1000)} == {reading_session(RECORDING, 2)}


@pytest.mark.parametrize("old", [RECORDING, f"{RECORDING}-2"])
def test_a_reading_by_the_version_before_is_replaced(store: CountStore, reader: CountReader, old: str) -> None:
    """It did not tell readings apart."""
    for rows in (*reading(old, 1), *reading(reading_session(RECORDING, 2), 2)):
        store.write(rows)
    assert {row.session for row in reader.crossings(["stop"], 0, 2 * START_US, 1000)} == {reading_session(RECORDING, 2)}


def test_other_recordings_cameras_and_live_sessions_are_left_alone(store: CountStore, reader: CountReader) -> None:
    kept = [
        *reading(reading_session(OTHER, 1), 1),
        *reading("5e0f", 2),
        *reading(reading_session(RECORDING, 1), 3, camera="south"),
    ]
    for rows in kept:
        store.write(rows)
    before = reader.crossings(["stop"], 0, 2 * START_US, 1000)
    for number in (1, 2):
        for rows in reading(reading_session(RECORDING, number), number):
            store.write(rows)
    after = reader.crossings(["stop"], 0, 2 * START_US, 1000)
    newest = reading_session(RECORDING, 2)
    assert [row for row in after if (row.camera, row.session) != ("north", newest)] == before


def test_a_track_of_an_earlier_reading_that_is_taken_back_takes_nothing_of_the_later_one(
    store: CountStore, reader: CountReader
) -> None:
    rows = reading(reading_session(RECORDING, 2), 5)[0]
    store.write(rows)
    track = rows.crossings[0].track_id
    store.write(Rows(voided=[TrackKey("north", reading_session(RECORDING, 1), track)]))
    assert reader.crossings(["stop"], 0, 2 * START_US, 1000) == rows.crossings


def test_a_batch_that_cannot_be_written_leaves_the_earlier_reading_whole(
    store: CountStore, reader: CountReader
) -> None:
    for rows in reading(reading_session(RECORDING, 1), 1):
        store.write(rows)
    before = answers(reader, store)
    broken = reading(reading_session(RECORDING, 2), 2)[0]
    broken.crossings = [replace(broken.crossings[0], at_us=None)]  # type: ignore[arg-type]
    with pytest.raises(Exception):  # noqa: B017 -- whatever it is: the batch is garbage
        store.write(broken)
    assert answers(reader, store) == before
    for rows in reading(reading_session(RECORDING, 2), 2):
        store.write(rows)
    assert {row.session for row in reader.crossings(["stop"], 0, 2 * START_US, 1000)} == {reading_session(RECORDING, 2)}
