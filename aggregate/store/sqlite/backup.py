"""A copy of a SQLite store while others read and write it, by SQLite's own online backup."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

from aforo.errors import StoreError
from aggregate.store.sqlite.file import connect, translated
from aggregate.store.sqlite.reader import SqliteReader


def back_up(database: Path, copy: Path) -> None:
    """Copy a database as it is at one moment into one file that needs no other, and check the copy.

    Args:
        database: a database that a writer of Aforo has made.
        copy: an empty file.

    Raises:
        StoreError: the database cannot be read, or the copy cannot be written or is not whole.
    """
    SqliteReader(database).close()  # says what is wrong with one that is missing or somebody else's
    try:
        with translated(database, "read"), closing(connect(database, "ro")) as source:
            _copy(source, copy)
    finally:
        for leftover in (Path(f"{copy}{end}") for end in ("-journal", "-wal", "-shm")):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)


def _copy(source: sqlite3.Connection, path: Path) -> None:
    """In one step, and so under one view of the database: whoever writes meanwhile neither waits nor is seen."""
    with translated(path, "write"), closing(sqlite3.connect(path, isolation_level=None)) as copy:
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        (state,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise StoreError(f"is not whole: {state}; the database itself may be damaged")
