"""Counts in one SQLite file: one writer, any number of readers, in write-ahead mode.

Times are stored as integers (microseconds since 1970-01-01 UTC). See `aggregate.sqlite_schema` for the tables.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from queue import Empty, LifoQueue
from types import TracebackType
from typing import Any, Self
from zoneinfo import ZoneInfo

from aforo.config import Site
from aforo.errors import StoreError
from aforo.measures import INTERVALS, buckets
from aforo.model import (
    CoverageShare,
    Crossing,
    LiveEndpoint,
    Movement,
    Rows,
    TrackKey,
    Trajectory,
    Visit,
)
from aforo.volumes import Volumes
from aggregate import columns
from aggregate.columns import COVERAGE, CROSSING, MOVEMENT, TRAJECTORY, VISIT
from aggregate.sqlite_file import connect, translated
from aggregate.sqlite_schema import MIGRATIONS, check_version, migrate
from aggregate.trajectories import decode, encode

DAY_US = INTERVALS["1d"]

_CACHE_KB, _LOG_PAGES = 65_536, 10_000
"""At most 64 MB of pages in memory and 40 MB of log: SQLite's own 2 and 4 cost half as much again for every row."""


def _upsert(table: str, columns: str, key: str) -> str:
    names = columns.split(", ")
    values = ", ".join("?" * len(names))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key.split(", "))
    return (
        f"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) "  # noqa: S608 -- constants
        f"DO UPDATE SET {updates} WHERE excluded.final >= {table}.final"
    )


_UPSERT_CROSSING = _upsert("crossings", CROSSING, "camera, session, track_id, line, ordinal")
_UPSERT_VISIT = _upsert("visits", VISIT, "camera, session, track_id, zone, ordinal")
_UPSERT_MOVEMENT = _upsert("movements", MOVEMENT, "camera, session, track_id, movement, ordinal")
_UPSERT_COVERAGE = f"""
INSERT INTO coverage ({COVERAGE}) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (camera, session, minute_us) DO UPDATE SET
    observed_us = max(observed_us, excluded.observed_us),
    frames = max(frames, excluded.frames),
    dropped = max(dropped, excluded.dropped)
"""  # noqa: S608 -- constants

