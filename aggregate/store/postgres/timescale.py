"""Roll-ups and the life of rows in TimescaleDB: hypertables, continuous aggregates, policies. Makes SQL, runs none.

Each interval is aggregated from the next shorter one, in real time: what is not materialised yet is added up when it
is read. Quarter-hours are the same in every zone; hours and days are those of the site.

The hours of a day are packed (`aggregate.store.postgres.packed_hours`) in two steps: those of one direction and class
in `line_volume_1d`, then those of all directions and classes of a place in `line_days`.

A row may change until its track ends, and late rows come at any time: TimescaleDB logs both, and a job,
`refresh_aggregates`, brings the buckets up to date, one aggregate after the other: refreshes that overlap fail, or, in
versions before 2.26.3, leave rows twice. It reaches back to where rows are dropped, for behind that a bucket cannot be
added up again.

TimescaleDB notes what a refresh has changed for the aggregates that stand on it, as a range from the start of the first
bucket to the start of the last. Of local time it leaves out the bucket that begins just where the range ends: of late
rows of several days it would miss the newest day, for good. So the writer notes the days of late rows in `late_days`,
and the job refreshes the local buckets of these days by force (adr 0008).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from aggregate.store.postgres import packed_hours
from aggregate.store.postgres.packed_hours import NAME_END_SQL, SERIES_END_SQL
from aggregate.store.postgres.settings import TimescaleSettings

TIMES = {
    "crossings": "at",
    "visits": "entered_at",
    "movements": "at",
    "coverage": "minute",
    "trajectories": "started_at",
}
"""The hypertables and their time columns."""

SUMMED = ("crossings", "visits", "coverage")
"""Those that are added up."""

_SEGMENTS = {
    "crossings": "camera, line",
    "visits": "camera, zone",
    "movements": "camera, movement",
    "coverage": "camera",
    "trajectories": "camera",
}
_KEYS = {
    "crossings": "camera, session, track_id, line, ordinal",
    "visits": "camera, session, track_id, zone, ordinal",
    "movements": "camera, session, track_id, movement, ordinal",
    "trajectories": "camera, session, track_id",
}
_LINES = ("line_volume", "line AS place, direction, road_user", "crossings", "at")
_ZONES = ("zone_volume", "zone AS place, road_user", "visits", "entered_at")
_CAMERAS = ("camera_coverage", "camera", "coverage", "minute")

_DAYS = {"line_days": "line_volume_1d", "zone_days": "zone_volume_1d"}

_INTERVALS = {"1m": "1 minute", "15m": "15 minutes", "1h": "1 hour", "1d": "1 day"}
_LAGS = {
    "1m": timedelta(minutes=10),
    "15m": timedelta(hours=1),
    "1h": timedelta(hours=4),
    "1d": timedelta(days=3),
    "days": timedelta(days=3),
}
"""Age from which buckets of an interval are materialised: most tracks are over by then."""

LATE = timedelta(hours=1)
"""Age of a row from which its day is noted; less than the age from which local buckets are materialised."""

REFRESH_LOCK = 0x41464F54
"""Of the advisory locks: held by the session that refreshes."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2060
_HOUR = timedelta(hours=1)
_HOURS = 26
"""A local day has no more of them: Antarctica/Troll sets its clocks back by two."""

