"""Roll-ups on a PostgreSQL without TimescaleDB: what its continuous aggregates are there, in plain SQL.

Minutes and quarter-hours are views over the rows. Days are kept: one row per place and local day, with its hours by
direction and class packed into bytes (`aggregate.store.postgres.packed_hours`), so that a year of hours is 365 rows to
read, and none of its numbers is turned into text. Triggers keep them with every change of a row, in the transaction of
that change, so that they are never behind or wrong. Hours and days are views over that table.

A new day begins with the directions and classes of the day before, so that most days of a place are packed alike.
"""

from __future__ import annotations

from functools import partial

from aggregate.store.postgres import packed_hours
from aggregate.store.postgres.packed_hours import NAME_END_SQL, SERIES_END_SQL

_EPOCH = "timestamptz '1970-01-01 00:00:00+00'"

INDEXES = f"""
CREATE UNIQUE INDEX crossings_key ON crossings (camera, session, track_id, line, ordinal);
CREATE UNIQUE INDEX visits_key ON visits (camera, session, track_id, zone, ordinal);
CREATE UNIQUE INDEX movements_key ON movements (camera, session, track_id, movement, ordinal);
CREATE UNIQUE INDEX trajectories_key ON trajectories (camera, session, track_id);
CREATE INDEX crossings_by_quarter ON crossings (line, date_bin('15 minutes', at, {_EPOCH}));
CREATE INDEX visits_by_quarter ON visits (zone, date_bin('15 minutes', entered_at, {_EPOCH}));
"""

_TABLES = """
CREATE FUNCTION int4_at(packed bytea, at integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (get_byte(packed, at) << 24) | (get_byte(packed, at + 1) << 16)
        | (get_byte(packed, at + 2) << 8) | get_byte(packed, at + 3);
CREATE FUNCTION int8_at(packed bytea, at integer) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (int4_at(packed, at)::bigint << 32) | (int4_at(packed, at + 4)::bigint & 4294967295);
CREATE FUNCTION zeros(size integer) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN decode(repeat('00', size), 'hex');

CREATE TABLE volume_days (
    kind text NOT NULL,
    place text NOT NULL,
    start timestamptz NOT NULL,
    series text NOT NULL,
    hours bytea NOT NULL,
    provisional bytea,
    PRIMARY KEY (kind, place, start)
) WITH (fillfactor = 50, toast_tuple_target = 8160); -- kept in the row, as they are
ALTER TABLE volume_days ALTER hours SET STORAGE EXTERNAL, ALTER provisional SET STORAGE EXTERNAL;

CREATE TABLE coverage_days (
    camera text NOT NULL,
    start timestamptz NOT NULL,
    observed_us bigint NOT NULL,
    frames bigint NOT NULL,
    dropped bigint NOT NULL,
    hours bytea NOT NULL,
    PRIMARY KEY (camera, start)
) WITH (fillfactor = 70);
"""


_ADD_VOLUMES = f"""
CREATE FUNCTION add_volumes(changed_kind text, changed_place text, changed_start timestamptz, starts timestamptz[],
    changed text[], hour integer[], counts integer[], provisionals integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    day volume_days;
    named text[];
    width integer := 4 * cardinality(starts);
    number integer;
    at integer;
BEGIN
    LOOP
        SELECT * INTO day FROM volume_days
        WHERE kind = changed_kind AND place = changed_place AND start = changed_start FOR UPDATE;
        EXIT WHEN FOUND;
        SELECT array_agg(name ORDER BY rank) INTO named
        FROM (
            SELECT hours, string_to_array(series, {SERIES_END_SQL}) AS names FROM volume_days AS before
            WHERE kind = changed_kind AND place = changed_place AND start < changed_start ORDER BY start DESC LIMIT 1
        ) AS before, unnest(names) WITH ORDINALITY AS known (name, rank),
            LATERAL (SELECT length(hours) / (1 + cardinality(names))) AS its (size)
        WHERE substr(hours, (size * rank)::integer + 1, size) <> zeros(size);
        INSERT INTO volume_days VALUES (
            changed_kind, changed_place, changed_start, coalesce(array_to_string(named, {SERIES_END_SQL}), ''),
            (SELECT string_agg({packed_hours.minute_sql("start")}, '' ORDER BY start) FROM unnest(starts) AS start)
                || zeros(width * coalesce(cardinality(named), 0)))
        ON CONFLICT DO NOTHING;
    END LOOP;
    named := string_to_array(day.series, {SERIES_END_SQL});
    FOR change IN 1 .. cardinality(changed) LOOP
        number := array_position(named, changed[change]);
        IF number IS NULL THEN
            named := named || changed[change];
            number := cardinality(named);
            day.hours := day.hours || zeros(width);
            day.provisional := day.provisional || zeros(width);
        END IF;
        at := width * number + 4 * hour[change];
        day.hours := overlay(day.hours PLACING int4send(int4_at(day.hours, at) + counts[change]) FROM at + 1);
        IF provisionals[change] <> 0 THEN
            day.provisional := coalesce(day.provisional, zeros(length(day.hours)));
            day.provisional := overlay(day.provisional
                PLACING int4send(int4_at(day.provisional, at) + provisionals[change]) FROM at + 1);
        END IF;
    END LOOP;
    UPDATE volume_days
    SET series = array_to_string(named, {SERIES_END_SQL}), hours = day.hours,
        provisional = nullif(day.provisional, zeros(length(day.hours)))
    WHERE kind = changed_kind AND place = changed_place AND start = changed_start;
END $$;
"""  # noqa: S608 -- put together from constants
"""Adds numbers to hours (from 0) of a place's local day, each of a direction and class."""


