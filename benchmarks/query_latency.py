"""Hourly volumes by class of one line for a year, out of many lines with a year each, with many readers at once.

    python benchmarks/query_latency.py postgresql://user:password@127.0.0.1/empty [--lines 1000] [--readers 16]

Takes an empty database of its own and fills it inside the database: for each line and each hour of a year, the volume
of six classes in two directions, with the course of a day and a week, and what the line's camera observed. What is
loaded is the roll-up by day with its packed hours, which is all that the question reads: the tables `volume_days` and
`coverage_days` on a plain PostgreSQL, the continuous aggregates `line_days` and `camera_coverage_1d` on TimescaleDB,
compressed but for the newest two weeks; `tests/integration/test_store_contract.py` shows that these equal the rows. The
lines of a day lie in no order. On TimescaleDB one row a day of another line makes the chunks that a year has.
Then each reader asks for one line after the other, and takes the whole answer in:

- *reader*: `PostgresReader.volumes`, as the API uses it; each reader is a process of its own;
- *http*: `GET /v1/volumes?line=…&from=…&to=…&interval=1h&by=class` of one process of `aforo serve`.

*Saturated*: every reader asks again at once, so that all cores are always busy. *Paced*: once a second each. Each line
was asked for once before.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import psycopg

from aforo.address import Address
from aforo.config.site import SiteConfiguration
from aforo.local_time import buckets, to_us
from aggregate.store.postgres import packed_hours, timescale
from aggregate.store.postgres.packed_hours import NAME_END_SQL, SERIES_END_SQL
from aggregate.store.postgres.reader import PostgresReader
from aggregate.store.postgres.writer import PostgresStore
from app.web_process import serve

FIRST = date(2025, 1, 1)
ZONE = "America/Bogota"
VARIANTS = 50
"""Different courses of volumes; lines beyond share them."""

COURSES = f"""
CREATE TEMP TABLE courses AS
SELECT variant, day, start,
    string_agg(direction || {NAME_END_SQL} || road_user, {SERIES_END_SQL} ORDER BY direction, road_user) AS series,
    (SELECT string_agg({packed_hours.minute_sql("start + hour * interval '1 hour'")}, '' ORDER BY hour)
        FROM generate_series(0, {{hours}} - 1) AS hour)
    || string_agg(counts, '' ORDER BY direction, road_user) AS hours
FROM (
    SELECT variant, day, start, direction, road_user, string_agg(int4send(count), '' ORDER BY hour) AS counts
    FROM local_days, generate_series(0, {{hours}} - 1) AS hour, generate_series(0, {VARIANTS - 1}) AS variant,
        (VALUES ('in', 1.0), ('out', 0.8)) AS directions (direction, share),
        (VALUES ('pedestrian', 60), ('cyclist', 25), ('motorcyclist', 90), ('car', 300), ('bus', 12), ('truck', 18))
            AS classes (road_user, peak),
        LATERAL (SELECT CASE WHEN hour < 24 THEN (peak * share * (0.5 + (variant * 37) % 50 / 50.0) * (0.5 + random())
            * greatest(0, sin(pi() * (hour - 4) / 20))
            * (CASE WHEN extract(isodow FROM day) > 5 THEN 0.6 ELSE 1 END))::int ELSE 0 END AS count) AS course
    GROUP BY 1, 2, 3, 4, 5) AS counted
GROUP BY 1, 2, 3;
CREATE INDEX ON courses (day);
CREATE TEMP TABLE observed AS
SELECT local_days.start, sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, 0::bigint AS dropped,
    {packed_hours.aggregate_sql("hours.start")} AS hours
FROM local_days CROSS JOIN unnest(hours) AS hours (start),
    (VALUES (3600000000, 18000, 0)) AS seen (observed_us, frames, dropped) GROUP BY 1;
"""

VOLUMES = """
INSERT INTO {table} (place, start, series, hours{kind})
SELECT 'line-' || line, start, series, hours{line}
FROM courses JOIN (SELECT line, random() AS place FROM generate_series(1, %(lines)s) AS line) AS shuffled
    ON variant = line %% {variants} WHERE day = %(day)s
