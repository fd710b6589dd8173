"""Counts in one SQLite file: one writer, any number of readers, in write-ahead mode.

Times are stored as integers (microseconds since 1970-01-01 UTC). See `aggregate.store.sqlite.schema` for the tables.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo

from aforo.camera_state import LiveEndpoint
from aforo.errors import StoreError
from aforo.local_time import INTERVALS, buckets
from aforo.model import PlaceKind, Rows, TrackKey
from aforo.site import Site
from aggregate.counting.trajectories import pack_trajectories
from aggregate.store import rows as columns
from aggregate.store.newest_readings import NewestReadings, Recording
from aggregate.store.rows import COVERAGE, CROSSINGS, MOVEMENTS, POINTS, TRAJECTORIES, VISITS, Table
from aggregate.store.sqlite.file import BUSY_TIMEOUT_S, connect, translated
from aggregate.store.sqlite.schema import migrate

DAY_US = INTERVALS["1d"]

_CACHE_KB, _LOG_PAGES = 65_536, 10_000
"""At most 64 MB of pages in memory and 40 MB of log: SQLite's own 2 and 4 cost half as much again for every row."""


def _upsert(table: Table) -> str:
    values = ", ".join("?" * len(table.columns))
    key = ", ".join(column.field for column in table.key)
    updates = ", ".join(f"{column.field} = excluded.{column.field}" for column in table.values)
    return (
        f"INSERT INTO {table.name} ({table.fields}) VALUES ({values}) ON CONFLICT ({key}) "  # noqa: S608 -- constants
        f"DO UPDATE SET {updates} WHERE excluded.final >= {table.name}.final"
    )


_UPSERT_CROSSING = _upsert(CROSSINGS)
_UPSERT_VISIT = _upsert(VISITS)
_UPSERT_MOVEMENT = _upsert(MOVEMENTS)
_UPSERT_COVERAGE = f"""
INSERT INTO coverage ({COVERAGE.fields}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (camera, session, minute_us) DO UPDATE SET
    observed_us = max(observed_us, excluded.observed_us),
    frames = max(frames, excluded.frames),
    dropped = max(dropped, excluded.dropped)
"""  # noqa: S608 -- constants

_UPSERT_TRAJECTORY = f"""
INSERT INTO trajectories ({TRAJECTORIES.fields}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (camera, session, track_id) DO UPDATE SET started_at_us = excluded.started_at_us,
    ended_at_us = excluded.ended_at_us, road_user = excluded.road_user, aspect = excluded.aspect,
    points = excluded.points
"""  # noqa: S608 -- constants

_DAYS_WITH_ROWS = """
SELECT DISTINCT at_us / :day FROM crossings
UNION SELECT DISTINCT entered_at_us / :day FROM visits
UNION SELECT DISTINCT minute_us / :day FROM coverage
"""


_VOID = [
    f"DELETE FROM {table} WHERE camera = ? AND session = ? AND track_id = ?"  # noqa: S608 -- constants
    for table in ("crossings", "visits", "movements", "trajectories")
]


_TABLES = ("crossings", "visits", "movements", "trajectories", "coverage")
_FORGET = [f"DELETE FROM {table} WHERE camera = ? AND session = ?" for table in _TABLES]  # noqa: S608 -- constants
_SESSIONS = " UNION ".join(
    f"SELECT session FROM {table} WHERE camera = :camera AND session >= :first AND session < :last"  # noqa: S608
    for table in _TABLES
)


def _sessions_of(connection: sqlite3.Connection, recording: Recording) -> list[str]:
    """The sessions of all readings of a recording that have rows."""
    camera, name = recording
    bounds = {"camera": camera, "first": name, "last": f"{name}\x7f"}
    return [session for (session,) in connection.execute(_SESSIONS, bounds)]


def _values(fields: str) -> Callable[[object], tuple[object, ...]]:
    return attrgetter(*fields.split(", "))


_TRAJECTORY_WITHOUT_POINTS = attrgetter(*(column.field for column in TRAJECTORIES.columns if column is not POINTS))