FUNCTIONS = f"""
CREATE FUNCTION put_hour(packed bytea, hour integer, number bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN overlay(packed PLACING int4send(number::integer) FROM 4 * hour + 1);
CREATE AGGREGATE pack_hours(hour integer, number bigint)
    (SFUNC = put_hour, STYPE = bytea, INITCOND = '\\x{"00000000" * _HOURS}', PARALLEL = SAFE);
CREATE FUNCTION minutes_from(start timestamptz) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT string_agg({packed_hours.minute_sql("start + hour * interval '1 hour'")}, '' ORDER BY hour)
        FROM generate_series(0, {_HOURS - 1}) AS hour);
CREATE FUNCTION minutes_of(starts timestamptz[]) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT string_agg({packed_hours.minute_sql("starts[least(hour, cardinality(starts))]")}, ''
        ORDER BY hour) FROM generate_series(1, {_HOURS}) AS hour);
CREATE PROCEDURE refresh_aggregates(job_id integer, config jsonb) LANGUAGE plpgsql AS $$
DECLARE
    noted bigint[];
    days tstzrange[];
    since timestamptz := now() - (config ->> 'since')::interval;
    part jsonb;
    ready timestamptz;
    until timestamptz;
BEGIN
    IF NOT pg_try_advisory_lock({REFRESH_LOCK}) THEN
        RETURN;
    END IF;
    SELECT array_agg(id) INTO noted FROM late_days;
    SELECT array_agg(DISTINCT tstzrange(local.start, local.until)) INTO days
        FROM late_days JOIN local_days AS local
            ON local.start < late_days.start + interval '1 day' AND local.until > late_days.start
        WHERE id = ANY(noted) AND (since IS NULL OR local.start >= since);
    FOR part IN SELECT * FROM jsonb_array_elements(config -> 'aggregates') LOOP
        ready := now() - (part ->> 'lag')::interval;
        FOR n IN 1 .. 2 LOOP -- some versions leave the last bucket that has changed to the next refresh
            CALL refresh_continuous_aggregate((part ->> 'name')::regclass, since, ready);
        END LOOP;
        FOR n IN 1 .. CASE WHEN (part ->> 'local')::boolean THEN coalesce(cardinality(days), 0) ELSE 0 END LOOP
            until := least(upper(days[n]), ready);
            IF until = upper(days[n]) OR until - lower(days[n]) >= (part ->> 'width')::interval THEN
                CALL refresh_continuous_aggregate((part ->> 'name')::regclass, lower(days[n]), until, force => true);
            END IF;
        END LOOP;
    END LOOP;
    DELETE FROM late_days WHERE id = ANY(noted);
    PERFORM pg_advisory_unlock({REFRESH_LOCK});
END $$;
"""  # noqa: S608 -- of constants
"""What the packing of hours and the refreshing of late days need; made once."""


def hypertables(chunk_days: int) -> str:
    """Turns the tables into hypertables that can be compressed.

    A unique key of a hypertable has to contain its time, and ours must not: the writer sees to the keys
    (`aggregate.store.postgres.writer`), for which an index is enough.
    """
    made = "".join(
        f"SELECT create_hypertable('{table}', by_range('{time}', interval '{chunk_days} days'), "
        "create_default_indexes => false);\n"
        f"ALTER TABLE {table} SET (timescaledb.compress, timescaledb.compress_segmentby = '{_SEGMENTS[table]}', "
        f"timescaledb.compress_orderby = '{time}');\n"
        for table, time in TIMES.items()
    )
    return made + "".join(f"CREATE INDEX {table}_key ON {table} ({key});\n" for table, key in _KEYS.items())


def aggregates(zone: ZoneInfo) -> list[str]:
    """Names of the continuous aggregates, each behind the one that it is made from."""
    intervals = _continuous(zone)
    found = [f"{name}_{interval}" for name, *_ in (_LINES, _ZONES, _CAMERAS) for interval in intervals]
    return [*found, *_DAYS] if "1d" in intervals else found


def _continuous(zone: ZoneInfo) -> list[str]:
    """Intervals with a continuous aggregate; the others are views over the longest of those.

    TimescaleDB names a bucket of local time by its first wall-clock reading. Where that reading comes twice, or hours
    are cut by a change of half an hour, the name is not the bucket's start.
    """
    offsets, midnight_comes_twice = _offsets(zone)
    found = ["1m", "15m"]
    if _hours_in_utc(zone) or len(offsets) == 1:
        found.append("1h")
        if not midnight_comes_twice:
            found.append("1d")
    return found


def _hours_in_utc(zone: ZoneInfo) -> bool:
    """Whether the zone's hours are those of UTC."""
    return all(offset % _HOUR == timedelta(0) for offset in _offsets(zone)[0])


@cache
def _offsets(zone: ZoneInfo) -> tuple[set[timedelta], bool]:
    """The zone's offsets from UTC, and whether it ever sets the clocks back over a midnight."""
    offsets: set[timedelta] = set()
    twice = False
    midnight = datetime(_FIRST_YEAR, 1, 1, tzinfo=zone)
    while midnight.year < _LAST_YEAR:
        first, second = midnight.utcoffset(), midnight.replace(fold=1).utcoffset()
        if first is not None and second is not None:
            offsets.add(first)
            twice = twice or first > second
        midnight += timedelta(days=1)  # wall-clock arithmetic: the next midnight
    return offsets, twice