ORDER BY shuffled.place
"""

COVERAGE = """
INSERT INTO {table} (camera, start, observed_us, frames, dropped, hours)
SELECT 'camera-' || line, observed.* FROM observed, generate_series(1, %(lines)s) AS line ORDER BY start, random()
"""


def site(url: str, lines: int = 0) -> SiteConfiguration:
    """A city with one line per camera."""
    line = [[0.1, 0.5], [0.9, 0.5]]
    return SiteConfiguration.model_validate(
        {
            "site": {"timezone": ZONE},
            "cameras": [
                {
                    "id": f"camera-{number}",
                    "source": "none.mp4",
                    "lines": [{"id": f"line-{number}", "points": line, "directions": ["in", "out"]}],
                }
                for number in range(1, lines + 1)
            ],
            "store": url,
            "api": {"port": 0},
        }
    )


def load(url: str, lines: int, days: int) -> None:
    """Fill the database."""
    here = site(url)
    with PostgresStore(Address(url)) as store:
        store.register(here.domain())
        timescale = store.timescale
    began = time.perf_counter()
    first_us, end_us = year(days)
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
        for bucket in buckets(first_us, end_us, "1d", here.timezone):
            hours = [hour.start_us for hour in buckets(bucket.start_us, bucket.end_us, "1h", here.timezone)]
            connection.execute(
                "INSERT INTO local_days SELECT (time_of(%s) AT TIME ZONE %s)::date, time_of(%s), time_of(%s), "
                "array_agg(time_of(us) ORDER BY us) FROM unnest(%s::bigint[]) AS us",
                (bucket.start_us, ZONE, bucket.start_us, bucket.end_us, hours),
            )
        connection.execute(COURSES.format(hours=26 if timescale else 24))
        tables = _aggregates(connection, end_us) if timescale else ("volume_days", "coverage_days")
        volumes = VOLUMES.format(
            table=tables[0], variants=VARIANTS, kind="" if timescale else ", kind", line="" if timescale else ", 'line'"
        )
        for number in range(days):
            connection.execute(volumes, {"lines": lines, "day": FIRST + timedelta(days=number)})
        connection.execute(COVERAGE.format(table=tables[1]), {"lines": lines})
        if timescale:
            for name in ("line_days", "camera_coverage_1d"):
                connection.execute(
                    f"SELECT compress_chunk(chunk) FROM show_chunks('{name}', older_than => time_of(%s)) AS chunk",
                    (end_us - 14 * 86_400_000_000,),
                )
        connection.execute("VACUUM ANALYZE")
        (size,) = connection.execute("SELECT pg_size_pretty(pg_database_size(current_database()))").fetchone() or ("?",)
    kind = "TimescaleDB" if timescale else "plain PostgreSQL"
    print(f"{kind}: {lines} lines × {days} days in {time.perf_counter() - began:.0f} s; the database has {size}")


def year(days: int) -> tuple[int, int]:
    """The range that is asked for, microseconds."""
    first = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=site("sqlite:///none").timezone)
    return to_us(first), to_us(first + timedelta(days=days))


def _aggregates(connection: psycopg.Connection[Any], end_us: int) -> tuple[str, ...]:
    """The aggregates' own tables; rows until the end move there what counts as materialised."""
    connection.execute(
        "INSERT INTO crossings SELECT 'c', 's', 1, 'last', number, time_of(%s) - number * interval '1 day', 'in', "
        "'car', true, 'v' FROM generate_series(0, 365) AS number",
        (end_us,),
    )
    connection.execute(
        "INSERT INTO coverage SELECT 'c', 's', time_of(%s) - number * interval '1 day', 1, 1, 0 "
        "FROM generate_series(0, 365) AS number",
        (end_us,),
    )
    for name in timescale.aggregates(site("sqlite:///none").timezone):
        connection.execute(f"CALL refresh_continuous_aggregate('{name}', '2024-12-01', '2026-03-01')")
    found = []
    for name in ("line_days", "camera_coverage_1d"):
        row = connection.execute(
            "SELECT format('%%I.%%I', materialization_hypertable_schema, materialization_hypertable_name) "
            "FROM timescaledb_information.continuous_aggregates WHERE view_name = %s",
            (name,),
        ).fetchone()
        assert row is not None
        found.append(row[0])
    return tuple(found)


