"""Questions to the counts in a SQLite file: read-only, from any number of threads."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any

from aforo.camera_state import LiveEndpoint
from aforo.errors import StoreError
from aforo.local_time import INTERVALS
from aforo.model import CoverageShare, Crossing, Movement, PlaceKind, Trajectory, Visit
from aforo.volume_series import Volumes
from aggregate.counting.trajectories import unpack_trajectory
from aggregate.store.rows import CROSSINGS, FINAL, MOVEMENTS, TRAJECTORIES, VISITS, Table
from aggregate.store.sqlite.file import connect, translated
from aggregate.store.sqlite.schema import MIGRATIONS, check_version


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
        if not os.path.exists(path):  # Path.exists raises where a name is too long
            raise StoreError(f"cannot open the database {path}: there is no such file; count something into it first")
        with self._connection() as connection:
            version = check_version(connection)
            if version < len(MIGRATIONS):
                raise StoreError(
                    f"has schema {version}, older than the {len(MIGRATIONS)} that is read; open it for counting once"
                )

    def volumes(self, kind: PlaceKind, places: Sequence[str], start_us: int, end_us: int, interval: str) -> Volumes:
        """Volumes of the intervals that begin in the range, by start; empty ones absent.

        Args:
            kind: line or zone.
            places: ids of lines or zones.
            start_us: inclusive.
            end_us: exclusive.
            interval: a key of `aforo.local_time.INTERVALS`.

        Raises:
            StoreError: the database cannot be read.
        """
        view, start = _view(interval)
        return Volumes.of(
            self._rows(
                f"SELECT {start} AS bucket_us, kind, place, direction, road_user, sum(count), sum(provisional) "  # noqa: S608
                f"FROM volume_{view} WHERE kind = ? AND place IN ({_marks(places)}) AND start_us >= ? AND start_us < ? "
                "GROUP BY bucket_us, kind, place, direction, road_user ORDER BY bucket_us",
                (str(kind), *places, start_us, end_us),
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
            Crossing(*_fields(row, CROSSINGS))
            for row in self._rows(
                f"SELECT {CROSSINGS.fields} FROM crossings WHERE line IN ({_marks(places)}) "  # noqa: S608
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
            Visit(*_fields(row, VISITS))
            for row in self._rows(
                f"SELECT {VISITS.fields} FROM visits WHERE zone IN ({_marks(places)}) "  # noqa: S608
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
            Movement(*_fields(row, MOVEMENTS))
            for row in self._rows(
                f"SELECT {MOVEMENTS.fields} FROM movements WHERE at_us >= ? AND at_us < ? "  # noqa: S608
                "ORDER BY at_us, camera, session, track_id, movement, ordinal",
                (start_us, end_us),
            )
        ]

    def trajectories(self, camera: str, start_us: int, end_us: int) -> list[Trajectory]:
        """The trajectories of a camera's tracks that began in the range, by start.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Trajectory(*(*row[:-1], unpack_trajectory(row[-1])))
            for row in self._rows(
                f"SELECT {TRAJECTORIES.fields} FROM trajectories "  # noqa: S608
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

    def timezone(self) -> str | None:
        """The time zone of stored hours and days, None where no site was registered.

        Raises:
            StoreError: the database cannot be read.
        """
        rows = self._rows("SELECT timezone FROM site", ())
        return str(rows[0][0]) if rows else None

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


def _fields(row: Sequence[Any], table: Table) -> list[Any]:
    """The values of a row, `final` as a bool."""
    return [bool(value) if column is FINAL else value for column, value in zip(table.columns, row, strict=True)]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _view(interval: str) -> tuple[str, str]:
    """The view to read and the start of the bucket in it: 5 minutes have no view of their own."""
    if interval == "5m":
        return "1m", f"start_us - start_us % {INTERVALS['5m']}"
    return interval, "start_us"