def create(zone: ZoneInfo) -> str:
    """Makes the aggregates and the views `volume_…` and `coverage_…` over them."""
    continuous = _continuous(zone)
    days = f"time_bucket('1 day', kept.start, {_text(zone.key)})"
    parts = []
    for name, columns, table, time in (_LINES, _ZONES, _CAMERAS):
        source, at = table, time
        for interval in _INTERVALS:
            if interval in continuous:
                local = interval == "1d" or (interval == "1h" and not _hours_in_utc(zone))
                bucket = f"time_bucket('{_INTERVALS[interval]}', {at}{f', {_text(zone.key)}' if local else ''})"
                hour = f"(extract(epoch FROM kept.start - {days}) / 3600)::integer"
                parts.append(_aggregate(f"{name}_{interval}", source, bucket, columns, _sums(name, interval, hour)))
            else:
                start = "hours[width_bucket(kept.start, hours)]" if interval == "1h" else "local_days.start"
                sums = _sums(name, interval, "width_bucket(kept.start, local_days.hours) - 1")
                parts.append(_view(f"{name}_{interval}", source, start, columns, sums))
            source, at, columns = f"{name}_{interval}", "kept.start", _names(columns)
    for name, source in _DAYS.items():
        if "1d" in continuous:
            parts.append(_aggregate(name, source, days, "place", _packed(source, f"minutes_from({days})")))
        else:
            minutes = "minutes_of(max(local_days.hours))"
            parts.append(_view(name, source, "local_days.start", "place", _packed(source, minutes)))
    return "".join(parts) + "".join(_readable(interval) for interval in _INTERVALS)


def _aggregate(name: str, source: str, bucket: str, columns: str, sums: str) -> str:
    place = _names(columns).partition(",")[0]
    return (
        f"CREATE MATERIALIZED VIEW {name} WITH (timescaledb.continuous, timescaledb.materialized_only = false, "
        "timescaledb.create_group_indexes = false) AS\n"
        f"SELECT {bucket} AS start, {columns}, {sums} FROM {source} AS kept GROUP BY {_groups(columns)} WITH NO DATA;\n"
        f"CREATE INDEX ON {name} ({place}, start);\n"
        f"ALTER MATERIALIZED VIEW {name} SET (timescaledb.compress, "
        f"timescaledb.compress_segmentby = '{place}', timescaledb.compress_orderby = 'start');\n"
    )


def _view(name: str, source: str, start: str, columns: str, sums: str) -> str:
    return (
        f"CREATE VIEW {name} AS SELECT {start} AS start, {columns}, {sums} FROM {source} AS kept "  # noqa: S608
        "JOIN local_days ON kept.start >= local_days.start AND kept.start < local_days.until "
        f"GROUP BY {_groups(columns)};\n"
    )


def _sums(name: str, interval: str, hour: str) -> str:
    """What is added up from the next shorter interval, or from the rows; a day has its hours (from 0) as well."""
    if name == "camera_coverage":
        sums = ", ".join(f"sum({number})::bigint AS {number}" for number in packed_hours.NUMBERS)
        return f"{sums}, {packed_hours.aggregate_sql('kept.start')} AS hours" if interval == "1d" else sums
    if interval == "1m":
        return "count(*) AS count, count(*) FILTER (WHERE NOT final) AS provisional"
    sums = "sum(count)::bigint AS count, sum(provisional)::bigint AS provisional"
    if interval == "1d":
        sums += f", pack_hours({hour}, count) AS hours, pack_hours({hour}, provisional) AS provisional_hours"
    return sums


def _packed(source: str, minutes: str) -> str:
    """The columns of a place's day; see `aggregate.store.postgres.packed_hours`."""
    direction, order = (
        ("'entered'", "road_user") if source.startswith("zone") else ("direction", "direction, road_user")
    )
    return (
        f"string_agg({direction} || {NAME_END_SQL} || road_user, {SERIES_END_SQL} ORDER BY {order}) AS series, "
        f"{minutes} || string_agg(kept.hours, '' ORDER BY {order}) AS hours, "
        f"CASE WHEN sum(provisional) > 0 THEN '\\x{'00000000' * _HOURS}'::bytea || "
        f"string_agg(provisional_hours, '' ORDER BY {order}) END AS provisional"
    )


def _names(columns: str) -> str:
    return ", ".join(column.rpartition(" ")[2] for column in columns.split(", "))


def _groups(columns: str) -> str:
    return ", ".join(str(number) for number in range(1, len(columns.split(", ")) + 2))


def _readable(interval: str) -> str:
    hours = ", hours" if interval == "1d" else ""
    return f"""
CREATE VIEW volume_{interval} AS
SELECT us_of(start) AS start_us, 'line' AS kind, place, direction, road_user, count, provisional, start
FROM line_volume_{interval}
UNION ALL
SELECT us_of(start) AS start_us, 'zone' AS kind, place, 'entered' AS direction, road_user, count, provisional, start
FROM zone_volume_{interval};
CREATE VIEW coverage_{interval} AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start{hours} FROM camera_coverage_{interval};
"""  # noqa: S608