@contextmanager
def _reader(url: str, days: int) -> Iterator[Callable[[int], int]]:
    with closing(PostgresReader(Address(url), connections=1)) as reader:
        first_us, end_us = year(days)

        def ask(line: int) -> int:
            volumes = reader.volumes("line", [f"line-{line}"], first_us, end_us, "1h")
            return sum(len(series.count) for series in volumes.series)

        yield ask


@contextmanager
def _client(url: str, days: int) -> Iterator[Callable[[int], int]]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    span = f"from={FIRST}&to={FIRST + timedelta(days=days)}"

    def ask(line: int) -> int:
        connection.request("GET", f"/v1/volumes?line=line-{line}&{span}&interval=1h&by=class")
        answer = connection.getresponse()
        size = len(answer.read())
        if answer.status == 429:  # two such large answers are made at a time, no more: so that counting goes on
            return 0
        assert answer.status == 200, answer.status
        return size

    with closing(connection):
        yield ask


def _read(
    what: str, url: str, days: int, lines: int, pace_s: float, start: Any, seconds: float
) -> tuple[list[float], int]:
    """One reader: seconds per answer, and the size of the largest one; what was refused took infinitely long."""
    taken: list[float] = []
    with (_reader if what == "reader" else _client)(url, days) as ask:
        largest = ask(1)
        start.wait()
        end = time.perf_counter() + seconds
        time.sleep(random.random() * pace_s)
        while time.perf_counter() < end:
            began = time.perf_counter()
            size = ask(random.randint(1, lines))
            took = time.perf_counter() - began
            taken.append(took if size else math.inf)
            largest = max(largest, size)
            time.sleep(max(0.0, pace_s - took))
    return taken, largest


def measure(readers: int, what: str, url: str, days: int, lines: int, pace_s: float, seconds: float) -> None:
    """All readers at once, each a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(readers) as pool:
        start = manager.Barrier(readers)
        results = pool.starmap(_read, [(what, url, days, lines, pace_s, start, seconds)] * readers, chunksize=1)
    asked = [1000 * second for each, _ in results for second in each]
    taken = sorted(each for each in asked if each < math.inf)
    p95 = taken[int(0.95 * (len(taken) - 1))]
    unit = "volumes" if what == "reader" else "bytes"
    print(
        f"{what:6} {'paced' if pace_s else 'saturated':9} readers {readers:2}: "
        f"median {statistics.median(taken):6.1f} ms, p95 {p95:6.1f} ms, "
        f"{len(taken) / seconds:6.1f} answers/s of {max(size for _, size in results)} {unit}, "
        f"{len(asked) - len(taken)} refused, load {os.getloadavg()[0]:.1f}"
    )


def _serve(url: str, lines: int, ready: Any) -> None:
    serve(site(url, lines), ready.put)


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
    if not options.loaded:
        load(options.url, options.lines, options.days)
    with _reader(options.url, options.days) as ask:  # so that the database has in memory what it has room for
        for line in range(1, options.lines + 1):
            ask(line)
    rounds = ((1, 0.0), (options.readers, 1.0), (options.readers, 0.0))
    for readers, pace_s in rounds:
        measure(readers, "reader", options.url, options.days, options.lines, pace_s, options.seconds)
    context = multiprocessing.get_context("spawn")
    ready = context.Queue()
    server = context.Process(target=_serve, args=(options.url, options.lines, ready))
    server.start()
    try:
        address = ready.get(timeout=60)
        for readers, pace_s in rounds:
            measure(readers, "http", address, options.days, options.lines, pace_s, options.seconds)
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
