"""Counts in PostgreSQL, with TimescaleDB or without: any number of writers and readers.

How rows keep their keys. A row is known by camera, session, track, place and ordinal. TimescaleDB wants the time in
every unique key of a hypertable, and the time of a row is not part of its key: it may be another when the row is
written again. So the writer itself keeps the keys unique, in the same way on every PostgreSQL:

- one transaction writes a batch, and first takes an advisory lock per camera, in order, so that two writers of one
  camera (the short overlap when Kafka moves it) follow each other;
- then old rows that differ are deleted, unless they are final and the new ones are not, and new ones inserted where
  none is left. A batch that is written again finds all its rows there, and changes nothing: no roll-up is disturbed.

In a hypertable old rows are looked for a day around the batch (`_SEARCH`), and those of a voided track from when it
was first seen, so that only few chunks are opened: a compressed chunk for the batch's own places, and only when the
batch is that old. A plain table is searched whole, and has a unique index as well; a range of time there would only
tempt the planner into an index by time, which has all rows of a line.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self

import orjson
import psycopg

from aforo.address import Address
from aforo.camera_state import LiveEndpoint
from aforo.local_time import INTERVALS, buckets
from aforo.model import PlaceKind, Rows, TrackKey, Trajectory
from aforo.site import Site
from aggregate.counting.trajectories import pack_trajectories
from aggregate.store import rows as columns
from aggregate.store.newest_readings import CameraSession, NewestReadings, Recording
from aggregate.store.postgres import timescale
from aggregate.store.postgres.pool import Connection, Database
from aggregate.store.postgres.schema import SCHEMA_LOCK, Schema, apply_policies, change_zone, open_schema, stored_zone
from aggregate.store.postgres.settings import TimescaleSettings
from aggregate.store.rows import Table

DEFAULT_SETTINGS = TimescaleSettings()
DAY_US = INTERVALS["1d"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEARCH = timedelta(days=1)
_CAMERA_LOCK = 0x41464F43

_UPSERT_COVERAGE = """
INSERT INTO coverage AS kept (camera, session, minute, observed_us, frames, dropped)
SELECT camera, session, time_of(minute_us), max(observed_us), max(frames), max(dropped)
FROM json_to_recordset(%(rows)s) AS new
    (camera text, session text, minute_us bigint, observed_us bigint, frames bigint, dropped bigint)
GROUP BY 1, 2, 3
ON CONFLICT (camera, minute, session) DO UPDATE SET
    observed_us = greatest(kept.observed_us, excluded.observed_us),
    frames = greatest(kept.frames, excluded.frames),
    dropped = greatest(kept.dropped, excluded.dropped)
WHERE kept.observed_us < excluded.observed_us OR kept.frames < excluded.frames OR kept.dropped < excluded.dropped
"""

_LOCAL_DAY = """
INSERT INTO local_days (day, start, until, hours)
SELECT %s, time_of(%s), time_of(%s), array_agg(time_of(us) ORDER BY us) FROM unnest(%s::bigint[]) AS us
ON CONFLICT DO NOTHING
"""

_LATE_DAYS = """
INSERT INTO late_days (start)
SELECT time_of(day) FROM unnest(%s::bigint[], %s::bigint[]) AS written (day, first)
WHERE time_of(first) < now() - %s
"""

_OLDEST_CHUNKS = """
SELECT hypertable_name::text, min(range_start) FROM timescaledb_information.chunks, site
WHERE hypertable_name IN ('crossings', 'visits', 'coverage')
    AND nullif(policies, '')::json ->> 'keep_rows_days' IS NOT NULL
