"""Questions to the counts in PostgreSQL, with TimescaleDB or without."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aforo.measures import INTERVALS
from aforo.model import CoverageShare, Crossing, LiveEndpoint, Movement, Trajectory, Visit, Volume
from aggregate import columns
from aggregate.postgres_pool import Database
from aggregate.postgres_rollups import HINTS
from aggregate.postgres_schema import read_schema
from aggregate.trajectories import decode

CONNECTIONS = 16
"""Questions that are answered at the same time."""

_MARGIN = timedelta(days=2)
"""Local days and those of UTC begin up to a day apart, and the range may begin inside one."""


def _selected(names: str) -> str:
    """Columns as the model has them: times as microseconds."""
    return ", ".join(
        f"us_of({name.removesuffix('_us')})" if name.endswith("at_us") else name for name in names.split(", ")
    )


class PostgresReader:
    """Read-only questions; a `CountReader`. Safe to use from many threads.

    Args:
        url: `postgresql://user:password@host/database`; a `PostgresStore` must have made its tables.
        connections: questions that are answered at the same time.

    Raises:
        StoreError: the database cannot be reached, or has another schema.
    """

    def __init__(self, url: str, connections: int = CONNECTIONS) -> None:
        self._database = Database(url, size=connections)
        try:
            self._timescale = read_schema(self._database).timescale
        except BaseException:
            self._database.close()
            raise

    def volumes(self, kind: str, places: Sequence[str], start_us: int, end_us: int, interval: str) -> list[Volume]:
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
        return [
            Volume(*row)
            for row in self._in_range(
                "volume",
                "kind, place, direction, road_user",
                ("count", "provisional"),
                ("kind = %s AND place = ANY(%s)", (kind, list(places))),
                (start_us, end_us, interval),
            )
        ]

    def coverage(self, cameras: Sequence[str], start_us: int, end_us: int, interval: str) -> list[CoverageShare]:
        """Observed time per camera of the intervals that begin in the range; unobserved ones absent.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            CoverageShare(*row)
            for row in self._in_range(
                "coverage",
                "camera",
                ("observed_us", "frames", "dropped"),
                ("camera = ANY(%s)", (list(cameras),)),
                (start_us, end_us, interval),
            )
        ]

    def crossings(self, places: Sequence[str], start_us: int, end_us: int, limit: int) -> list[Crossing]:
        """Single crossings of lines, newest first, at most `limit`.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Crossing(*row)
            for row in self._rows(
                f"SELECT {_selected(columns.CROSSING)} FROM crossings "  # noqa: S608
                "WHERE line = ANY(%s) AND at >= %s AND at < %s "
                "ORDER BY at DESC, camera, session, track_id, line, ordinal LIMIT %s",
                (list(places), _time(start_us), _time(end_us), limit),
            )
        ]

    def visits(self, places: Sequence[str], start_us: int, end_us: int) -> list[Visit]:
        """Visits of zones that overlap the range, by entry.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Visit(*row)
            for row in self._rows(
                f"SELECT {_selected(columns.VISIT)} FROM visits "  # noqa: S608
                "WHERE zone = ANY(%s) AND entered_at < %s AND (left_at IS NULL OR left_at > %s OR entered_at >= %s) "
                "ORDER BY entered_at, camera, session, track_id, zone, ordinal",
                (list(places), _time(end_us), _time(start_us), _time(start_us)),
            )
        ]

    def movements(self, start_us: int, end_us: int) -> list[Movement]:
        """Single movements that ended in the range, by time.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Movement(*row)
            for row in self._rows(
                f"SELECT {_selected(columns.MOVEMENT)} FROM movements WHERE at >= %s AND at < %s "  # noqa: S608
                "ORDER BY at, camera, session, track_id, movement, ordinal",
                (_time(start_us), _time(end_us)),
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
                f"SELECT {_selected(columns.TRAJECTORY)} FROM trajectories "  # noqa: S608
                "WHERE camera = %s AND started_at >= %s AND started_at < %s ORDER BY started_at, session, track_id",
                (camera, _time(start_us), _time(end_us)),
            )
        ]

    def live_endpoints(self) -> list[LiveEndpoint]:
        """Where cameras are to be seen live.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            LiveEndpoint(*row)
            for row in self._rows("SELECT camera, url, us_of(seen_at) FROM live_endpoints ORDER BY camera", ())
        ]

    def span_us(self) -> tuple[int, int] | None:
        """First and last observed minute of the whole store, None when nothing was observed yet.

        Raises:
            StoreError: the database cannot be read.
        """
        ((first_us, last_us),) = self._rows(
            "SELECT us_of((SELECT min(minute) FROM coverage WHERE observed_us > 0)), "
            "us_of((SELECT max(minute) FROM coverage WHERE observed_us > 0))",
            (),
        )
        return None if first_us is None else (first_us, last_us)

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _in_range(
        self,
        view: str,
        names: str,
        sums: Sequence[str],
        chosen: tuple[str, tuple[object, ...]],
        buckets: tuple[int, int, str],
    ) -> list[Any]:
        """Rows of the view of an interval; five minutes have none of their own, and are added up from one minute."""
        start_us, end_us, interval = buckets
        condition, parameters = chosen
        first, end = _time(start_us), _time(end_us)
        name = "1m" if interval == "5m" else interval
        hint, hints = self._hint(view, name, first, end)
        source = f"FROM {view}_{name} WHERE {condition} AND start >= %s AND start < %s{hint}"
        if interval == "5m":
            bucket = f"start_us - start_us %% {INTERVALS['5m']}"
            added = ", ".join(f"sum({column})::bigint" for column in sums)
            statement = f"SELECT {bucket}, {names}, {added} {source} GROUP BY {bucket}, {names} ORDER BY 1"
        else:
            statement = f"SELECT start_us, {names}, {', '.join(sums)} {source} ORDER BY start"
        return self._rows(statement, (*parameters, first, end, *hints))

    def _hint(self, view: str, interval: str, first: datetime, end: datetime) -> tuple[str, tuple[object, ...]]:
        """What lets a plain PostgreSQL find the range by an index; TimescaleDB needs no such help."""
        if self._timescale or interval not in HINTS or (view == "coverage" and interval == "1m"):
            return "", ()
        column = HINTS[interval]
        return f" AND {column} BETWEEN %s AND %s", (first - _MARGIN, end + _MARGIN)

    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Any]:
        with self._database.connection("read") as connection:
            connection.read_only = True
            return connection.execute(statement, parameters).fetchall()


def _time(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
