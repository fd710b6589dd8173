"""A copy of a SQLite store while others read and write it, by SQLite's own online backup."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from aforo.errors import ConfigurationError, StoreError
from aggregate.store.sqlite.file import connect, translated
from aggregate.store.sqlite.reader import SqliteReader


def back_up(database: Path, out: Path, *, force: bool = False) -> int:
    """Copy a database as it is at one moment, into one file that needs no other; returns the copy's bytes.

    The copy is made beside its place, checked, and then renamed: what was there before stays until it is complete. It
    belongs to its owner alone, as it holds the addresses of cameras.

    Args:
        database: a database that a writer of Aforo has made.
        out: the file of the copy.
        force: replace a file that is there.

    Raises:
        ConfigurationError: `out` is there and not to be replaced, is the database itself, or cannot be written.
        StoreError: the database cannot be read, or the copy cannot be written or is not whole.
    """
    _check(database, out, force)
    SqliteReader(database).close()  # says what is wrong with one that is missing or somebody else's
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.absolute().parent)
    except OSError as error:
        raise ConfigurationError(f"--out: cannot write {out}: {error.strerror}") from error
    os.close(descriptor)
    scratch = Path(name)
    try:
        with translated(database, "read"), closing(connect(database, "ro")) as source:
            _copy(source, scratch, out)
        with scratch.open("rb") as written:
            os.fsync(written.fileno())
        scratch.replace(out)
        return out.stat().st_size
    except OSError as error:
        raise StoreError(f"cannot write the backup {out}: {error.strerror}") from error
    finally:
        for leftover in (scratch, *(Path(f"{scratch}{end}") for end in ("-journal", "-wal", "-shm"))):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)


def _check(database: Path, out: Path, force: bool) -> None:
    own = [database, *(Path(f"{database}{end}") for end in ("-wal", "-shm", "-journal"))]
    if out.absolute().resolve() in [path.absolute().resolve() for path in own]:
        raise ConfigurationError(f"--out: {out} is the database itself; give another file")
    if not out.exists():
        return
    if not out.is_file() or any(path.exists() and out.samefile(path) for path in own):
        raise ConfigurationError(f"--out: {out} is no plain file, or the database itself; give another file")
    if not force:
        raise ConfigurationError(f"--out: {out} is there already; give another file, or --force to replace it")


def _copy(source: sqlite3.Connection, scratch: Path, out: Path) -> None:
    """In one step, and so under one view of the database: whoever writes meanwhile neither waits nor is seen."""
    with translated(out, "write"), closing(sqlite3.connect(scratch, isolation_level=None)) as copy:
        source.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        (state,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if state != "ok":
            raise StoreError(f"is not whole: {state}; the database itself may be damaged")