class SqliteStore:
    """The writer; a `CountStore`. Made with its file, folders excepted; its methods may be called from any thread.

    Args:
        path: the database file.
        busy_timeout_s: how long to wait for another program that keeps the file locked.

    Raises:
        StoreError: the file cannot be opened, is no database of this program, or of a newer version of it.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._days: set[int] = set()
        self._readings = NewestReadings()
        if not os.path.isdir(path.parent):  # Path.is_dir raises where a name is too long
            raise StoreError(f"cannot open the database {path}: there is no folder {path.parent}; make it first")
        with translated(path, "open"):
            self._connection = connect(path, "rwc", busy_timeout_s)
        try:
            with translated(path, "open"):
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA secure_delete = FAST")  # what was once stored of an address is gone
                self._connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
                self._connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
                migrate(self._connection)
                self._zone = self._stored_zone()
        except StoreError:
            self._connection.close()
            raise

    def register(self, site: Site) -> None:
        """Record the site, its cameras and the versions of its geometry, so that every count can be traced to them.

        Where the site's time zone has changed, hours and days of all counts follow it.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO site (only_row, id, name, timezone) VALUES (1, :id, :name, :timezone) "
                "ON CONFLICT DO UPDATE SET id = excluded.id, name = excluded.name, timezone = excluded.timezone",
                columns.identity(site),
            )
            connection.executemany(
                "INSERT INTO cameras (id, name, source) VALUES (:id, :name, :source) "
                "ON CONFLICT DO UPDATE SET name = excluded.name, source = excluded.source",
                columns.cameras(site),
            )
            stored = connection.execute("SELECT source, id FROM cameras").fetchall()
            shown = [(columns.shown_source(source), camera) for source, camera in stored]
            connection.executemany("UPDATE cameras SET source = ? WHERE id = ?", set(shown) - set(stored))
            connection.executemany(
                "INSERT INTO geometry (kind, id, version, camera, definition) "
                "VALUES (:kind, :id, :version, :camera, :definition) ON CONFLICT DO NOTHING",
                columns.geometry(site),
            )
            if site.timezone.key != self._zone.key:
                connection.execute("DELETE FROM local_intervals")
                days = {day for (day,) in connection.execute(_DAYS_WITH_ROWS, {"day": DAY_US})}
                _add_local_intervals(connection, days, site.timezone)
                self._zone = site.timezone

    def write(self, rows: Rows) -> None:
        """Write a batch in one transaction; writing it again changes nothing.

        Tracks that were voided lose their rows, those of this batch included. A later reading of a recording takes the
        place of what is there of earlier ones.

        Raises:
            StoreError: the database cannot be written; nothing of the batch was.
        """
        statements, days = self._statements(rows)
        try:
            with self._transaction() as connection:
                current, superseded = self._readings.admit(rows, partial(_sessions_of, connection))
                if current is not rows:
                    statements, days = self._statements(current)
                for statement in _FORGET:
                    connection.executemany(statement, superseded)
                self._add(connection, statements, days)
        except BaseException:
            self._readings.forget()
            raise
        self._days |= days

    def recount(self, kind: PlaceKind, place: str, tracks: Sequence[TrackKey], rows: Rows) -> None:
        """Put other rows of a line or zone in the place of those that these tracks had there, in one transaction.

        Raises:
            StoreError: the database cannot be written; nothing has changed.
        """
        table, column = columns.PLACE_ROWS[kind]
        statements, days = self._statements(rows)
        with self._transaction() as connection:
            connection.executemany(
                f"DELETE FROM {table} WHERE camera = ? AND session = ? AND track_id = ? AND {column} = ?",  # noqa: S608
                ((track.camera, track.session, track.track_id, place) for track in tracks),
            )
            self._add(connection, statements, days)
        self._days |= days

    def refresh(self, start_us: int, end_us: int) -> None:
        """Nothing: the volumes are views, which are never behind."""

    def announce(self, endpoints: Sequence[LiveEndpoint]) -> None:
        """Record where cameras are to be seen live; the newest word on a camera holds.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._transaction() as connection:
            connection.executemany(
                "INSERT INTO live_endpoints (camera, url, seen_us) VALUES (?, ?, ?) ON CONFLICT (camera) "
                "DO UPDATE SET url = excluded.url, seen_us = excluded.seen_us WHERE excluded.seen_us >= seen_us",
                map(_values("camera, url, seen_us"), endpoints),
            )

    def _statements(self, rows: Rows) -> tuple[list[tuple[str, list[tuple[object, ...]]]], set[int]]:
        """All that writing a batch takes, made before others are kept from writing; and the days that it makes known.

        Days are counted in UTC since 1970-01-01.
        """
        days = {crossing.at_us // DAY_US for crossing in rows.crossings}
        days |= {visit.entered_at_us // DAY_US for visit in rows.visits}
        days |= {coverage.minute_us // DAY_US for coverage in rows.coverage}
        points = pack_trajectories([trajectory.points for trajectory in rows.trajectories])
        voided = list(map(_values("camera, session, track_id"), rows.voided))
        return [
            (_UPSERT_CROSSING, list(map(_values(CROSSINGS.fields), rows.crossings))),
            (_UPSERT_VISIT, list(map(_values(VISITS.fields), rows.visits))),
            (_UPSERT_MOVEMENT, list(map(_values(MOVEMENTS.fields), rows.movements))),
            (_UPSERT_COVERAGE, list(map(_values(COVERAGE.fields), rows.coverage))),
            (
                _UPSERT_TRAJECTORY,
                [
                    (*fields, each)
                    for fields, each in zip(map(_TRAJECTORY_WITHOUT_POINTS, rows.trajectories), points, strict=True)
                ],
            ),
            *((statement, voided) for statement in _VOID),
        ], days - self._days

    def _add(
        self, connection: sqlite3.Connection, statements: list[tuple[str, list[tuple[object, ...]]]], days: set[int]
    ) -> None:
        for statement, values in statements:
            connection.executemany(statement, values)
        _add_local_intervals(connection, days, self._zone)

    def close(self) -> None:
        """Close the database; what was written is safe already."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self._path, "write"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def _stored_zone(self) -> ZoneInfo:
        row = self._connection.execute("SELECT timezone FROM site").fetchone()
        return ZoneInfo(row[0] if row else "UTC")


def _add_local_intervals(connection: sqlite3.Connection, days: set[int], zone: ZoneInfo) -> None:
    """Make the local intervals of days known; `days` are counted in UTC since 1970-01-01."""
    connection.executemany(
        "INSERT INTO local_intervals (name, start_us, end_us) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (
            (name, *bucket)
            for day in days
            for name in ("15m", "1h", "1d")
            for bucket in buckets(day * DAY_US, (day + 1) * DAY_US, name, zone)
        ),
    )
