"""The rows of a store, to be compared with those of another; and the store that a run without faults would give."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from aforo.config.camera import CameraSection
from aforo.model import Rows, TrackedFrame
from aforo.tracked_batch import TrackedBatch
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble

TABLES = {
    "crossings": "camera, session, track_id, line, ordinal, at_us, direction, road_user, final, geometry",
    "visits": "camera, session, track_id, zone, ordinal, entered_at_us, left_at_us, road_user, final, geometry",
    "movements": "camera, session, track_id, movement, ordinal, entered_at_us, at_us, road_user, final, geometry",
    "trajectories": "camera, session, track_id, started_at_us, ended_at_us, road_user, aspect, points",
    "coverage": "camera, session, minute_us, observed_us, frames, dropped",
}

Tables = dict[str, list[tuple[object, ...]]]


def tables(path: Path) -> Tables:
    """All count rows of a SQLite store, in the order of their keys; empty when there is no store yet."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return {
                table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}").fetchall()
                for table, columns in TABLES.items()
            }
    except sqlite3.Error:
        return {}


def without_faults(path: Path, cameras: list[CameraSection], messages: Iterable[TrackedFrame]) -> Tables:
    """The rows of those messages when one aggregator reads them in order, each once, through no bus at all."""
    stage = assemble.counting_stage(cameras)
    rows = Rows()
    with SqliteStore(path) as store:
        for message in messages:
            rows.extend(stage.add(TrackedBatch.of([message])))
        store.write(rows)
    return tables(path)
