"""Hourly volumes by class of one line for a year, out of many lines with a year each, with many readers at once.

    python benchmarks/query_latency.py postgresql://user:password@127.0.0.1/empty [--lines 1000] [--readers 16]

Takes an empty database of its own and fills it inside the database: for each line and each hour of a year, the volume
of six classes in two directions, with the course of a day and a week. What is loaded is the roll-up by hour, which is
all that the question reads: `volume_days` on a plain PostgreSQL, the continuous aggregate `line_volume_1h` on
TimescaleDB; `tests/integration/test_store_postgresql.py` shows that these equal the rows. Then each reader asks for
one line after the other, and takes the whole answer in:

- *database*: the answer as the database keeps it, through psycopg into Python;
- *reader*: `PostgresReader.volumes`, one object per hour, class and direction, as the API uses it; one reader.

*Saturated*: every reader asks again at once, so that all cores are always busy. *Paced*: once a second each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import random
import statistics
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from aforo.config import Site
from aforo.measures import buckets, to_us
from aggregate.reader_timescale import PostgresReader
from aggregate.store_timescale import PostgresStore

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
ZONE = "America/Bogota"

PLAIN = """
INSERT INTO volume_days
SELECT 'line', 'line-' || line, day, direction, road_user, counts, array_fill(0, ARRAY[24])
FROM generate_series(1, %(lines)s) AS line, local_days,
    (VALUES ('in', 1.0), ('out', 0.8)) AS directions (direction, share),
    (VALUES ('pedestrian', 60), ('cyclist', 25), ('motorcyclist', 90), ('car', 300), ('bus', 12), ('truck', 18))
        AS classes (road_user, peak),
    LATERAL (SELECT array_agg((peak * share * (0.5 + (line * 7919) %% 100 / 100.0) * (0.5 + random())
        * greatest(0, sin(pi() * (hour - 4) / 20)) * (CASE WHEN extract(isodow FROM day) > 5 THEN 0.6 ELSE 1 END))::int
        ORDER BY hour) AS counts FROM generate_series(0, 23) AS hour) AS course
"""

TIMESCALE = """
INSERT INTO {table} (start, place, direction, road_user, count, provisional)
SELECT start, 'line-' || line, direction, road_user, count, 0
FROM generate_series(1, %(lines)s) AS line, (SELECT unnest(hours) AS start FROM local_days) AS hours,
    (VALUES ('in', 1.0), ('out', 0.8)) AS directions (direction, share),
    (VALUES ('pedestrian', 60), ('cyclist', 25), ('motorcyclist', 90), ('car', 300), ('bus', 12), ('truck', 18))
        AS classes (road_user, peak),
    LATERAL (SELECT (peak * share * (0.5 + (line * 7919) %% 100 / 100.0) * (0.5 + random())
        * greatest(0, sin(pi() * (extract(hour FROM start AT TIME ZONE %(zone)s)::int - 4) / 20)))::bigint AS count)
        AS course
