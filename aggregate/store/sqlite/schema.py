"""The schema of the SQLite store, as a series of migrations; `PRAGMA user_version` says how many were applied.

A migration that was released is never changed: a change of schema is a new one at the end.

Volumes and coverage per quarter-hour, hour and day join `local_intervals`: the site's local intervals, as ranges of
UTC microseconds, on every day that has rows. The writer adds them with the first row of a day, so that plain SQL from
any program finds local hours without a function of ours, and reads only the part of the index that it needs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from aforo.errors import StoreError

APPLICATION_ID = 0x41464F52
"""`PRAGMA application_id`, "AFOR": tells our databases from those of other programs."""

_TABLES = """
CREATE TABLE site (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL
) STRICT;

CREATE TABLE cameras (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    source TEXT NOT NULL -- without credentials
) STRICT, WITHOUT ROWID;

CREATE TABLE geometry (
    kind TEXT NOT NULL CHECK (kind IN ('line', 'zone', 'movement')),
    id TEXT NOT NULL,
    version TEXT NOT NULL,
    camera TEXT NOT NULL,
    definition TEXT NOT NULL, -- JSON, as in the site file
    registered_us INTEGER NOT NULL DEFAULT (unixepoch() * 1000000),
    PRIMARY KEY (kind, id, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE local_intervals (
    name TEXT NOT NULL CHECK (name IN ('15m', '1h', '1d')),
    start_us INTEGER NOT NULL,
    end_us INTEGER NOT NULL,
    PRIMARY KEY (name, start_us)
) STRICT, WITHOUT ROWID;

CREATE TABLE crossings (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    line TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    at_us INTEGER NOT NULL CHECK (at_us >= 0),
    direction TEXT NOT NULL,
    road_user TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    geometry TEXT NOT NULL,
    minute_us INTEGER NOT NULL GENERATED ALWAYS AS (at_us - at_us % 60000000) STORED,
    UNIQUE (camera, session, track_id, line, ordinal)
) STRICT;
CREATE INDEX crossings_by_minute ON crossings (line, minute_us, direction, road_user, final);

CREATE TABLE visits (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    zone TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    entered_at_us INTEGER NOT NULL CHECK (entered_at_us >= 0),
    left_at_us INTEGER,
    road_user TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    geometry TEXT NOT NULL,
    minute_us INTEGER NOT NULL GENERATED ALWAYS AS (entered_at_us - entered_at_us % 60000000) STORED,
    UNIQUE (camera, session, track_id, zone, ordinal)
) STRICT;
CREATE INDEX visits_by_minute ON visits (zone, minute_us, road_user, final);
CREATE INDEX visits_by_exit ON visits (zone, left_at_us);

CREATE TABLE movements (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    movement TEXT NOT NULL,
    ordinal INTEGER NOT NULL,
    entered_at_us INTEGER NOT NULL CHECK (entered_at_us >= 0),
    at_us INTEGER NOT NULL,
    road_user TEXT NOT NULL,
    final INTEGER NOT NULL CHECK (final IN (0, 1)),
    geometry TEXT NOT NULL,
    UNIQUE (camera, session, track_id, movement, ordinal)
) STRICT;
CREATE INDEX movements_by_time ON movements (at_us);

CREATE TABLE coverage (
    camera TEXT NOT NULL,
    minute_us INTEGER NOT NULL CHECK (minute_us >= 0),
    session TEXT NOT NULL,
    observed_us INTEGER NOT NULL,
    frames INTEGER NOT NULL,
    dropped INTEGER NOT NULL,
    PRIMARY KEY (camera, minute_us, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX coverage_by_time ON coverage (minute_us) WHERE observed_us > 0;
"""

_TRAJECTORIES = """
CREATE TABLE trajectories (
    camera TEXT NOT NULL,
    session TEXT NOT NULL,
    track_id INTEGER NOT NULL,
    started_at_us INTEGER NOT NULL CHECK (started_at_us >= 0),
    ended_at_us INTEGER NOT NULL,
    road_user TEXT NOT NULL,
    aspect REAL NOT NULL,
    points BLOB NOT NULL, -- as aggregate.counting.trajectories writes them
    UNIQUE (camera, session, track_id)
) STRICT;
CREATE INDEX trajectories_by_start ON trajectories (camera, started_at_us);

CREATE TABLE live_endpoints (
    camera TEXT PRIMARY KEY,
    url TEXT NOT NULL,
    seen_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


_CLASS_CONFIDENCE = """
ALTER TABLE crossings ADD COLUMN class_confidence REAL CHECK (class_confidence BETWEEN 0 AND 1);
"""


def _views(name: str) -> str:
    """The views of one interval: of minutes as they are, of anything longer through `local_intervals`."""
    if name == "1m":
        start, join = "minute_us", ""
    else:
        start = "local.start_us"
        join = (
            f"JOIN local_intervals AS local "
            f"ON local.name = '{name}' AND minute_us >= local.start_us AND minute_us < local.end_us"
        )
    return f"""
CREATE VIEW volume_{name} AS
SELECT {start} AS start_us, 'line' AS kind, line AS place, direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM crossings {join}
GROUP BY {start}, line, direction, road_user
UNION ALL
SELECT {start} AS start_us, 'zone' AS kind, zone AS place, 'entered' AS direction, road_user,
    count(*) AS count, count(*) - sum(final) AS provisional
FROM visits {join}
GROUP BY {start}, zone, road_user;

CREATE VIEW coverage_{name} AS
SELECT {start} AS start_us, camera,
    sum(observed_us) AS observed_us, sum(frames) AS frames, sum(dropped) AS dropped
FROM coverage {join}
GROUP BY {start}, camera;
"""  # noqa: S608 -- put together from constants of this module


MIGRATIONS: tuple[str, ...] = (
    _TABLES,
    "".join(_views(name) for name in ("1m", "15m", "1h", "1d")),
    _TRAJECTORIES,
    _CLASS_CONFIDENCE,
)


def migrate(connection: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Bring a database up to the newest schema; each migration is applied wholly or not at all.

    Args:
        connection: in autocommit mode (`isolation_level=None`).
        migrations: the whole series.

    Raises:
        StoreError: as `check_version`.
        sqlite3.Error: the database cannot be read or written.
    """
    connection.execute("BEGIN IMMEDIATE")  # Another process may be doing the same.
    try:
        done = check_version(connection, len(migrations))
        for number, script in enumerate(migrations[done:], start=done + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def check_version(connection: sqlite3.Connection, newest: int = len(MIGRATIONS)) -> int:
    """The number of migrations that a database has had.

    Raises:
        StoreError: it belongs to another program, or to a newer version of this one.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application_id != APPLICATION_ID:
        raise StoreError("is a database of another program; give another file in `store`")
    if version > newest:
        raise StoreError(
            f"has schema {version}, newer than the {newest} that this version of Aforo knows; update Aforo"
        )
    return int(version)


def _statements(script: str) -> list[str]:
    # executescript would commit the transaction that everything here belongs to.
    found, statement = [], ""
    for piece in script.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return [statement for statement in found if statement.strip("; \n")]
