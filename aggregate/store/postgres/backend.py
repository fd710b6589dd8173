"""PostgreSQL as a store: how it is opened, and what `aforo doctor` says of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from aforo.address import Address
from aforo.doctor_finding import Finding
from aforo.errors import ConfigurationError
from aggregate.store.postgres.pool import plain_message
from aggregate.store.postgres.reader import PostgresReader
from aggregate.store.postgres.session import CONNECT_TIMEOUT_S, session_text
from aggregate.store.postgres.settings import TimescaleSettings
from aggregate.store.postgres.writer import PostgresStore

_FAILING_JOBS = """
SELECT proc_name, (SELECT err_message FROM timescaledb_information.job_errors AS error
    WHERE error.job_id = job.job_id ORDER BY finish_time DESC LIMIT 1)
FROM timescaledb_information.jobs AS job JOIN timescaledb_information.job_stats USING (job_id)
WHERE last_run_status = 'Failed' AND proc_name !~ 'telemetry'
    AND coalesce(last_successful_finish, '-infinity') < now() - interval '1 hour'
"""
_IDLE_JOB = """
SELECT 'refresh_aggregates', 'late days wait since ' || date_trunc('second', min(noted_at)) FROM late_days
HAVING min(noted_at) < now() - interval '1 hour'
"""
_DATA_FOLDER = """
SELECT setting FROM pg_settings
WHERE name = 'data_directory' AND coalesce(inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1', true)
"""
"""Over a socket there is no address of the server; only who may read all settings is told the folder."""
_EXTENSION = "SELECT default_version, installed_version FROM pg_available_extensions WHERE name = 'timescaledb'"


class PostgresBackend:
    """A `StoreBackend` on PostgreSQL, with TimescaleDB or without.

    Args:
        address: `postgresql://user:password@host/database`.
        settings: how long TimescaleDB keeps rows.

    Attributes:
        file: None: the database is not a file of this machine.
    """

    file = None

    def __init__(self, address: Address, settings: TimescaleSettings) -> None:
        self._address = address
        self._settings = settings

    def place(self) -> Path | None:
        """The server's folder of data, where it runs on this machine and tells it this user; None else."""
        try:
            with psycopg.connect(session_text(self._address), autocommit=True) as connection:
                found = connection.execute(_DATA_FOLDER).fetchone()
        except (psycopg.Error, ConfigurationError):
            return None
        return None if found is None or not os.path.exists(found[0]) else Path(found[0])

    def open_writer(self) -> PostgresStore:
        """A writer, which makes the tables where they are missing.

        Raises:
            StoreError: the database cannot be reached or changed, or is of a newer version.
        """
        return PostgresStore(self._address, self._settings)

    def open_reader(self) -> PostgresReader:
        """Questions to tables that a writer has made.

        Raises:
            StoreError: the database cannot be reached, or has another schema.
        """
        return PostgresReader(self._address)

    def check(self) -> Iterator[Finding]:
        """Whether the server answers, what TimescaleDB is there, and whether its jobs succeed; changes nothing."""
        failing: list[tuple[Any, ...]] = []
        try:
            with psycopg.connect(session_text(self._address), autocommit=True) as connection:
                connection.execute(f"SET statement_timeout = {CONNECT_TIMEOUT_S * 1000}")
                version = connection.info.parameter_status("server_version")
                extension = connection.execute(_EXTENSION).fetchone()
                if extension is not None and extension[1] is not None:
                    failing = connection.execute(_FAILING_JOBS).fetchall()
                    if connection.execute("SELECT to_regclass('late_days')").fetchone() != (None,):
                        failing += connection.execute(_IDLE_JOB).fetchall()
        except psycopg.Error as error:
            yield Finding(
                "store",
                False,
                f"PostgreSQL: {plain_message(str(error))}",
                "check host, port, user, password and database in store, and that the server runs",
            )
            return
        yield Finding("store", True, f"PostgreSQL {version} answers")
        match extension:
            case None:
                yield Finding("timescaledb", None, "not on this server; plain views are used instead")
            case (available, None):
                yield Finding("timescaledb", None, f"{available} is available; it is enabled on the first run")
            case (_, installed):
                yield Finding("timescaledb", True, f"{installed} is enabled")
        if failing:
            yield _failing_jobs(failing)


def _failing_jobs(jobs: list[tuple[Any, ...]]) -> Finding:
    names = ", ".join(sorted({name for name, _ in jobs}))
    reasons = "; ".join(sorted({why for _, why in jobs if why})) or "no reason is told"
    return Finding(
        "timescaledb jobs",
        False,
        f"{len(jobs)} have not succeeded for an hour: {names}; {reasons}",
        "new counts are right but slower to read, late ones may be missing from days; see its view "
        "timescaledb_information.job_errors, and whether TimescaleDB knows this PostgreSQL",
    )