WHERE count > 0
"""

DATABASE = {
    False: "SELECT road_user, direction, day, counts FROM volume_days WHERE kind = 'line' AND place = %s "
    "AND day >= %s AND day < %s ORDER BY day",
    True: "SELECT road_user, array_agg(start ORDER BY start), array_agg(count ORDER BY start) FROM "
    "(SELECT road_user, start, sum(count) AS count FROM line_volume_1h WHERE place = %s AND start >= %s AND start < %s "
    "GROUP BY road_user, start) AS hourly GROUP BY road_user",
}


def load(url: str, lines: int, days: int) -> bool:
    """Fill the database; returns whether it has TimescaleDB."""
    with PostgresStore(url) as store:
        store.register(Site.model_validate({"site": {"timezone": ZONE}}))
        timescale = store.timescale
    zone = Site.model_validate({"site": {"timezone": ZONE}}).timezone
    began = time.perf_counter()
    with psycopg.connect(url, autocommit=True) as connection:
        first_us = to_us(FIRST.replace(tzinfo=zone))
        for bucket in buckets(first_us, first_us + days * 86_400_000_000, "1d", zone):
            hours = [hour.start_us for hour in buckets(bucket.start_us, bucket.end_us, "1h", zone)]
            connection.execute(
                "INSERT INTO local_days SELECT (time_of(%s) AT TIME ZONE %s)::date, time_of(%s), time_of(%s), "
                "array_agg(time_of(us) ORDER BY us) FROM unnest(%s::bigint[]) AS us",
                (bucket.start_us, ZONE, bucket.start_us, bucket.end_us, hours),
            )
        if timescale:
            _load_timescale(connection, lines, first_us + days * 86_400_000_000)
        else:
            connection.execute(PLAIN, {"lines": lines})
        connection.execute("VACUUM ANALYZE")
        (size,) = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone() or ("?",)
    print(f"loaded {lines} lines × {days} days in {time.perf_counter() - began:.0f} s; the database has {size}")
    return timescale


def _load_timescale(connection: psycopg.Connection[Any], lines: int, end_us: int) -> None:
    """Rows go into the aggregate's own table; one crossing behind them moves what counts as materialised there."""
    row = connection.execute(
        "SELECT format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) "
        "FROM timescaledb_information.continuous_aggregates WHERE view_name = 'line_volume_1h'"
    ).fetchone()
    assert row is not None
    connection.execute(
        "INSERT INTO crossings VALUES ('c', 's', 1, 'last', 0, time_of(%s), 'in', 'car', true, 'v')", (end_us,)
    )
    end = FIRST + timedelta(days=400)
    for interval in ("1m", "15m", "1h"):
        connection.execute(f"CALL refresh_continuous_aggregate('line_volume_{interval}', '2024-12-01', '{end.date()}')")
    connection.execute(TIMESCALE.format(table=row[0]), {"lines": lines, "zone": ZONE})


def _read(url: str, timescale: bool, what: str, lines: int, pace_s: float, seconds: float) -> tuple[list[float], int]:
    """One reader: seconds per answer, and the size of the last one."""
    taken: list[float] = []
    rows = 0
    last = FIRST + timedelta(days=366)
    with closing(PostgresReader(url, connections=1)) as reader, psycopg.connect(url, autocommit=True) as connection:
        connection.prepare_threshold = None

        def ask(line: str) -> int:
            if what == "reader":
                return len(reader.volumes("line", [line], to_us(FIRST), to_us(last), "1h"))
            cursor = connection.execute(DATABASE[timescale], (line, FIRST, last))
            return len(cursor.fetchall())

        ask("line-1")
        end = time.perf_counter() + seconds
        time.sleep(random.random() * pace_s)
        while time.perf_counter() < end:
            began = time.perf_counter()
            rows = ask(f"line-{random.randint(1, lines)}")
            taken.append(time.perf_counter() - began)
            time.sleep(max(0.0, pace_s - taken[-1]))
    return taken, rows


def measure(readers: int, *arguments: Any) -> None:
    """All readers at once, each a process of its own."""
    with multiprocessing.get_context("spawn").Pool(readers) as pool:
        results = pool.starmap(_read, [arguments] * readers, chunksize=1)
    taken = sorted(1000 * second for each, _ in results for second in each)
    what, pace_s, seconds = arguments[2], arguments[4], arguments[5]
    p95 = taken[int(0.95 * (len(taken) - 1))]
    print(
        f"{what:8} {'paced' if pace_s else 'saturated':9} readers {readers:2}: "
        f"median {statistics.median(taken):6.1f} ms, p95 {p95:6.1f} ms, "
        f"{len(taken) / seconds:6.1f} answers/s of {results[0][1]} rows"
    )


def main() -> None:
    """Load, then measure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--readers", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--loaded", action="store_true", help="The database is filled already.")
    options = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, shared with the database")
    if options.loaded:
        with PostgresStore(options.url) as store:
            timescale = store.timescale
    else:
        timescale = load(options.url, options.lines, options.days)
    for readers, pace_s in ((1, 0.0), (options.readers, 1.0), (options.readers, 0.0)):
        measure(readers, options.url, timescale, "database", options.lines, pace_s, options.seconds)
    measure(1, options.url, timescale, "reader", options.lines, 0.0, options.seconds)


if __name__ == "__main__":
    main()