def _add_volumes(rows: str, kind: str, time: str, direction: str, sign: str) -> str:
    """PL/pgSQL that adds rows to `volume_days`, or takes them off (`sign` -1)."""
    return f"""
    PERFORM add_volumes('{kind}', place, start, hours, array_agg(name), array_agg(hour), array_agg(counted),
        array_agg(open))
    FROM (
        SELECT {kind} AS place, start, hours, {direction} || {NAME_END_SQL} || road_user AS name,
            (width_bucket({time}, hours) - 1) AS hour,
            ({sign} * count(*))::integer AS counted,
            ({sign} * count(*) FILTER (WHERE NOT final))::integer AS open
        FROM {rows} CROSS JOIN site JOIN local_days ON day = ({time} AT TIME ZONE timezone)::date
        GROUP BY 1, day, 4, 5
        ORDER BY 1, 2
    ) AS changes
    GROUP BY place, start, hours
    ORDER BY place, start;"""  # noqa: S608 -- put together from constants of this module


def _add_coverage(rows: str) -> str:
    """PL/pgSQL that adds rows with a column `sign` to `coverage_days`."""
    return f"""
    FOR change IN
        SELECT camera, start, hours, width_bucket(minute, hours) - 1 AS hour,
            sum(sign * observed_us) AS observed_us, sum(sign * frames) AS frames, sum(sign * dropped) AS dropped
        FROM ({rows}) AS changed CROSS JOIN site JOIN local_days ON day = (minute AT TIME ZONE timezone)::date
        GROUP BY 1, 2, 3, 4
    LOOP
        LOOP
            UPDATE coverage_days
            SET observed_us = observed_us + change.observed_us, frames = frames + change.frames,
                dropped = dropped + change.dropped,
                hours = {packed_hours.add_sql("change.hour", "change")}
            WHERE camera = change.camera AND start = change.start;
            EXIT WHEN FOUND;
            INSERT INTO coverage_days VALUES (change.camera, change.start, 0, 0, 0,
                {packed_hours.empty_sql("change.hours")}) ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;"""  # noqa: S608


def _trigger(table: str, event: str, transition: str, body: str) -> str:
    name = f"roll_up_{table}_{event.lower()}"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change record;
BEGIN{body}
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {transition} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


_COUNTED = (("crossings", "line", "at", "direction"), ("visits", "zone", "entered_at", "'entered'"))

# Rows of crossings and visits are never updated, but taken out and put in again.
TABLES = (
    _TABLES
    + _ADD_VOLUMES
    + "".join(
        _trigger(table, event, f"{side} TABLE AS changed", _add_volumes("changed", kind, time, direction, sign))
        for table, kind, time, direction in _COUNTED
        for event, side, sign in (("INSERT", "NEW", "1"), ("DELETE", "OLD", "-1"))
    )
    + _trigger("coverage", "INSERT", "NEW TABLE AS added", _add_coverage("SELECT *, 1 AS sign FROM added"))
    + _trigger(
        "coverage",
        "UPDATE",
        "OLD TABLE AS gone NEW TABLE AS added",
        _add_coverage("SELECT *, 1 AS sign FROM added UNION ALL SELECT *, -1 FROM gone"),
    )
)