def drop(zone: ZoneInfo) -> str:
    """Takes down what `create` made."""
    views = "".join(f"DROP VIEW IF EXISTS volume_{name}, coverage_{name};\n" for name in _INTERVALS)
    continuous = _continuous(zone)
    kind = "MATERIALIZED VIEW" if "1d" in continuous else "VIEW"
    views += "".join(f"DROP {kind} IF EXISTS {name};\n" for name in _DAYS)
    for interval in reversed(_INTERVALS):
        for name, *_ in (_LINES, _ZONES, _CAMERAS):
            kind = "MATERIALIZED VIEW" if interval in continuous else "VIEW"
            views += f"DROP {kind} IF EXISTS {name}_{interval};\n"
    return views


def policies(settings: TimescaleSettings, zone: ZoneInfo) -> Iterable[str]:
    """Statements that put the policies that are set into force, whatever there were before."""
    keep, chunk = settings.keep_rows_days, settings.chunk_days
    minutes = [f"{name}_1m" for name, *_ in (_LINES, _ZONES, _CAMERAS)]
    since = None if keep is None else f"{keep - chunk} days"
    for name in aggregates(zone):  # kept at rest: without them some versions compress no aggregates
        yield f"SELECT remove_continuous_aggregate_policy('{name}', if_exists => true)"
        begin = "NULL" if since is None else f"interval '{since}'"
        yield (
            f"SELECT alter_job(add_continuous_aggregate_policy('{name}', start_offset => {begin}, "
            f"end_offset => interval '{_LAGS[name.rpartition('_')[2]]}', "
            f"schedule_interval => interval '{settings.refresh_seconds} seconds'), scheduled => false)"
        )
    job = {"since": since, "aggregates": _parts(zone)}
    yield (
        "SELECT delete_job(job_id) FROM timescaledb_information.jobs "
        "WHERE proc_name = 'refresh_aggregates' AND proc_schema = current_schema()"
    )
    yield (
        f"SELECT add_job('refresh_aggregates', interval '{settings.refresh_seconds} seconds', "
        f"config => {_text(json.dumps(job))})"
    )
    for table in TIMES:
        yield f"SELECT set_chunk_time_interval('{table}', interval '{chunk} days')"
    for table in (*TIMES, *aggregates(zone)):
        yield f"SELECT remove_compression_policy('{table}', if_exists => true)"
        after = f"interval '{settings.compress_after_days} days'"
        yield f"SELECT add_compression_policy('{table}', compress_after => {after})"
    for table in (*TIMES, *minutes):
        yield f"SELECT remove_retention_policy('{table}', if_exists => true)"
        days = settings.keep_trajectories_days if table == "trajectories" else keep
        if days is not None:
            yield f"SELECT add_retention_policy('{table}', drop_after => interval '{days} days')"


def _parts(zone: ZoneInfo) -> list[dict[str, object]]:
    """What the job refreshes, each aggregate behind the one that it is made from.

    `lag` is the age from which buckets are materialised. Those that are `local` are refreshed by force where late rows
    came: days as a whole, of those that have a `width` also the beginning of a day.
    """
    local = {"1d", "days"} if _hours_in_utc(zone) else {"1h", "1d", "days"}
    intervals = {name: name.rpartition("_")[2] for name in aggregates(zone)}
    return [
        {"name": name, "lag": str(_LAGS[interval]), "local": interval in local}
        | ({"width": _INTERVALS[interval]} if interval == "1h" else {})
        for name, interval in intervals.items()
    ]


def refresh(zone: ZoneInfo, start_us: int, end_us: int, firsts: Mapping[str, datetime], now: datetime) -> Iterable[str]:
    """Statements that bring the aggregates up to date over a range, each to be run outside of transactions.

    Never from before the oldest row that is kept, for what has lost its rows would be added up from nothing, and never
    what is too young to be materialised, which would stand still while rows come.

    Forced, for TimescaleDB does not notice every change of an aggregate on which another stands: rows that came into a
    range refreshed while it was empty would be left out of hours and days.
    """
    margin = timedelta(days=2)
    start, end = (
        datetime.fromtimestamp(us // 1_000_000, UTC) + shift for us, shift in ((start_us, -margin), (end_us, margin))
    )
    tables = {name.partition("_")[0]: table for name, _, table, _ in (_LINES, _ZONES, _CAMERAS)}
    for name in aggregates(zone):
        since = max(start, firsts.get(tables[name.partition("_")[0]], start))
        until = min(end, now - _LAGS[name.rpartition("_")[2]])
        if until - since >= margin:
            span = f"'{since.isoformat()}', '{until.isoformat()}'"
            yield f"CALL refresh_continuous_aggregate('{name}', {span}, force => true)"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
