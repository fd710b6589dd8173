"""Questions to the counts in PostgreSQL, with TimescaleDB or without."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from aforo.address import Address
from aforo.camera_state import LiveEndpoint
from aforo.local_time import INTERVALS
from aforo.model import CoverageShare, Crossing, Movement, PlaceKind, Trajectory, Visit
from aforo.volume_series import Volumes
from aggregate.counting.trajectories import unpack_trajectory
from aggregate.store import rows as columns
from aggregate.store.postgres import packed_hours
from aggregate.store.postgres.pool import Database
from aggregate.store.postgres.schema import read_schema
from aggregate.store.rows import Table

CONNECTIONS = 16
"""Questions that are answered at the same time."""

_QUARTER = timedelta(minutes=15)
_LONGEST_DAY = timedelta(hours=26)
_DAYS = {PlaceKind.LINE: "line_days", PlaceKind.ZONE: "zone_days"}
"""The range may begin inside a local day, which has an hour more where the clocks are set back."""


def _selected(table: Table) -> str:
    """Columns as the model has them: times as microseconds."""
    return ", ".join(f"us_of({column.name})" if column.is_time else column.name for column in table.columns)


class PostgresReader:
    """Read-only questions; a `CountReader`. Safe to use from many threads.

    Args:
        address: `postgresql://user:password@host/database`; a `PostgresStore` must have made its tables.
        connections: questions that are answered at the same time.

    Raises:
        StoreError: the database cannot be reached, or has another schema.
    """

    def __init__(self, address: Address, connections: int = CONNECTIONS) -> None:
        self._database = Database(address, size=connections, read_only=True)
        try:
            self._timescale = read_schema(self._database).timescale
        except BaseException:
            self._database.close()
            raise

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
        if interval in ("1h", "1d"):
            question = (
                f"SELECT place, series, hours, provisional FROM {_DAYS[kind]} "  # noqa: S608
                "WHERE place = %s AND start > %s AND start < %s"
            )
            span = _time(start_us) - _LONGEST_DAY, _time(end_us)
            # Place by place and prepared: of one, TimescaleDB knows where its days are, and need not plan again.
            with self._database.connection("read") as connection:
                days = [
                    day
                    for place in places
                    for day in connection.execute(question, (place, *span), prepare=True, binary=True)
                ]
            return packed_hours.unpack(kind, days, start_us, end_us, whole_days=interval == "1d")
        names = "kind, place, direction, road_user"
        chosen = "kind = %s AND place = ANY(%s)", (str(kind), list(places))
        rows = self._in_range("volume", names, ("count", "provisional"), chosen, (start_us, end_us, interval))
        return Volumes.of(rows)

    def coverage(self, cameras: Sequence[str], start_us: int, end_us: int, interval: str) -> list[CoverageShare]:
        """Observed time per camera of the intervals that begin in the range; unobserved ones absent.

        Raises:
            StoreError: the database cannot be read.
        """
        if interval != "1h":
            sums, chosen = ("observed_us", "frames", "dropped"), ("camera = ANY(%s)", (list(cameras),))
            rows = self._in_range("coverage", "camera", sums, chosen, (start_us, end_us, interval))
            return [CoverageShare(*row) for row in rows]
        # Camera by camera: of one, the database knows how few days it has, and need not sort what it puts together.
        packed = self._rows(
            "SELECT camera, hours FROM unnest(%s::text[]) AS asked (camera), LATERAL ("
            "SELECT string_agg(hours, '') AS hours FROM coverage_1d "
            "WHERE camera = asked.camera AND start > %s AND start < %s) AS days WHERE hours IS NOT NULL",
            (list(cameras), _time(start_us) - _LONGEST_DAY, _time(end_us)),
        )
        shares = [
            CoverageShare(at_us, camera, *numbers)
            for camera, hours in packed
            for at_us, *numbers in zip(
                *(column.tolist() for column in packed_hours.unpack_coverage(hours, start_us, end_us)), strict=True
            )
        ]
        return sorted(shares, key=attrgetter("start_us"))

    def crossings(self, places: Sequence[str], start_us: int, end_us: int, limit: int) -> list[Crossing]:
        """Single crossings of lines, newest first, at most `limit`.

        Raises:
            StoreError: the database cannot be read.
        """
        return [
            Crossing(*row)
            for row in self._rows(
                f"SELECT {_selected(columns.CROSSINGS)} FROM crossings "  # noqa: S608
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
                f"SELECT {_selected(columns.VISITS)} FROM visits "  # noqa: S608
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
                f"SELECT {_selected(columns.MOVEMENTS)} FROM movements WHERE at >= %s AND at < %s "  # noqa: S608
                "ORDER BY at, camera, session, track_id, movement, ordinal",
                (_time(start_us), _time(end_us)),
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
                f"SELECT {_selected(columns.TRAJECTORIES)} FROM trajectories "  # noqa: S608
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
        hint, hints = "", tuple[datetime, ...]()
        if (view, name) == ("volume", "1m") and not self._timescale:  # what its index has
            hint, hints = " AND quarter > %s AND quarter < %s", (first - _QUARTER, end)
        source = f"FROM {view}_{name} WHERE {condition} AND start >= %s AND start < %s{hint}"
        if interval == "5m":
            bucket = f"start_us - start_us %% {INTERVALS['5m']}"
            added = ", ".join(f"sum({column})::bigint" for column in sums)
            statement = f"SELECT {bucket}, {names}, {added} {source} GROUP BY {bucket}, {names} ORDER BY 1"
        else:
            statement = f"SELECT start_us, {names}, {', '.join(sums)} {source} ORDER BY start"
        return self._rows(statement, (*parameters, first, end, *hints))

    def _rows(self, statement: str, parameters: Sequence[object]) -> list[Any]:
        # In binary form, so that the packed hours of a year pass as they are.
        with self._database.connection("read") as connection:
            return connection.execute(statement, parameters, binary=True).fetchall()


def _time(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