REBUILD = f"""
TRUNCATE volume_days, coverage_days;
DO $$
DECLARE
    change record;
BEGIN{"".join(_add_volumes(table, kind, time, direction, "1") for table, kind, time, direction in _COUNTED)}
{_add_coverage("SELECT *, 1 AS sign FROM coverage")}
END $$;
"""  # noqa: S608
"""Makes the roll-ups anew, from all rows and the present local days."""


def _binned(name: str, width: str) -> str:
    counted = " UNION ALL ".join(
        f"""
    SELECT date_bin('{width}', {time}, {_EPOCH}) AS start, date_bin('15 minutes', {time}, {_EPOCH}) AS quarter,
        '{kind}' AS kind, {kind} AS place, {direction} AS direction, road_user,
        count(*) AS count, count(*) FILTER (WHERE NOT final) AS provisional
    FROM {table} GROUP BY 1, 2, 4, 5, 6"""  # noqa: S608
        for table, kind, time, direction in _COUNTED
    )
    return f"""
CREATE VIEW volume_{name} AS
SELECT us_of(start) AS start_us, kind, place, direction, road_user, count, provisional, start, quarter
FROM ({counted}) AS counted;
CREATE VIEW coverage_{name} AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start FROM (
    SELECT date_bin('{width}', minute, {_EPOCH}) AS start, camera,
        sum(observed_us)::bigint AS observed_us, sum(frames)::bigint AS frames, sum(dropped)::bigint AS dropped
    FROM coverage GROUP BY 1, 2) AS counted;
"""  # noqa: S608


_VOLUME_HOURS = f"""
CREATE VIEW line_days AS SELECT place, start, series, hours, provisional FROM volume_days WHERE kind = 'line';
CREATE VIEW zone_days AS SELECT place, start, series, hours, provisional FROM volume_days WHERE kind = 'zone';
CREATE VIEW volume_hours AS -- of each day, also those of nobody
SELECT kind, place, volume_days.start AS day,
    split_part(name, {NAME_END_SQL}, 1) AS direction, split_part(name, {NAME_END_SQL}, 2) AS road_user,
    {_EPOCH} + int4_at(hours, 4 * hour) * interval '1 minute' AS start,
    int4_at(hours, at)::bigint AS count,
    CASE WHEN provisional IS NULL THEN 0 ELSE int4_at(provisional, at)::bigint END AS provisional
FROM volume_days, string_to_array(series, {SERIES_END_SQL}) AS names,
    unnest(names) WITH ORDINALITY AS named (name, number),
    LATERAL (SELECT length(hours) / 4 / (1 + cardinality(names))) AS size (columns),
    generate_series(0, columns - 1) AS hour,
    LATERAL (SELECT (4 * (columns * number + hour))::integer) AS place_of (at);
"""  # noqa: S608


def _coverage_hours() -> str:
    """The packed hours of a row, as rows."""
    read = partial(packed_hours.read_sql, number="number")
    numbers = ", ".join(f"{read(name)} AS {name}" for name in packed_hours.NUMBERS)
    return f"""LATERAL (
    SELECT {_EPOCH} + {read("minute")} * interval '1 minute' AS start, {numbers}
    FROM generate_series(0, length(hours) / {packed_hours.HOUR.itemsize} - 1) AS number) AS hour"""  # noqa: S608


_HOURS_AND_DAYS = f"""
CREATE VIEW volume_1h AS
SELECT us_of(start) AS start_us, kind, place, direction, road_user, count, provisional, start
FROM volume_hours WHERE count > 0;
CREATE VIEW volume_1d AS
SELECT us_of(day) AS start_us, kind, place, direction, road_user, sum(count)::bigint AS count,
    sum(provisional)::bigint AS provisional, day AS start
FROM volume_hours GROUP BY kind, place, day, direction, road_user HAVING sum(count) > 0;
CREATE VIEW coverage_1h AS
SELECT us_of(hour.start) AS start_us, camera, hour.observed_us, hour.frames, hour.dropped, hour.start
FROM coverage_days, {_coverage_hours()}
WHERE hour.observed_us > 0 OR hour.frames > 0 OR hour.dropped > 0;
CREATE VIEW coverage_1d AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start, hours FROM coverage_days;
"""  # noqa: S608

VIEWS = _binned("1m", "1 minute") + _binned("15m", "15 minutes") + _VOLUME_HOURS + _HOURS_AND_DAYS