GROUP BY 1
"""
"""Since when there are rows, where old ones are dropped."""


class _Statements:
    """What writes rows of one kind, in a plain table and in a hypertable: the first statement takes old ones out.

    Args:
        table: the columns.
        time: the field of the column in which old rows are looked for.
    """

    def __init__(self, table: Table, time: str) -> None:
        self.time_us = time
        name, all_columns = table.name, table.columns
        new = [f"time_of(new.{column.field})" if column.is_time else f"new.{column.field}" for column in all_columns]
        record = ", ".join(f"{column.field} {column.type}" for column in all_columns)
        batch = f"json_to_recordset(%(rows)s) AS new ({record})"
        same = " AND ".join(f"kept.{column.name} = new.{column.name}" for column in table.key)
        kept_values = ", ".join(f"kept.{column.name}" for column in table.values)
        new_values = ", ".join(new[len(table.key) :])
        final = "new.final >= kept.final AND " if any(column.name == "final" for column in table.values) else ""
        names = ", ".join(column.name for column in all_columns)
        (searched,) = (column.name for column in all_columns if column.field == time)

        def statements(near: str, returning: str = "") -> tuple[str, str]:
            return (
                f"DELETE FROM {name} AS kept USING {batch} "  # noqa: S608 -- put together from constants of this module
                f"WHERE {near} AND {same} AND {final}({kept_values}) IS DISTINCT FROM ({new_values}){returning}",
                f"INSERT INTO {name} ({names}) SELECT {', '.join(new)} FROM {batch} "  # noqa: S608
                f"WHERE NOT EXISTS (SELECT FROM {name} AS kept WHERE {near} AND {same}){returning}",
            )

        cameras = "kept.camera = ANY(%(cameras)s)"
        self.plain = statements(cameras)
        returning = f" RETURNING us_of({searched})" if name in timescale.SUMMED else ""
        self.timescale = statements(f"{cameras} AND kept.{searched} BETWEEN %(first)s AND %(last)s", returning)


_CROSSINGS = _Statements(columns.CROSSINGS, "at_us")
_VISITS = _Statements(columns.VISITS, "entered_at_us")
_MOVEMENTS = _Statements(columns.MOVEMENTS, "at_us")
_TRAJECTORIES = _Statements(columns.TRAJECTORIES, "started_at_us")


class PostgresStore:
    """A writer; a `CountStore`. Its methods may be called from any thread.

    When the database is away, writing raises and changes nothing; once it is back, writing works again.

    Args:
        address: `postgresql://user:password@host/database`; its tables are made when they are missing.
        settings: how long TimescaleDB keeps rows; in force once the site is registered.

    Raises:
        StoreError: the database cannot be opened, or is of a newer version.
    """

    def __init__(self, address: Address, settings: TimescaleSettings = DEFAULT_SETTINGS) -> None:
        self._settings = settings
        self._database = Database(address, size=1)
        self._lock = threading.Lock()
        self._days: set[int] = set()
        self._readings = NewestReadings()
        try:
            self._schema: Schema = open_schema(self._database)
        except BaseException:
            self._database.close()
            raise

    @property
    def timescale(self) -> bool:
        """Whether the tables are those of TimescaleDB."""
        return self._schema.timescale

    def register(self, site: Site) -> None:
        """Record the site, its cameras and the versions of its geometry, so that every count can be traced to them.

        Where the site's time zone has changed, hours and days of all counts follow it. The policies of TimescaleDB
        become those of the settings.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._lock, self._database.connection("write") as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
            schema = Schema(self._schema.timescale, stored_zone(connection))
            connection.execute(
                "UPDATE site SET id = %(id)s, name = %(name)s, timezone = %(timezone)s", columns.identity(site)
            )
            for camera in columns.cameras(site):
                connection.execute(
                    "INSERT INTO cameras (id, name, source) VALUES (%(id)s, %(name)s, %(source)s) "
                    "ON CONFLICT (id) DO UPDATE SET name = excluded.name, source = excluded.source",
                    camera,
                )
            for stored, camera_id in connection.execute("SELECT source, id FROM cameras").fetchall():
                if (shown := columns.shown_source(stored)) != stored:
                    connection.execute("UPDATE cameras SET source = %s WHERE id = %s", (shown, camera_id))
            for place in columns.geometry(site):
                connection.execute(
                    "INSERT INTO geometry (kind, id, version, camera, definition) "
                    "VALUES (%(kind)s, %(id)s, %(version)s, %(camera)s, %(definition)s) ON CONFLICT DO NOTHING",
                    place,
                )
            if site.timezone.key != schema.zone.key:
                # The longest offsets of two zones are a day apart.
                known = connection.execute("SELECT start FROM local_days ORDER BY start").fetchall()
                connection.execute("DELETE FROM local_days")
                starts = {
                    _day(start) + shift for (start,) in known if isinstance(start, datetime) for shift in (-1, 0, 1, 2)
                }
                _add_local_days(
                    connection, {day for day in starts if day >= 0}, Schema(schema.timescale, site.timezone)
                )
                schema = change_zone(connection, schema, site.timezone)
            apply_policies(connection, schema, self._settings)
        self._schema = schema
        self._days.clear()

    def write(self, rows: Rows) -> None:
        """Write a batch in one transaction; writing it again changes nothing.

        Tracks that were voided lose their rows, those of this batch included. A later reading of a recording takes the
        place of what is there of earlier ones.

        Raises:
            StoreError: the database cannot be written; nothing of the batch was.
        """
        if not rows:
            return
        with self._lock:
            try:
                with self._database.connection("write") as connection:
                    cameras = sorted(rows.cameras())
                    self._begin(connection, cameras)
                    current, superseded = self._readings.admit(rows, partial(_sessions_of, connection))
                    gone = [us for session in superseded for us in self._forget(connection, session)]
                    days = self._add(connection, current, gone)
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
        with self._lock:
            with self._database.connection("write") as connection:
                cameras = sorted({track.camera for track in tracks})
                self._begin(connection, cameras)
                gone = connection.execute(
                    f"DELETE FROM {table} USING unnest(%s::text[], %s::text[], %s::bigint[])"  # noqa: S608
                    " AS gone (camera, session, track_id) "
                    f"WHERE {table}.{column} = %s AND {table}.camera = ANY(%s)"
                    f" AND {timescale.TIMES[table]} >= %s AND {table}.camera = gone.camera"
                    f" AND {table}.session = gone.session AND {table}.track_id = gone.track_id"
                    f" RETURNING us_of({table}.{timescale.TIMES[table]})",
                    (
                        [track.camera for track in tracks],
                        [track.session for track in tracks],
                        [track.track_id for track in tracks],
                        place,
                        cameras,
                        _time(min((track.since_us for track in tracks), default=0)),
                    ),
                )
                days = self._add(connection, rows, _times(gone))
            self._days |= days

    def refresh(self, start_us: int, end_us: int) -> None:
        """Bring TimescaleDB's aggregates up to date over a range now, rather than when the next refresh is due.

        Raises:
            StoreError: the database cannot be written.
        """
        if self._schema.timescale:
            with self._lock, self._database.autocommit("write") as connection:
                lock = (timescale.REFRESH_LOCK,)
                connection.execute("SELECT pg_advisory_lock(%s)", lock)
                try:
                    firsts = dict(connection.execute(_OLDEST_CHUNKS).fetchall())
                    now = datetime.now(UTC)
                    for statement in timescale.refresh(self._schema.zone, start_us, end_us, firsts, now):
                        connection.execute(statement)
                finally:
                    connection.execute("SELECT pg_advisory_unlock(%s)", lock)

    def announce(self, endpoints: Sequence[LiveEndpoint]) -> None:
        """Record where cameras are to be seen live; the newest word on a camera holds.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._lock, self._database.connection("write") as connection:
            for endpoint in sorted(endpoints, key=lambda endpoint: endpoint.camera):
                connection.execute(
                    "INSERT INTO live_endpoints AS kept (camera, url, seen_at) VALUES (%s, %s, time_of(%s)) "
                    "ON CONFLICT (camera) DO UPDATE SET url = excluded.url, seen_at = excluded.seen_at "
                    "WHERE excluded.seen_at >= kept.seen_at",
                    (endpoint.camera, endpoint.url, endpoint.seen_us),
                )

    def close(self) -> None:
        """Close the connections; what was written is safe already."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, connection: Connection, cameras: Iterable[str]) -> None:
        """Wait for changes of the schema and other writers of these cameras; refuse where nothing can be written."""
        schema_lock = "SELECT current_setting('transaction_read_only') FROM pg_advisory_xact_lock_shared(%s)"
        if connection.execute(schema_lock, (SCHEMA_LOCK,)).fetchone() == ("on",):
            # A batch of which nothing is left to write would pass for one that was written.
            raise psycopg.errors.ReadOnlySqlTransaction("it is read-only")
        connection.execute(
            "SELECT pg_advisory_xact_lock(%s, key) FROM "
            "(SELECT DISTINCT hashtext(camera) AS key FROM unnest(%s::text[]) AS camera ORDER BY 1 OFFSET 0) "
            "AS cameras",
            (_CAMERA_LOCK, list(cameras)),
        )
        zone = stored_zone(connection)
        if zone.key != self._schema.zone.key:  # another process has changed it
            self._schema = Schema(self._schema.timescale, zone)
            self._days.clear()
        if self._schema.timescale:
            connection.execute("SET LOCAL timescaledb.max_tuples_decompressed_per_dml_transaction = 0")

    def _forget(self, connection: Connection, session: CameraSession) -> list[int]:
        """Take out all rows of a session; returns the times of those that are added up."""
        if not self._schema.timescale:  # roll-ups follow changes of coverage, not deletions
            connection.execute(
                "UPDATE coverage SET observed_us = 0, frames = 0, dropped = 0 WHERE camera = %s AND session = %s",
                session,
            )
        return [us for table in timescale.TIMES for us in _delete(connection, table, _OF_SESSION, session)]

    def _add(self, connection: Connection, rows: Rows, changed: Iterable[int]) -> set[int]:
        """Write a batch; returns the days (UTC, since 1970-01-01) that have become known by it.

        Args:
            connection: in a transaction that `_begin` began for the cameras of the batch.
            rows: the batch.
            changed: times of rows that were taken out before.
        """
        voided = {(key.camera, key.session, key.track_id) for key in rows.voided}
        batches = (
            (_CROSSINGS, columns.newest(rows.crossings, "line", voided)),
            (_VISITS, columns.newest(rows.visits, "zone", voided)),
            (_MOVEMENTS, columns.newest(rows.movements, "movement", voided)),
            (_TRAJECTORIES, _trajectories(rows.trajectories, voided)),
        )
        coverage = [{name: getattr(row, name) for name in row.__slots__} for row in rows.coverage]
        days = {row[table.time_us] // DAY_US for table, batch in batches for row in batch}
        days |= {row["minute_us"] // DAY_US for row in coverage}
        days -= self._days
        _add_local_days(connection, days, self._schema)
        times = [*changed]
        for table, batch in batches:
            if batch:
                values = _near(batch, table.time_us)
                for statement in table.timescale if self._schema.timescale else table.plain:
                    times += _times(connection.execute(statement, values))
        if coverage:
            returning = "RETURNING us_of(kept.minute)" if self._schema.timescale else ""
            times += _times(connection.execute(_UPSERT_COVERAGE + returning, {"rows": orjson.dumps(coverage).decode()}))
        for key in rows.voided:
            times += _void(connection, key)
        if self._schema.timescale:
            firsts = {us // DAY_US * DAY_US: us for us in sorted(times, reverse=True)}
            connection.execute(_LATE_DAYS, (list(firsts), list(firsts.values()), timescale.LATE))
        return days


_READINGS = " UNION ".join(
    f"SELECT session FROM {table} WHERE camera = %(camera)s AND starts_with(session, %(recording)s)"  # noqa: S608
    for table in timescale.TIMES
)


def _sessions_of(connection: Connection, recording: Recording) -> list[str]:
    """The sessions of all readings of a recording that have rows."""
    camera, name = recording
    return [session for (session,) in connection.execute(_READINGS, {"camera": camera, "recording": name})]


def _near(batch: list[dict[str, Any]], time_us: str) -> dict[str, Any]:
    """The parameters of `_Statements`."""
    return {
        "rows": orjson.dumps(batch).decode(),
        "cameras": sorted({row["camera"] for row in batch}),
        "first": _time(min(row[time_us] for row in batch)) - _SEARCH,
        "last": _time(max(row[time_us] for row in batch)) + _SEARCH,
    }


def _void(connection: Connection, key: TrackKey) -> list[int]:
    """Take a track's rows out; returns the times of those that are added up."""
    return [
        us
        for table in ("crossings", "visits", "movements", "trajectories")
        for us in _delete(
            connection,
            table,
            f"{_OF_SESSION} AND track_id = %s AND {timescale.TIMES[table]} >= %s",
            (key.camera, key.session, key.track_id, _time(key.since_us)),
        )
    ]


_OF_SESSION = "camera = %s AND session = %s"


def _delete(connection: Connection, table: str, condition: str, values: tuple[object, ...]) -> list[int]:
    """Take rows out of a table; returns the times of those that are added up."""
    returning = f"RETURNING us_of({timescale.TIMES[table]})" if table in timescale.SUMMED else ""
    return _times(connection.execute(f"DELETE FROM {table} WHERE {condition} {returning}", values))  # noqa: S608


def _times(cursor: psycopg.Cursor[Any]) -> list[int]:
    """What a statement tells of the rows that it changed; nothing where it was not asked."""
    return [us for (us,) in cursor] if cursor.description is not None else []


def _trajectories(rows: Iterable[Trajectory], voided: set[tuple[str, str, int]]) -> list[dict[str, Any]]:
    found = {(row.camera, row.session, row.track_id): row for row in rows}
    kept = [row for key, row in found.items() if key not in voided]
    names = [column.field for column in columns.TRAJECTORIES.columns if column is not columns.POINTS]
    return [
        {name: getattr(row, name) for name in names} | {"points": f"\\x{points.hex()}"}
        for row, points in zip(kept, pack_trajectories([row.points for row in kept]), strict=True)
    ]


def _add_local_days(connection: Connection, days: Iterable[int], schema: Schema) -> None:
    """Make the local days known that days counted in UTC since 1970-01-01 touch, with their hours."""
    found = {bucket for day in days for bucket in buckets(day * DAY_US, (day + 1) * DAY_US, "1d", schema.zone)}
    for bucket in sorted(found):
        hours = [hour.start_us for hour in buckets(bucket.start_us, bucket.end_us, "1h", schema.zone)]
        local = _time(bucket.start_us).astimezone(schema.zone).date()
        connection.execute(_LOCAL_DAY, (local, bucket.start_us, bucket.end_us, hours))


def _time(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _day(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(days=1)
