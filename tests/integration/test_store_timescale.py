"""What is TimescaleDB's own: hypertables, continuous aggregates, policies, compressed chunks.

Runs on the real extension where the machine has it, and on its build in WebAssembly, which serves one connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from postgresql_server import new_database
from requirements import pointless
from timescale_wasm import running_timescale_wasm
from trajectories import positions

from aforo.address import Address
from aforo.config.site import SiteConfiguration
from aforo.doctor_finding import Finding
from aforo.local_time import HOUR_US, INTERVALS, buckets, to_us
from aforo.model import MINUTE_US, Box, Coverage, Crossing, PastPosition, Rows, TrackKey, Trajectory, Visit
from aforo.session_names import reading_session
from aggregate.store.postgres.reader import PostgresReader
from aggregate.store.postgres.settings import TimescaleSettings
from aggregate.store.postgres.writer import PostgresStore
from app.machine.doctor import examine

DAY_US = INTERVALS["1d"]
# Not long ago: the jobs look at everything until now, minute by minute.
THEN_US = to_us(datetime.now(UTC)) // HOUR_US * HOUR_US - 6 * HOUR_US

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["real", "wasm"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "real":
        with new_database(request.getfixturevalue("timescale")) as address:
            yield address
    else:
        with running_timescale_wasm() as address:
            yield address


def site(timezone: str = "America/Bogota", **policies: int | None) -> SiteConfiguration:
    return SiteConfiguration.model_validate(
        {"site": {"timezone": timezone}, "store": "postgresql://h/d", "timescale": policies}
    )


KEPT_A_WEEK = site(chunk_days=1, compress_after_days=1, keep_rows_days=8)  # jobs look back no further


def crossing(track: int = 1, at_us: int = THEN_US, *, final: bool = True, road_user: str = "car") -> Crossing:
    return Crossing("north", "s", track, "stop", 0, at_us, "in", road_user, final, "v1")


def write(url: str, *batches: Rows, here: SiteConfiguration | None = None) -> None:
    settings = TimescaleSettings(**here.timescale.model_dump()) if here else TimescaleSettings()
    with PostgresStore(Address(url), settings) as store:
        if here is not None:
            store.register(here.domain())
        for batch in batches:
            store.write(batch)


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def run_jobs(url: str, procedure: str) -> None:
    """What the background workers would do in time, hypertable by hypertable in the order of creation."""
    for (job,) in query(
        url, f"SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = '{procedure}' ORDER BY job_id"
    ):
        query(url, f"CALL run_job({job})")


def volumes(url: str, interval: str) -> dict[int, int]:
    with closing(PostgresReader(Address(url), connections=1)) as reader:
        rows = reader.volumes("line", ["stop"], 0, 4 * THEN_US, interval)
    found: dict[int, int] = {}
    for row in rows:
        found[row.start_us] = found.get(row.start_us, 0) + row.count
    return found


def test_rows_are_in_hypertables_and_roll_ups_in_continuous_aggregates(url: str) -> None:
    write(url, Rows([crossing()]), here=site())
    write(url)  # opened again: there is nothing left to do
    tables = query(url, "SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1")
    assert {name for (name,) in tables} == {"crossings", "visits", "movements", "coverage", "trajectories"}
    aggregates = query(url, "SELECT view_name, materialized_only FROM timescaledb_information.continuous_aggregates")
    assert {name for name, _ in aggregates} == {
        f"{what}_{interval}"
        for what in ("line_volume", "zone_volume", "camera_coverage")
        for interval in ("1m", "15m", "1h", "1d")
    } | {"line_days", "zone_days"}
    assert {only for _, only in aggregates} == {False}


@pytest.mark.parametrize(
    ("timezone", "date"),
    [
        ("America/Bogota", (2025, 5, 6)),
        ("America/New_York", (2025, 11, 2)),
        ("Asia/Kolkata", (2025, 5, 6)),
        ("Australia/Lord_Howe", (2025, 4, 6)),
        ("America/Havana", (2025, 11, 2)),
        ("Australia/Adelaide", (2025, 4, 6)),
    ],
)
def test_materialised_intervals_are_local_too(url: str, timezone: str, date: tuple[int, int, int]) -> None:
    zone = ZoneInfo(timezone)
    midnight_us = to_us(datetime(*date, tzinfo=zone))
    start_us, end_us = midnight_us - 3 * HOUR_US, midnight_us + 29 * HOUR_US
    instants = range(start_us, end_us, 7 * MINUTE_US + 1)
    with PostgresStore(Address(url)) as store:
        store.register(site(timezone).domain())
        store.write(Rows([crossing(track, at_us) for track, at_us in enumerate(instants)]))
        store.refresh(start_us, end_us)
    for interval in ("1m", "15m", "1h", "1d"):
        expected = {
            bucket.start_us: sum(bucket.start_us <= at_us < bucket.end_us for at_us in instants)
            for bucket in buckets(start_us, end_us, interval, zone)
        }
        assert volumes(url, interval) == {start: count for start, count in expected.items() if count}


def test_a_late_row_and_a_correction_show_after_the_next_refresh(url: str) -> None:
    write(url, Rows([crossing(1), crossing(2, final=False, road_user="truck")]), here=KEPT_A_WEEK)
    run_jobs(url, "refresh_aggregates")
    assert volumes(url, "1h") == {THEN_US: 2}
    with PostgresStore(Address(url)) as store:
        store.write(Rows([crossing(3), crossing(2, road_user="bus")], voided=[TrackKey("north", "s", 1, THEN_US)]))
    run_jobs(url, "refresh_aggregates")
    with closing(PostgresReader(Address(url), connections=1)) as reader:
        for interval in ("1m", "15m", "1h"):
            rows = reader.volumes("line", ["stop"], 0, 2 * THEN_US, interval)
            assert sorted((row.road_user, row.count, row.provisional) for row in rows) == [("bus", 1, 0), ("car", 1, 0)]


@pytest.mark.parametrize("timezone", ["America/Bogota", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("hour", [0, 12], ids=["after midnight", "at noon"])
def test_refreshes_leave_out_no_late_row(request: pytest.FixtureRequest, url: str, timezone: str, hour: int) -> None:
    if "wasm" in request.node.name and (timezone, hour) != ("America/Bogota", 0):
        pointless("takes half a minute in WebAssembly, where one zone and hour is enough")
    zone = ZoneInfo(timezone)
    today = datetime.now(zone).replace(hour=hour, minute=0, second=0, microsecond=0)
    here = site(timezone, chunk_days=1, compress_after_days=1, keep_rows_days=8)
    instants: list[int] = []
    for days in ((4,), (6, 5), (6, 5, 4), (3, 1), (6, 4)):
        new = [to_us(today - timedelta(days=day)) + len(instants) * MINUTE_US for day in days]
        write(url, Rows([crossing(track, at_us) for track, at_us in enumerate(new, len(instants))]), here=here)
        instants += new
        run_jobs(url, "refresh_aggregates")
    for interval in ("1m", "15m", "1h", "1d"):
        expected = {
            bucket.start_us: sum(bucket.start_us <= at_us < bucket.end_us for at_us in instants)
            for bucket in buckets(min(instants), max(instants) + 1, interval, zone)
        }
        assert volumes(url, interval) == {start: count for start, count in expected.items() if count}, interval


def test_a_late_row_that_moves_to_another_day_leaves_the_first(url: str) -> None:
    midnight_us = (THEN_US // DAY_US - 4) * DAY_US
    here = site("UTC", chunk_days=1, compress_after_days=1, keep_rows_days=8)
    write(url, Rows([crossing(1, midnight_us + 10 * MINUTE_US, final=False), crossing(2, midnight_us)]), here=here)
    run_jobs(url, "refresh_aggregates")
    with PostgresStore(Address(url)) as store:
        store.write(Rows([crossing(1, midnight_us - MINUTE_US)]))
    run_jobs(url, "refresh_aggregates")
    assert volumes(url, "1d") == {midnight_us - DAY_US: 1, midnight_us: 1}
    assert query(url, "SELECT count(*) FROM late_days") == [(0,)]


def test_a_batch_that_is_written_again_notes_no_day(url: str) -> None:
    batch = Rows([crossing(1)], coverage=[Coverage("north", "s", THEN_US, MINUTE_US, 5, 0)])
    write(url, batch, here=site())
    noted = query(url, "SELECT id FROM late_days ORDER BY id")
    assert noted
    write(url, batch, batch)
    assert query(url, "SELECT id FROM late_days ORDER BY id") == noted


def test_what_comes_after_a_refresh_shows_at_once(url: str) -> None:
    now_us = to_us(datetime.now(UTC)) - 5 * MINUTE_US
    write(url, Rows([crossing(1, now_us)]), here=site())
    with PostgresStore(Address(url)) as store:
        store.refresh(now_us - DAY_US, now_us)
        store.write(Rows([crossing(2, now_us + 1)]))
    for interval in ("1m", "15m", "1h", "1d"):
        assert sum(volumes(url, interval).values()) == 2, interval


def test_a_job_that_fails_is_told_by_the_doctor(url: str) -> None:
    def findings() -> dict[str, Finding]:
        return {finding.name: finding for finding in examine(SiteConfiguration.model_validate({"store": url}))}

    write(url, here=site())
    assert "timescaledb jobs" not in findings()
    query(
        url,
        "UPDATE _timescaledb_internal.bgw_job_stat SET last_start = now(), last_finish = now(), "
        "last_run_success = false, last_successful_finish = '-infinity' WHERE job_id = "
        "(SELECT job_id FROM timescaledb_information.jobs WHERE proc_name = 'refresh_aggregates')",
    )
    found = findings()["timescaledb jobs"]
    assert found.ok is False
    assert "1 have not succeeded for an hour: refresh_aggregates" in found.detail


def test_a_prepared_question_sees_new_days_late_rows_and_another_zone(timescale: str) -> None:
    with (
        new_database(timescale) as url,
        PostgresStore(Address(url), TimescaleSettings(chunk_days=1)) as store,
        closing(PostgresReader(Address(url), connections=1)) as reader,
    ):
        store.register(site().domain())

        def counts() -> list[int]:
            return [int(series.count.sum()) for series in reader.volumes("line", ["stop"], 0, 4 * THEN_US, "1h").series]

        for _ in range(10):  # PostgreSQL keeps a plan after the fifth time
            assert counts() == []
        for day in (9, 8, 1):
            at_us = THEN_US - day * DAY_US
            before = sum(counts())
            store.write(Rows([crossing(day, at_us)]))
            assert counts() == [before + 1]
            store.refresh(THEN_US - 20 * DAY_US, at_us)  # as policies do, without a gap
            assert counts() == [before + 1]
            store.write(Rows([crossing(10 + day, at_us - 3 * DAY_US)]))
            store.refresh(THEN_US - 20 * DAY_US, at_us)
            assert counts() == [before + 2]
        store.register(site("Asia/Kolkata").domain())
        assert counts() == [6]


def test_a_range_can_be_refreshed_at_once(url: str) -> None:
    with PostgresStore(Address(url)) as store:
        store.register(site().domain())
        store.write(Rows([crossing(1)]))
        store.refresh(THEN_US, THEN_US + MINUTE_US)
        store.write(Rows([crossing(2)]))
        store.refresh(THEN_US, THEN_US + MINUTE_US)
    assert volumes(url, "1h") == {THEN_US: 2}
    assert list(volumes(url, "1d").values()) == [2]


OLD_US = THEN_US - 5 * DAY_US


def test_rows_in_compressed_chunks_keep_their_keys(url: str) -> None:
    first = Rows(
        [crossing(track, OLD_US + track, final=track % 2 == 0, road_user="truck") for track in range(20)],
        [Visit("north", "s", 1, "zone", 0, OLD_US, None, "car", False, "v1")],
        coverage=[Coverage("north", "s", OLD_US, 50, 5, 9)],
    )
    write(url, first, here=site(chunk_days=1, compress_after_days=1))
    run_jobs(url, "policy_compression")
    (compressed,) = query(url, "SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed")[0]
    assert compressed == 3
    second = Rows(
        [crossing(track, OLD_US + track) for track in (1, 3, 30)],
        [Visit("north", "s", 1, "zone", 0, OLD_US, OLD_US + 5, "car", True, "v1")],
        coverage=[Coverage("north", "s", OLD_US, 40, 6, 1)],
        voided=[TrackKey("north", "s", 5, OLD_US)],
    )
    write(url, second, second, Rows(first.crossings[:4]))
    with closing(PostgresReader(Address(url), connections=1)) as reader:
        found = {row.track_id: row for row in reader.crossings(["stop"], 0, 2 * THEN_US, 100)}
        assert len(reader.crossings(["stop"], 0, 2 * THEN_US, 100)) == len(found) == 20
        assert {track for track, row in found.items() if row.road_user == "car"} == {1, 3, 30}
        assert all(found[track].final for track in (1, 3, 30))
        assert reader.visits(["zone"], 0, 2 * THEN_US) == second.visits
        (share,) = reader.coverage(["north"], 0, 2 * THEN_US, "1m")
        assert (share.observed_us, share.frames, share.dropped) == (50, 6, 9)


def policies(url: str) -> dict[tuple[str, str], dict[str, Any]]:
    jobs = query(
        url, "SELECT proc_name, hypertable_name, config FROM timescaledb_information.jobs WHERE job_id >= 1000"
    )
    return {(name.removeprefix("policy_"), table): config for name, table, config in jobs}


def test_policies_are_those_of_the_configuration(url: str) -> None:
    write(url, here=site())
    before = policies(url)
    assert before["compression", "crossings"]["compress_after"] == "14 days"
    assert before["retention", "trajectories"]["drop_after"] == "90 days"
    assert ("retention", "crossings") not in before
    assert before["refresh_continuous_aggregate", "line_volume_1h"]["start_offset"] is None
    changed = site(compress_after_days=30, keep_rows_days=400, keep_trajectories_days=None, chunk_days=1)
    write(url, here=changed)
    after = policies(url)
    assert after["compression", "crossings"]["compress_after"] == "30 days"
    assert after["retention", "crossings"]["drop_after"] == "400 days"
    assert ("retention", "trajectories") not in after
    assert after["refresh_continuous_aggregate", "line_volume_1h"]["start_offset"] == "399 days"
    (chunk,) = query(
        url,
        "SELECT extract(epoch FROM time_interval)::int FROM timescaledb_information.dimensions "
        "WHERE hypertable_name = 'crossings'",
    )[0]
    assert chunk == 86_400


def test_old_rows_go_and_their_hours_stay(url: str) -> None:
    now_us = to_us(datetime.now(UTC))
    hour_us = now_us // HOUR_US * HOUR_US
    here = site(compress_after_days=1, keep_rows_days=8, keep_trajectories_days=3, chunk_days=1)
    old, new = hour_us - 12 * DAY_US, hour_us - DAY_US
    old_trajectories = [
        Trajectory("north", "s", k, at_us, at_us, "car", 1.5, positions([PastPosition(at_us, Box(0.1, 0.1, 0.2, 0.2))]))
        for k, at_us in enumerate((old, new))
    ]
    with PostgresStore(Address(url), TimescaleSettings(chunk_days=1)) as store:
        store.register(site().domain())
        store.write(Rows([crossing(1, old)]))
        store.refresh(old, old + MINUTE_US)
    write(url, Rows([crossing(2, new)], trajectories=old_trajectories), here=here)
    run_jobs(url, "policy_retention")
    run_jobs(url, "refresh_aggregates")
    assert volumes(url, "1h") == {old: 1, new: 1}
    # As a recount of everything does: what has lost its rows is not added up again.
    with PostgresStore(Address(url)) as store:
        store.refresh(old, now_us)
    assert volumes(url, "1h") == {old: 1, new: 1}
    with closing(PostgresReader(Address(url), connections=1)) as reader:
        assert [row.track_id for row in reader.crossings(["stop"], 0, now_us, 10)] == [2]
        assert [trajectory.track_id for trajectory in reader.trajectories("north", 0, now_us)] == [1]


def test_a_later_reading_of_a_recording_takes_the_place_of_the_earlier_one_in_the_aggregates_too(url: str) -> None:
    earlier, later = (reading_session("rec-00000000000000aa", number) for number in (1, 2))
    first = Rows(
        [replace(crossing(track), session=earlier) for track in range(3)],
        coverage=[Coverage("north", earlier, THEN_US, 60_000_000, 600, 0)],
    )
    second = Rows(
        [replace(crossing(9), session=later)], coverage=[Coverage("north", later, THEN_US, 30_000_000, 300, 0)]
    )
    for rows in (first, second):
        write(url, rows, here=site())
        with PostgresStore(Address(url)) as store:
            store.refresh(THEN_US - DAY_US, THEN_US + DAY_US)
    with closing(PostgresReader(Address(url))) as reader:
        span = THEN_US - DAY_US, THEN_US + DAY_US
        assert [row.session for row in reader.crossings(["stop"], *span, 10)] == [later]
        for interval in ("1m", "1h", "1d"):
            assert [row.count for row in reader.volumes("line", ["stop"], *span, interval)] == [1]
            assert [row.observed_us for row in reader.coverage(["north"], *span, interval)] == [30_000_000]
