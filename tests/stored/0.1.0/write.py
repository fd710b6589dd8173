"""Wrote the other files of this folder, with the code of version 0.1.0; they are never written again.

It runs in a work tree of that version, whose own stores make the databases (its tests start the servers):

    git worktree add /tmp/old 87c8f9e
    cd /tmp/old && PYTHONPATH=.:tests python THIS_FILE FOLDER

SQLite is dumped by Python, PostgreSQL by pg_dump. Of TimescaleDB, whose dumps only its own tools can restore, the file
has every statement that the store sent, in order, with its values.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from aforo.observations import POSITION
from aggregate.store_sqlite import SqliteStore
from aggregate.store_timescale import PostgresStore
from postgresql_server import new_database, running_postgresql
from timescale_wasm import running_timescale_wasm

from aforo.address import Address
from aforo.config import Site
from aforo.model import Coverage, Crossing, LiveEndpoint, Movement, Rows, TrackKey, Trajectory, Visit

ZONES = {"bogota": "America/Bogota", "kolkata": "Asia/Kolkata"}
NEXT = "\n-- next\n"


def us(clock: str) -> int:
    return int(datetime.fromisoformat(f"2025-05-06T{clock}+00:00").timestamp()) * 1_000_000


def site(timezone: str) -> Site:
    camera = {
        "id": "north",
        "source": "rtsp://10.0.0.5/stream2",
        "lines": [{"id": "stop", "points": [[0.1, 0.5], [0.9, 0.5]]}],
        "zones": [{"id": "crossing", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
        "movements": [{"id": "through", "from": {"line": "stop"}, "to": {"zone": "crossing"}}],
    }
    return Site.model_validate({"site": {"id": "s", "name": "Old town", "timezone": timezone}, "cameras": [camera]})


def crossing(track: int, clock: str, direction: str, road_user: str, final: bool = True) -> Crossing:
    return Crossing("north", "s1", track, "stop", 0, us(clock), direction, road_user, final, "v1")


def fill(store: Any, timezone: str) -> None:
    """A night in Bogota and an evening in Kolkata: rows around midnight in both."""
    path = np.array(
        [(us("05:00:05"), (0.1, 0.2, 0.2, 0.4)), (us("05:00:10"), (0.4, 0.5, 0.5, 0.75))], POSITION
    ).tobytes()
    with store:
        store.register(site(timezone))
        store.write(
            Rows(
                [
                    crossing(1, "04:59:30", "down", "car"),
                    crossing(2, "05:00:10", "down", "car"),
                    crossing(3, "18:29:50", "up", "truck", final=False),
                    crossing(9, "05:00:40", "up", "car", final=False),
                ],
                [Visit("north", "s1", 1, "crossing", 0, us("05:00:20"), us("05:00:25"), "pedestrian", True, "v1")],
                [Movement("north", "s1", 2, "through", 0, us("05:00:10"), us("05:00:30"), "car", True, "v1")],
                [Coverage("north", "s1", us("05:00:00"), 60_000_000, 600, 3)],
                trajectories=[
                    Trajectory("north", "s1", 2, us("05:00:05"), us("05:00:10"), "car", 1.5, path),
                ],
            )
        )
        store.write(
            Rows(
                [
                    crossing(3, "18:29:59", "up", "bus"),
                    crossing(4, "18:30:00", "down", "car", final=False),
                    crossing(5, "18:31:00", "down", "cyclist"),
                ],
                [Visit("north", "s1", 5, "crossing", 0, us("18:31:00"), None, "pedestrian", False, "v1")],
                coverage=[
                    Coverage("north", "s1", us("05:01:00"), 30_000_000, 300, 0),
                    Coverage("north", "s1", us("18:30:00"), 45_000_000, 450, 1),
                ],
                voided=[TrackKey("north", "s1", 9, us("05:00:40"))],
            )
        )
        store.announce([LiveEndpoint("north", "http://10.0.0.7:8001", us("18:31:00"))])
        store.refresh(us("00:00:00"), us("23:59:00"))


@contextmanager
def recorded(statements: list[str]) -> Iterator[None]:
    """Every statement that psycopg sends in here, with its values."""
    execute = psycopg.Cursor.execute

    def recording(cursor: Any, query: Any, params: Any = None, **options: Any) -> Any:
        text = psycopg.ClientCursor(cursor.connection).mogrify(query, params)
        if text:
            statements.append(text)
        return execute(cursor, query, params, **options)

    psycopg.Cursor.execute = recording  # type: ignore[method-assign,assignment]
    try:
        yield
    finally:
        psycopg.Cursor.execute = execute  # type: ignore[method-assign]


def main(folder: Path) -> None:
    for name, zone in ZONES.items():
        with tempfile.TemporaryDirectory() as scratch:
            path = Path(scratch) / "counts.db"
            fill(SqliteStore(path), zone)
            with closing(sqlite3.connect(path)) as connection:
                marks = [
                    f"PRAGMA {mark} = {connection.execute(f'PRAGMA {mark}').fetchone()[0]};"
                    for mark in ("application_id", "user_version")
                ]
                (folder / f"sqlite-{name}.sql").write_text("\n".join([*marks, *connection.iterdump()]) + "\n")
    with running_postgresql() as server:
        for name, zone in ZONES.items():
            with new_database(server) as url:
                fill(PostgresStore(Address(url)), zone)
                command = ["pg_dump", "--inserts", "--no-owner", "--no-privileges", "--no-comments", url]
                dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            lines = [line for line in dump.split("\n") if line.strip() and not line.startswith(("--", "\\"))]
            (folder / f"postgresql-{name}.sql").write_text("\n".join(lines) + "\n")
    for name, zone in ZONES.items():
        statements: list[str] = []
        with running_timescale_wasm() as url, recorded(statements):
            fill(PostgresStore(Address(url)), zone)
        (folder / f"timescale-{name}.sql").write_text(NEXT.join(statement.strip() for statement in statements) + "\n")


if __name__ == "__main__":
    os.umask(0o022)
    main(Path(sys.argv[1]))
