"""The schema on PostgreSQL: migrations, the roll-ups of either kind, and which kind a database has.

The table `schema_version` says how many of `migrations/*.sql` were applied, and whether the tables are those
of TimescaleDB, which is decided once: where the server offers it when the database is first opened. Whoever changes
the schema holds an advisory lock, so that several processes can start at once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from aforo.errors import StoreError
from aggregate.store.postgres import rollups
from aggregate.store.postgres import timescale as timescale_rollups
from aggregate.store.postgres.pool import Connection, Database
from aggregate.store.postgres.settings import TimescaleSettings

LOG = logging.getLogger(__name__)

SCHEMA_LOCK = 0x41464F52
"""Of the advisory locks: held exclusively to change the schema or the time zone, shared to write rows."""

_OLDEST_SERVER = 140_000
_OLDEST_VERSION = 2
"""Of the schema: databases made before, by development versions, have other roll-ups."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database is: its kind, and the time zone of its hours and days."""

    timescale: bool
    zone: ZoneInfo


def migrations() -> Sequence[str]:
    """The scripts, in order."""
    folder = resources.files("aggregate.store.postgres").joinpath("migrations")
    scripts = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def open_schema(database: Database) -> Schema:
    """Bring a database up to the newest schema; each time wholly or not at all.

    Raises:
        StoreError: it cannot be reached or changed, is of a newer version, or the server is too old.
    """
    timescale = _enable_timescale(database)
    with database.connection("open") as connection:
        if connection.info.server_version < _OLDEST_SERVER:
            raise StoreError("the server is older than PostgreSQL 14, the oldest that works; update it")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        (there,) = _row(connection, "SELECT to_regclass('schema_version') IS NOT NULL")
        if not there:
            connection.execute("CREATE TABLE schema_version (version integer NOT NULL, timescale boolean NOT NULL)")
            connection.execute("INSERT INTO schema_version VALUES (0, %s)", (timescale,))
        version, timescale = _row(connection, "SELECT version, timescale FROM schema_version")
        scripts = migrations()
        _check_version(version, len(scripts))
        if version < len(scripts):
            for script in scripts[version:]:
                connection.execute(script)
            connection.execute("UPDATE schema_version SET version = %s", (len(scripts),))
        zone = stored_zone(connection)
        if version == 0:
            _add_rollups(connection, timescale, zone)
        return Schema(timescale, zone)


def _check_version(version: int, newest: int) -> None:
    """Refuse a database of another time; version 0 is a new one.

    Raises:
        StoreError: a newer version of this program made it, or one so old that its roll-ups are not known any more.
    """
    if 0 < version < _OLDEST_VERSION:
        raise StoreError(
            f"it has schema {version}, of a development version; the oldest that can be taken over is "
            f"{_OLDEST_VERSION}; count into a new database"
        )
    if version > newest:
        raise StoreError(
            f"it has schema {version}, newer than the {newest} that this version of Aforo knows; update Aforo"
        )


def read_schema(database: Database) -> Schema:
    """What a database is, for those who only read.

    Raises:
        StoreError: it cannot be reached, or its schema is not the one that is read.
    """
    with database.connection("open") as connection:
        (there,) = _row(connection, "SELECT to_regclass('schema_version') IS NOT NULL")
        if not there:
            raise StoreError("it has no tables of Aforo; count something into it first")
        version, timescale = _row(connection, "SELECT version, timescale FROM schema_version")
        newest = len(migrations())
        _check_version(version, newest)
        if version < newest:
            raise StoreError(
                f"it has schema {version}, older than the {newest} that is read; open it for counting once"
            )
        return Schema(timescale, stored_zone(connection))


def change_zone(connection: Connection, schema: Schema, zone: ZoneInfo) -> Schema:
    """Let hours and days follow a change of the site's time zone; local days have been written anew before."""
    if schema.timescale:
        _run(connection, timescale_rollups.drop(schema.zone) + timescale_rollups.create(zone))
        connection.execute("UPDATE site SET policies = ''")
    else:
        _run(connection, rollups.REBUILD)
    return Schema(schema.timescale, zone)


def apply_policies(connection: Connection, schema: Schema, settings: TimescaleSettings) -> None:
    """Put the policies that are set into force, if they are not."""
    wanted = json.dumps(asdict(settings), sort_keys=True)
    (there,) = _row(connection, "SELECT policies FROM site")
    if not schema.timescale or there == wanted:
        return
    for statement in timescale_rollups.policies(settings, schema.zone):
        _run(connection, statement)
    connection.execute("UPDATE site SET policies = %s", (wanted,))


def stored_zone(connection: Connection) -> ZoneInfo:
    """The time zone that hours and days are made for."""
    (name,) = _row(connection, "SELECT timezone FROM site")
    return ZoneInfo(name)


def _add_rollups(connection: Connection, timescale: bool, zone: ZoneInfo) -> None:
    if timescale:
        _run(connection, timescale_rollups.hypertables(TimescaleSettings().chunk_days))
        _run(connection, timescale_rollups.FUNCTIONS + timescale_rollups.create(zone))
    else:
        _run(connection, rollups.INDEXES + rollups.TABLES + rollups.VIEWS)


def _enable_timescale(database: Database) -> bool:
    """Whether the database has TimescaleDB with all that is used of it, after an attempt to enable it."""
    with database.single("open") as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (SCHEMA_LOCK,))  # ends with the connection
        row = connection.execute(
            "SELECT installed_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
        if row is None:
            return False
        try:
            if row[0] is None:
                connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
            (licence,) = _row(connection, "SELECT current_setting('timescaledb.license')")
        except psycopg.Error as error:  # not preloaded, or not allowed
            LOG.warning(
                "TimescaleDB is on the server but cannot be enabled, plain tables are used: %s",
                error.diag.message_primary,
            )
            return False
        return str(licence) == "timescale"  # the Apache edition has no continuous aggregates


def _row(connection: Connection, statement: str) -> tuple[Any, ...]:
    row = connection.execute(statement).fetchone()
    if row is None:
        raise StoreError("a table of Aforo has lost its only row; restore the database from a backup")
    return row


def _run(connection: Connection, script: str) -> None:
    connection.execute(script)