_UPSERT_TRAJECTORY = f"""
INSERT INTO trajectories ({TRAJECTORY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
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


def _values(columns: str) -> Callable[[object], tuple[object, ...]]:
    return attrgetter(*columns.split(", "))


_WAY = _values(TRAJECTORY.removesuffix(", points"))


class SqliteStore:
    """The writer; a `CountStore`. Made with its file, folders excepted; its methods may be called from any thread.

    Args:
        path: the database file.

    Raises:
        StoreError: the file cannot be opened, is no database of this program, or of a newer version of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._days: set[int] = set()
        if not path.parent.is_dir():
            raise StoreError(f"cannot open the database {path}: there is no folder {path.parent}; make it first")
        with translated(path, "open"):
            self._connection = connect(path, "rwc")
        try:
            with translated(path, "open"):
                self._connection.execute("PRAGMA journal_mode = WAL")
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
                site.site.model_dump(),
            )
            connection.executemany(
                "INSERT INTO cameras (id, name, source) VALUES (:id, :name, :source) "
                "ON CONFLICT DO UPDATE SET name = excluded.name, source = excluded.source",
                columns.cameras(site),
            )
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

        Tracks that were voided lose their rows, those of this batch included.

        Raises:
            StoreError: the database cannot be written; nothing of the batch was.
        """
        statements, days = self._statements(rows)
        with self._transaction() as connection:
            self._add(connection, statements, days)
        self._days |= days

    def recount(self, kind: str, place: str, tracks: Sequence[TrackKey], rows: Rows) -> None:
        """Put other rows of a line or zone in the place of those that these tracks had there, in one transaction.

        Raises:
            StoreError: the database cannot be written; nothing has changed.
        """
        statements, days = self._statements(rows)
        with self._transaction() as connection:
            connection.executemany(
                f"DELETE FROM {columns.PLACE_TABLES[kind]} "  # noqa: S608
                f"WHERE camera = ? AND session = ? AND track_id = ? AND {kind} = ?",
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
        points = encode([way.points for way in rows.trajectories])
        voided = list(map(_values("camera, session, track_id"), rows.voided))
        return [
            (_UPSERT_CROSSING, list(map(_values(CROSSING), rows.crossings))),
            (_UPSERT_VISIT, list(map(_values(VISIT), rows.visits))),
            (_UPSERT_MOVEMENT, list(map(_values(MOVEMENT), rows.movements))),
            (_UPSERT_COVERAGE, list(map(_values(COVERAGE), rows.coverage))),
            (
                _UPSERT_TRAJECTORY,
                [(*way, each) for way, each in zip(map(_WAY, rows.trajectories), points, strict=True)],
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


class SqliteReader:
    """Read-only questions; a `CountReader`. Safe to use from many threads: each question borrows a connection.

    Args:
        path: the database file; a `SqliteStore` must have made it.

    Raises:
        StoreError: as `SqliteStore`, or the file does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue()
        self._closed = False
        if not path.exists():
            raise StoreError(f"cannot open the database {path}: there is no such file; count something into it first")
        with self._connection() as connection:
            version = check_version(connection)
            if version < len(MIGRATIONS):
                raise StoreError(
                    f"has schema {version}, older than the {len(MIGRATIONS)} that is read; open it for counting once"
                )

    def volumes(self, kind: str, places: Sequence[str], start_us: int, end_us: int, interval: str) -> Volumes:
        """Volumes of the intervals that begin in the range, by start; empty ones absent.

        Args:
            kind: "line" or "zone".
            places: ids of lines or zones.
            start_us: inclusive.
            end_us: exclusive.
            interval: a key of `aforo.measures.INTERVALS`.

        Raises:
            StoreError: the database cannot be read.
        """
        view, start = _view(interval)
        return Volumes.of(
            self._rows(
                f"SELECT {start} AS bucket_us, kind, place, direction, road_user, sum(count), sum(provisional) "  # noqa: S608
                f"FROM volume_{view} WHERE kind = ? AND place IN ({_marks(places)}) AND start_us >= ? AND start_us < ? "
                "GROUP BY bucket_us, kind, place, direction, road_user ORDER BY bucket_us",
                (kind, *places, start_us, end_us),
            )
        )

    def coverage(self, cameras: Sequence[str], start_us: int, end_us: int, interval: str) -> list[CoverageShare]:
        """Observed time per camera of the intervals that begin in the range; unobserved ones absent.

        Raises:
            StoreError: the database cannot be read.
        """
        view, start = _view(interval)
        return [
            CoverageShare(*row)
            for row in self._rows(
                f"SELECT {start} AS bucket_us, camera, sum(observed_us), sum(frames), sum(dropped) "  # noqa: S608
                f"FROM coverage_{view} WHERE camera IN ({_marks(cameras)}) AND start_us >= ? AND start_us < ? "
                "GROUP BY bucket_us, camera",
                (*cameras, start_us, end_us),
            )
        ]

    def crossings(self, places: Sequence[str], start_us: int, end_us: int, limit: int) -> list[Crossing]:
        """Single crossings of lines, newest first, at most `limit`.

        Raises:
            StoreError: the database cannot be read.
        """
        minute_us = start_us - start_us % INTERVALS["1m"]
        return [
            Crossing(*_fields(row))
            for row in self._rows(
                f"SELECT {CROSSING} FROM crossings WHERE line IN ({_marks(places)}) "  # noqa: S608
                "AND minute_us >= ? AND minute_us < ? AND at_us >= ? AND at_us < ? "
                "ORDER BY at_us DESC, camera, session, track_id, line, ordinal LIMIT ?",
                (*places, minute_us, end_us, start_us, end_us, limit),
            )
        ]

    def visits(self, places: Sequence[str], start_us: int, end_us: int) -> list[Visit]:
        """Visits of zones that overlap the range, by entry.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Visit(*_fields(row))
            for row in self._rows(
                f"SELECT {VISIT} FROM visits WHERE zone IN ({_marks(places)}) "  # noqa: S608
                "AND entered_at_us < ? AND (left_at_us IS NULL OR left_at_us > ? OR entered_at_us >= ?) "
                "ORDER BY entered_at_us, camera, session, track_id, zone, ordinal",
                (*places, end_us, start_us, start_us),
            )
        ]

    def movements(self, start_us: int, end_us: int) -> list[Movement]:
        """Single movements that ended in the range, by time.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Movement(*_fields(row))
            for row in self._rows(
                f"SELECT {MOVEMENT} FROM movements WHERE at_us >= ? AND at_us < ? "  # noqa: S608
                "ORDER BY at_us, camera, session, track_id, movement, ordinal",
                (start_us, end_us),
            )
        ]

    def trajectories(self, camera: str, start_us: int, end_us: int) -> list[Trajectory]:
        """The ways of a camera's tracks that began in the range, by start.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Trajectory(*(*row[:-1], decode(row[-1])))
            for row in self._rows(
                f"SELECT {TRAJECTORY} FROM trajectories "  # noqa: S608
                "WHERE camera = ? AND started_at_us >= ? AND started_at_us < ? "
                "ORDER BY started_at_us, session, track_id",
                (camera, start_us, end_us),
            )
        ]

    def live_endpoints(self) -> list[LiveEndpoint]:
        """Where cameras are to be seen live.

        Raises:
            StoreError: the database cannot be read.
        """
        return [LiveEndpoint(*row) for row in self._rows("SELECT camera, url, seen_us FROM live_endpoints", ())]

    def span_us(self) -> tuple[int, int] | None:
        """First and last observed minute of the whole store, None when nothing was observed yet.

        Raises:
            StoreError: the database cannot be read.
        """
        ((first_us, last_us),) = self._rows(
            "SELECT (SELECT min(minute_us) FROM coverage WHERE observed_us > 0), "
            "(SELECT max(minute_us) FROM coverage WHERE observed_us > 0)",
            (),
        )
        return None if first_us is None else (first_us, last_us)

    def close(self) -> None:
        """Close the connections; questions under way end first."""
        self._closed = True
        while True:
            try:
                self._idle.get_nowait().close()
            except Empty:
                return

    def _rows(self, sql: str, parameters: Sequence[object]) -> list[Any]:
        with self._connection() as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with translated(self._path, "read"):
            try:
                connection = self._idle.get_nowait()
            except Empty:
                connection = connect(self._path, "ro")
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.put(connection)
            if self._closed:
                self.close()


def _fields(row: Sequence[Any]) -> list[Any]:
    """A row with `final`, its last but one column, as a bool."""
    return [*row[:-2], bool(row[-2]), row[-1]]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _view(interval: str) -> tuple[str, str]:
    """The view to read and the start of the bucket in it: 5 minutes have no view of their own."""
    if interval == "5m":
        return "1m", f"start_us - start_us % {INTERVALS['5m']}"
    return interval, "start_us"


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
