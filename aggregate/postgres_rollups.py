"""Roll-ups on a PostgreSQL without TimescaleDB: what its continuous aggregates are there, in plain SQL.

Minutes and quarter-hours are views over the rows. Days are kept: one row per place, local day, direction and class,
with its 23 to 25 hours packed into bytes (`aggregate.packed_hours`), so that a year of hours is some thousand rows to
read, and none of its numbers is turned into text. Triggers keep them with every change of a row, in the transaction of
that change, so that they are never behind or wrong. Hours and days are views over that table.

With the first row of a place's day come those of all directions and classes of its day before, still empty, so that
they lie beside each other: read from all over the table, a year would be some thousand pages.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from aggregate import packed_hours

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

CREATE TABLE volume_days (
    kind text NOT NULL,
    place text NOT NULL,
    start timestamptz NOT NULL,
    direction text NOT NULL,
    road_user text NOT NULL,
    count integer NOT NULL,
    provisional integer NOT NULL,
    hours bytea NOT NULL,
    PRIMARY KEY (kind, place, start, direction, road_user)
) WITH (fillfactor = 70);

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


def _add_volumes(rows: str, kind: str, time: str, direction: str, sign: str) -> str:
    """PL/pgSQL that adds rows to `volume_days`, or takes them off (`sign` -1)."""
    return f"""
    FOR change IN
        SELECT {kind} AS place, start, hours, {direction} AS direction, road_user,
            width_bucket({time}, hours) - 1 AS hour,
            {sign} * count(*) AS count, {sign} * count(*) FILTER (WHERE NOT final) AS provisional
        FROM {rows} CROSS JOIN site JOIN local_days ON day = ({time} AT TIME ZONE timezone)::date
        GROUP BY 1, 2, 3, 4, 5, 6
    LOOP
        LOOP
            UPDATE volume_days
            SET count = count + change.count, provisional = provisional + change.provisional,
                hours = {packed_hours.add_sql(packed_hours.VOLUME, "change.hour", "change")}
            WHERE kind = '{kind}' AND place = change.place AND start = change.start
                AND direction = change.direction AND road_user = change.road_user;
            EXIT WHEN FOUND;
            INSERT INTO volume_days
            SELECT '{kind}', change.place, change.start, split.direction, split.road_user, 0, 0, made.hours
            FROM (SELECT {packed_hours.empty_sql(packed_hours.VOLUME, "change.hours")} AS hours) AS made, (
                SELECT change.direction, change.road_user
                UNION SELECT before.direction, before.road_user FROM volume_days AS before
                WHERE kind = '{kind}' AND place = change.place AND count > 0 AND start = (
                    SELECT max(start) FROM volume_days
                    WHERE kind = '{kind}' AND place = change.place AND start < change.start)) AS split
            ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;"""  # noqa: S608 -- put together from constants of this module


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
                hours = {packed_hours.add_sql(packed_hours.COVERAGE, "change.hour", "change")}
            WHERE camera = change.camera AND start = change.start;
            EXIT WHEN FOUND;
            INSERT INTO coverage_days VALUES (change.camera, change.start, 0, 0, 0,
                {packed_hours.empty_sql(packed_hours.COVERAGE, "change.hours")}) ON CONFLICT DO NOTHING;
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


def _unpacked(hour: np.dtype[Any]) -> str:
    """The packed hours of a row, as rows."""
    read = partial(packed_hours.read_sql, hour, number="number")
    numbers = ", ".join(f"{read(name)}::bigint AS {name}" for name in (hour.names or ())[1:])
    return f"""LATERAL (
    SELECT {_EPOCH} + {read("minute")} * interval '1 minute' AS start, {numbers}
    FROM generate_series(0, length(hours) / {hour.itemsize} - 1) AS number) AS hour"""  # noqa: S608


_HOURS_AND_DAYS = f"""
CREATE VIEW volume_1h AS
SELECT us_of(hour.start) AS start_us, kind, place, direction, road_user, hour.count, hour.provisional, hour.start
FROM volume_days, {_unpacked(packed_hours.VOLUME)}
WHERE hour.count > 0;
CREATE VIEW volume_1d AS
SELECT us_of(start) AS start_us, kind, place, direction, road_user, count::bigint AS count,
    provisional::bigint AS provisional, start, hours
FROM volume_days WHERE count > 0;
CREATE VIEW coverage_1h AS
SELECT us_of(hour.start) AS start_us, camera, hour.observed_us, hour.frames, hour.dropped, hour.start
FROM coverage_days, {_unpacked(packed_hours.COVERAGE)}
WHERE hour.observed_us > 0 OR hour.frames > 0 OR hour.dropped > 0;
CREATE VIEW coverage_1d AS
SELECT us_of(start) AS start_us, camera, observed_us, frames, dropped, start, hours FROM coverage_days;
"""  # noqa: S608

VIEWS = _binned("1m", "1 minute") + _binned("15m", "15 minutes") + _HOURS_AND_DAYS
