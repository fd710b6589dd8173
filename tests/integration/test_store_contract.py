"""What every store of counts must do, whichever database is behind it (`databases.py`, fixture `database`)."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from databases import Database
from held_answers import count_crossings

from aforo.config.site import SiteConfiguration
from aforo.local_time import HOUR_US, INTERVALS, buckets, to_us
from aforo.model import MINUTE_US, Coverage, CoverageShare, Crossing, Movement, Rows, TrackKey, Visit, Volume
from aforo.ports import CountReader, CountStore
from api.answer_process import AnswerProcess, Question

NOON_US = to_us(datetime.fromisoformat("2025-05-06T12:00:00+00:00"))


def site(timezone: str) -> SiteConfiguration:
    return SiteConfiguration.model_validate(
        {
            "site": {"id": "s", "timezone": timezone},
            "cameras": [
                {
                    "id": "north",
                    "source": "rtsp://user:hunter2@10.0.0.5/stream2",
                    "lines": [{"id": "stop", "points": [[0.1, 0.5], [0.9, 0.5]]}],
                    "zones": [{"id": "crossing", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
                    "movements": [{"id": "through", "from": {"line": "stop"}, "to": {"zone": "crossing"}}],
                }
            ],
        }
    )


def crossing(
    track: int = 1, at_us: int = NOON_US, *, final: bool = True, ordinal: int = 0, road_user: str = "car"
) -> Crossing:
    sure = 0.8125 if final else None
    return Crossing("north", "s1", track, "stop", ordinal, at_us, "down", road_user, final, "v1", sure)


def visit(track: int = 1, entered_us: int = NOON_US, left_us: int | None = NOON_US + 5, *, final: bool = True) -> Visit:
    return Visit("north", "s1", track, "crossing", 0, entered_us, left_us, "pedestrian", final, "v1")


def movement(track: int = 1, at_us: int = NOON_US, *, final: bool = True) -> Movement:
    return Movement("north", "s1", track, "through", 0, at_us - 7, at_us, "car", final, "v1")


def coverage(minute_us: int = NOON_US, observed_us: int = MINUTE_US, session: str = "s1") -> Coverage:
    return Coverage("north", session, minute_us, observed_us, 600, 3)


def every_kind() -> Rows:
    return Rows([crossing()], [visit()], [movement()], [coverage()])


def everything(reader: CountReader) -> tuple[list[Crossing], list[Visit], list[Movement], list[CoverageShare]]:
    return (
        reader.crossings(["stop"], 0, 2 * NOON_US, 1000),
        reader.visits(["crossing"], 0, 2 * NOON_US),
        reader.movements(0, 2 * NOON_US),
        reader.coverage(["north"], 0, 2 * NOON_US, "1m"),
    )


def test_rows_come_back_as_they_were_written(store: CountStore, reader: CountReader) -> None:
    store.write(every_kind())
    assert everything(reader) == (
        [crossing()],
        [visit()],
        [movement()],
        [CoverageShare(NOON_US, "north", MINUTE_US, 600, 3)],
    )


def test_writing_a_batch_again_changes_nothing(store: CountStore, reader: CountReader) -> None:
    store.write(every_kind())
    before = everything(reader)
    store.write(every_kind())
    assert everything(reader) == before


def test_an_empty_batch_is_written(store: CountStore, reader: CountReader) -> None:
    store.write(Rows())
    assert everything(reader) == ([], [], [], [])


def test_a_final_row_takes_the_place_of_a_provisional_one_but_never_the_other_way(
    store: CountStore, reader: CountReader
) -> None:
    open_rows = Rows(
        [crossing(final=False, road_user="truck")], [visit(left_us=None, final=False)], [movement(final=False)]
    )
    closed_rows = Rows([crossing(road_user="bus")], [visit()], [movement()])
    store.write(open_rows)
    store.write(closed_rows)
    store.write(open_rows)
    found = everything(reader)
    assert found[:3] == (closed_rows.crossings, closed_rows.visits, closed_rows.movements)


def test_a_provisional_row_is_replaced_by_a_newer_one(store: CountStore, reader: CountReader) -> None:
    store.write(Rows([crossing(final=False, road_user="truck")]))
    store.write(Rows([crossing(final=False, road_user="car")]))
    assert [row.road_user for row in everything(reader)[0]] == ["car"]


def test_rows_of_other_keys_stay_apart(store: CountStore, reader: CountReader) -> None:
    rows = [
        crossing(),
        crossing(ordinal=1),
        crossing(track=2),
        replace(crossing(), session="s2"),
        replace(crossing(), camera="south"),
    ]
    store.write(Rows(rows))
    assert sorted(everything(reader)[0], key=str) == sorted(rows, key=str)


def test_a_voided_track_loses_all_its_rows_and_no_other(store: CountStore, reader: CountReader) -> None:
    store.write(every_kind())
    store.write(Rows([crossing(track=2)], voided=[TrackKey("north", "s1", 1)]))
    crossings, visits, movements, observed = everything(reader)
    assert (crossings, visits, movements) == ([crossing(track=2)], [], [])
    assert len(observed) == 1


def test_a_track_voided_in_the_batch_that_brings_its_rows_leaves_none(store: CountStore, reader: CountReader) -> None:
    rows = every_kind()
    rows.voided.append(TrackKey("north", "s1", 1))
    store.write(rows)
    assert everything(reader)[:3] == ([], [], [])


def test_coverage_keeps_the_larger_figures(store: CountStore, reader: CountReader) -> None:
    store.write(Rows(coverage=[Coverage("north", "s1", NOON_US, 50, 5, 9)]))
    store.write(Rows(coverage=[Coverage("north", "s1", NOON_US, 40, 6, 1)]))
    assert everything(reader)[3] == [CoverageShare(NOON_US, "north", 50, 6, 9)]


def test_sessions_of_a_camera_add_up_and_cameras_do_not(store: CountStore, reader: CountReader) -> None:
    store.write(
        Rows(
            coverage=[
                coverage(observed_us=20, session="s1"),
                coverage(observed_us=30, session="s2"),
                replace(coverage(), camera="south"),
            ]
        )
    )
    assert reader.coverage(["north"], 0, 2 * NOON_US, "1h") == [CoverageShare(NOON_US, "north", 50, 1200, 6)]
    assert len(reader.coverage(["north", "south"], 0, 2 * NOON_US, "1h")) == 2
    assert reader.coverage([], 0, 2 * NOON_US, "1h") == []


def test_volumes_count_crossings_by_direction_and_class(store: CountStore, reader: CountReader) -> None:
    store.write(
        Rows(
            [
                crossing(1),
                crossing(2, final=False),
                crossing(3, NOON_US + MINUTE_US),
                replace(crossing(4), direction="up"),
                crossing(5, road_user="bus"),
                replace(crossing(6), line="elsewhere"),
            ]
        )
    )
    assert sorted(reader.volumes("line", ["stop"], NOON_US, NOON_US + HOUR_US, "1m"), key=str) == sorted(
        [
            Volume(NOON_US, "line", "stop", "down", "car", 2, 1),
            Volume(NOON_US, "line", "stop", "up", "car", 1, 0),
            Volume(NOON_US, "line", "stop", "down", "bus", 1, 0),
            Volume(NOON_US + MINUTE_US, "line", "stop", "down", "car", 1, 0),
        ],
        key=str,
    )


def test_the_volume_of_a_zone_counts_entries(store: CountStore, reader: CountReader) -> None:
    store.write(Rows(visits=[visit(), visit(2, NOON_US + MINUTE_US - 1, left_us=None, final=False)]))
    assert list(reader.volumes("zone", ["crossing"], 0, 2 * NOON_US, "1m")) == [
        Volume(NOON_US, "zone", "crossing", "entered", "pedestrian", 2, 1)
    ]
    assert list(reader.volumes("line", ["crossing"], 0, 2 * NOON_US, "1m")) == []


def test_a_range_includes_its_start_and_excludes_its_end(store: CountStore, reader: CountReader) -> None:
    store.write(Rows([crossing(1, NOON_US - 1), crossing(2), crossing(3, NOON_US + MINUTE_US)]))
    counted = reader.volumes("line", ["stop"], NOON_US, NOON_US + MINUTE_US, "1m")
    assert [(volume.start_us, volume.count) for volume in counted] == [(NOON_US, 1)]
    listed = reader.crossings(["stop"], NOON_US, NOON_US + MINUTE_US, 10)
    assert [row.track_id for row in listed] == [2]


def test_crossings_come_newest_first_and_no_more_than_asked_for(store: CountStore, reader: CountReader) -> None:
    store.write(Rows([crossing(track, NOON_US + track) for track in range(9)]))
    assert [row.track_id for row in reader.crossings(["stop"], 0, 2 * NOON_US, 3)] == [8, 7, 6]


def test_visits_that_overlap_the_range_are_found(store: CountStore, reader: CountReader) -> None:
    store.write(
        Rows(
            visits=[
                visit(1, 100, 200),
                visit(2, 150, 350),
                visit(3, 100, None, final=False),
                visit(4, 300, 310),
                visit(5, 400, 500),
                visit(6, 310, 310),
            ]
        )
    )
    assert [row.track_id for row in reader.visits(["crossing"], 200, 400)] == [3, 2, 4, 6]


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize(
    ("timezone", "day"),
    [
        ("UTC", (2025, 5, 6)),
        ("America/Bogota", (2025, 5, 6)),
        ("America/New_York", (2025, 3, 9)),
        ("America/New_York", (2025, 11, 2)),
        ("Asia/Kolkata", (2025, 11, 2)),
        ("Australia/Lord_Howe", (2025, 10, 5)),
        ("Australia/Lord_Howe", (2025, 4, 6)),
        ("America/Havana", (2025, 11, 2)),
    ],
)
def test_intervals_are_local_to_the_site_also_when_the_clocks_change(
    store: CountStore, reader: CountReader, timezone: str, day: tuple[int, int, int], interval: str
) -> None:
    zone = ZoneInfo(timezone)
    store.register(site(timezone).domain())
    midnight_us = to_us(datetime(*day, tzinfo=zone))
    start_us, end_us = midnight_us - 3 * HOUR_US, midnight_us + 29 * HOUR_US
    instants = range(start_us, end_us, 7 * MINUTE_US + 1)
    store.write(
        Rows(
            crossings=[crossing(track, at_us) for track, at_us in enumerate(instants)],
            visits=[visit(track, at_us, None) for track, at_us in enumerate(instants)],
            coverage=[coverage(minute_us) for minute_us in range(start_us, end_us, MINUTE_US)],
        )
    )
    expected = buckets(start_us, end_us, interval, zone)
    inside = {
        bucket.start_us: sum(bucket.start_us <= at_us < bucket.end_us for at_us in instants) for bucket in expected
    }
    first_us = expected[0].start_us
    for kind, place in (("line", "stop"), ("zone", "crossing")):
        counted = reader.volumes(kind, [place], first_us, end_us, interval)
        assert {volume.start_us: volume.count for volume in counted} == {k: n for k, n in inside.items() if n}
    shares = reader.coverage(["north"], first_us, end_us, interval)
    assert {share.start_us: share.observed_us for share in shares} == {
        bucket.start_us: min(bucket.end_us, end_us) - max(bucket.start_us, start_us) for bucket in expected
    }


def test_counts_follow_when_the_time_zone_of_the_site_is_corrected(database: Database) -> None:
    with database.store() as store:
        store.write(Rows([crossing()], [visit()], coverage=[coverage()]))
        store.register(site("Asia/Kolkata").domain())
    with database.store() as store:
        store.write(Rows([crossing(2)]))
    reader = database.reader()
    assert [(volume.start_us, volume.count) for volume in reader.volumes("line", ["stop"], 0, 2 * NOON_US, "1h")] == [
        (NOON_US - HOUR_US // 2, 2)
    ]
    reader.close()


def test_nothing_was_observed_in_a_new_store(reader: CountReader) -> None:
    assert reader.span_us() is None


def test_the_span_goes_from_the_first_observed_minute_to_the_last(store: CountStore, reader: CountReader) -> None:
    store.write(Rows(coverage=[coverage(NOON_US + k * MINUTE_US) for k in (5, 2, 9)]))
    store.write(Rows(coverage=[coverage(NOON_US, observed_us=0)]))
    assert reader.span_us() == (NOON_US + 2 * MINUTE_US, NOON_US + 9 * MINUTE_US)


def test_what_was_written_is_there_after_opening_again(database: Database) -> None:
    with database.store() as store:
        store.register(site("America/Bogota").domain())
        store.write(every_kind())
    with database.store() as store:
        store.register(site("America/Bogota").domain())
        reader = database.reader()
        assert everything(reader)[:3] == ([crossing()], [visit()], [movement()])
        reader.close()


def test_large_answers_open_it_in_a_process_of_their_own(store: CountStore, database: Database) -> None:
    store.write(every_kind())
    process = AnswerProcess()
    try:
        head = process.ask(Question(database.backend.open_reader, count_crossings, wants_gzip=False, known=""))
        assert head is not None
        assert "error" not in head
        assert process.next_piece() == b"1 of stop"
    finally:
        process.close()


def test_readers_on_many_threads_see_whole_batches_while_one_writes(store: CountStore, reader: CountReader) -> None:
    batch, batches = 50, 20
    seen: list[int] = []
    errors: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                volumes = reader.volumes("line", ["stop"], 0, 2 * NOON_US, "1d")
                seen.append(sum(volume.count for volume in volumes))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(batches):
        store.write(Rows([crossing(number * batch + k) for k in range(batch)]))
    done.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {count % batch for count in seen} <= {0}
    assert sum(volume.count for volume in reader.volumes("line", ["stop"], 0, 2 * NOON_US, "1d")) == batch * batches
