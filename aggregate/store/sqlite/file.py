"""Opening SQLite files, and SQLite's errors as one sentence that names the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from aforo.errors import StoreError

MINIMUM_SQLITE = (3, 37)
"""The first with STRICT tables."""

BUSY_TIMEOUT_S = 5.0

_REASONS = {
    "SQLITE_BUSY": "another program keeps it locked; stop that one, or wait and try again",
    "SQLITE_LOCKED": "another program keeps it locked; stop that one, or wait and try again",
    "SQLITE_READONLY": "the file, its folder or the disk is read-only; give another place in `store`",
    "SQLITE_CANTOPEN": "the file or its folder cannot be opened or written; check that both exist, and permissions",
    "SQLITE_PERM": "permission denied; check the permissions of the file and its folder",
    "SQLITE_NOTADB": "it is not an SQLite database; give another file in `store`",
    "SQLITE_CORRUPT": "it is damaged; restore it from a backup, or recover it with `sqlite3 FILE .recover`",
    "SQLITE_FULL": "the disk is full; make room and try again",
    "SQLITE_IOERR": "the disk reports an error; check the disk and the space that is left on it",
}


def connect(path: Path, mode: str, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any thread, one at a time.

    Args:
        path: the database file.
        mode: "ro" to read, "rwc" to write and, if need be, make the file.
        busy_timeout_s: how long to wait for another program that keeps the file locked.

    Raises:
        StoreError: Python's SQLite library is too old.
        sqlite3.Error: the file cannot be opened.
    """
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        needed = ".".join(map(str, MINIMUM_SQLITE))
        raise StoreError(f"needs SQLite {needed} or later, and this Python brings {sqlite3.sqlite_version}")
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)


@contextmanager
def translated(path: Path, action: str) -> Iterator[None]:
    """Turn what goes wrong inside into one sentence.

    Args:
        path: the database file.
        action: "open", "read" or "write".

    Raises:
        StoreError: always in place of `sqlite3.Error`; those raised inside get the file's name in front.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "") or ""
        reason = next((text for prefix, text in _REASONS.items() if code.startswith(prefix)), str(error))
        raise StoreError(f"cannot {action} the database {path}: {reason}") from error
    except StoreError as error:
        raise StoreError(f"cannot {action} the database {path}: it {error}") from None
