"""Roll-ups on a PostgreSQL without TimescaleDB: what its continuous aggregates are there, in plain SQL.

Minutes and quarter-hours are views over the rows. Hours are kept: one row per place, local day, direction and class,
with the counts of its 23 to 25 hours in an array, so that a year of hours is some thousand rows to read. Triggers keep
them with every change of a row, in the transaction of that change, so that they are never behind or wrong. Hours and
days are views over that table.
"""

from __future__ import annotations

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
CREATE TABLE volume_days (
    kind text NOT NULL,
    place text NOT NULL,
    day date NOT NULL,
    direction text NOT NULL,
    road_user text NOT NULL,
    counts integer[] NOT NULL, -- by hour, as in local_days
    provisionals integer[] NOT NULL,
    PRIMARY KEY (kind, place, day, direction, road_user)
) WITH (fillfactor = 70);

CREATE TABLE coverage_days (
    camera text NOT NULL,
    day date NOT NULL,
    observed_us bigint[] NOT NULL, -- by hour, as in local_days
    frames bigint[] NOT NULL,
    dropped bigint[] NOT NULL,
    PRIMARY KEY (camera, day)
) WITH (fillfactor = 70);
"""


def _add_volumes(rows: str, kind: str, time: str, direction: str, sign: str) -> str:
    """PL/pgSQL that adds rows to `volume_days`, or takes them off (`sign` -1)."""
    return f"""
    FOR change IN
        SELECT {kind} AS place, day, {direction} AS direction, road_user, cardinality(hours) AS length,
            width_bucket({time}, hours) AS hour,
            {sign} * count(*) AS count, {sign} * count(*) FILTER (WHERE NOT final) AS provisional
        FROM {rows} CROSS JOIN site JOIN local_days ON day = ({time} AT TIME ZONE timezone)::date
        GROUP BY 1, 2, 3, 4, 5, 6
    LOOP
        INSERT INTO volume_days VALUES ('{kind}', change.place, change.day, change.direction, change.road_user,
            array_fill(0, ARRAY[change.length]), array_fill(0, ARRAY[change.length])) ON CONFLICT DO NOTHING;
        UPDATE volume_days
        SET counts[change.hour] = counts[change.hour] + change.count,
            provisionals[change.hour] = provisionals[change.hour] + change.provisional
        WHERE kind = '{kind}' AND place = change.place AND day = change.day
            AND direction = change.direction AND road_user = change.road_user;
    END LOOP;"""  # noqa: S608 -- put together from constants of this module


def _add_coverage(rows: str) -> str:
    """PL/pgSQL that adds rows with a column `sign` to `coverage_days`."""
    return f"""
    FOR change IN
        SELECT camera, day, cardinality(hours) AS length, width_bucket(minute, hours) AS hour,
            sum(sign * observed_us) AS observed_us, sum(sign * frames) AS frames, sum(sign * dropped) AS dropped
        FROM ({rows}) AS changed CROSS JOIN site JOIN local_days ON day = (minute AT TIME ZONE timezone)::date
        GROUP BY 1, 2, 3, 4
    LOOP
        INSERT INTO coverage_days VALUES (change.camera, change.day, array_fill(0::bigint, ARRAY[change.length]),
            array_fill(0::bigint, ARRAY[change.length]), array_fill(0::bigint, ARRAY[change.length]))
            ON CONFLICT DO NOTHING;
        UPDATE coverage_days
        SET observed_us[change.hour] = observed_us[change.hour] + change.observed_us,
            frames[change.hour] = frames[change.hour] + change.frames,
            dropped[change.hour] = dropped[change.hour] + change.dropped
        WHERE camera = change.camera AND day = change.day;
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


_HOURS_AND_DAYS = """
CREATE VIEW volume_1h AS
SELECT us_of(hour.start) AS start_us, kind, place, direction, road_user,
    hour.count::bigint AS count, hour.provisional::bigint AS provisional, hour.start, day
FROM volume_days JOIN local_days USING (day),
    unnest(hours, counts, provisionals) AS hour (start, count, provisional)
WHERE hour.count > 0;
CREATE VIEW volume_1d AS
SELECT us_of(start) AS start_us, kind, place, direction, road_user, count, provisional, start, day
FROM volume_days JOIN local_days USING (day),
    LATERAL (SELECT sum(hour.count)::bigint AS count, sum(hour.provisional)::bigint AS provisional
        FROM unnest(counts, provisionals) AS hour (count, provisional)) AS total
WHERE count > 0;
CREATE VIEW coverage_1h AS
SELECT us_of(hour.start) AS start_us, camera, hour.observed_us, hour.frames, hour.dropped, hour.start, day
FROM coverage_days JOIN local_days USING (day),
    unnest(hours, observed_us, frames, dropped) AS hour (start, observed_us, frames, dropped)
WHERE hour.observed_us > 0 OR hour.frames > 0 OR hour.dropped > 0;
CREATE VIEW coverage_1d AS
SELECT us_of(start) AS start_us, camera, total.observed_us, total.frames, total.dropped, start, day
FROM coverage_days JOIN local_days USING (day),
    LATERAL (SELECT sum(hour.observed_us)::bigint AS observed_us, sum(hour.frames)::bigint AS frames,
        sum(hour.dropped)::bigint AS dropped
        FROM unnest(observed_us, frames, dropped) AS hour (observed_us, frames, dropped)) AS total;
"""

VIEWS = _binned("1m", "1 minute") + _binned("15m", "15 minutes") + _HOURS_AND_DAYS

HINTS = {"1m": "quarter", "1h": "day", "1d": "day"}
"""Columns of the volume views that an index finds, for a range of time; where none is named, `start` is one itself."""
