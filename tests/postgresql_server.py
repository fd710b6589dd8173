"""A PostgreSQL server of a test's own, on 127.0.0.1, ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from requirements import absent

PASSWORD = "hunter2"


def _program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(versions[-1]) if versions else shutil.which(name)
    if found is None:
        absent(f"PostgreSQL's {name} is not on this machine; install PostgreSQL's server")
    return found


def has_timescale() -> bool:
    """Whether the server's installation offers the real TimescaleDB."""
    done = subprocess.run([_program("pg_config"), "--sharedir"], capture_output=True, text=True, check=False)
    return (Path(done.stdout.strip()) / "extension" / "timescaledb.control").is_file()


TIMESCALE_OPTIONS = (
    *("-c", "shared_preload_libraries=timescaledb"),
    *("-c", "timescaledb.telemetry_level=off"),
    # Tests run its jobs themselves, so that nothing depends on when they would run.
    *("-c", "timescaledb.max_background_workers=0"),
)


@contextmanager
def running_postgresql(*more: str) -> Iterator[str]:
    """Start a server in a temporary directory; yields its address, password included.

    Args:
        more: options of the server.
    """
    initdb, postgres = _program("initdb"), _program("postgres")
    with tempfile.TemporaryDirectory(prefix="aforo-pg-") as name:
        folder = Path(name)
        # The server refuses to run as root, so that root runs it as the user of its package.
        user = "postgres" if os.geteuid() == 0 else None
        if user is not None:
            shutil.chown(folder, user)
        (folder / "password").write_text(PASSWORD)
        options = ["--username=aforo", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256", "--no-sync"]
        subprocess.run(
            [initdb, "-D", folder / "db", *options], user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL
        )
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        listening = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", f"port={port}"]
        command = [postgres, "-D", folder / "db", *listening, "-c", "fsync=off", "-c", "log_min_messages=fatal", *more]
        with subprocess.Popen(command, user=user, cwd=folder, stderr=subprocess.DEVNULL) as server:
            try:
                _wait_until_ready(server, port)
                yield f"postgresql://aforo:{PASSWORD}@127.0.0.1:{port}/postgres"
            finally:
                server.send_signal(signal.SIGINT)  # "fast": ends connections and shuts down


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """An empty database on a server, dropped in the end; yields its address."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield f"{server.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    program = _program("pg_isready")
    while server.poll() is None:
        if subprocess.run([program, "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode == 0:
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL ended with {server.returncode} before it was ready")
