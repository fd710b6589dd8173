"""Opening SQLite files, and SQLite's errors as one sentence that names the file."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from aforo.errors import StoreError
from aforo.plain_files import check_plain

LOG = logging.getLogger(__name__)

MINIMUM_SQLITE = (3, 37)
"""The first with STRICT tables."""

BUSY_TIMEOUT_S = 5.0

_PRIVATE = stat.S_IRUSR | stat.S_IWUSR

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
        mode: "ro" to read, "rwc" to write and, if need be, make the file, which then is its owner's alone.
        busy_timeout_s: how long to wait for another program that keeps the file locked.

    Raises:
        StoreError: Python's SQLite library is too old, or the file is a pipe or device.
        sqlite3.Error: the file cannot be opened.
    """
    if sqlite3.sqlite_version_info < MINIMUM_SQLITE:
        needed = ".".join(map(str, MINIMUM_SQLITE))
        raise StoreError(f"needs SQLite {needed} or later, and this Python brings {sqlite3.sqlite_version}")
    if os.path.exists(path):
        try:
            check_plain(path)
        except OSError as error:
            raise StoreError(str(error.strerror).removeprefix("it ")) from None
    if mode == "rwc":
        _make_private(path)
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)


def _make_private(path: Path) -> None:
    """See to it that no other user reads the database: one made before, or by others, loses their rights.

    SQLite gives the files beside it the rights of the database. What cannot be done here is told by SQLite.
    """
    # Only a file that is not there yet is opened: closing one drops all locks that this process has on it, and with
    # them its writers' (SQLite, "How to corrupt an SQLite database file", 2.2).
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    for file in (path, *(Path(f"{path}{end}") for end in ("-wal", "-shm", "-journal"))):
        with contextlib.suppress(FileNotFoundError):
            mode = stat.S_IMODE(file.stat().st_mode)
            if not mode & ~_PRIVATE or not file.is_file():
                continue
            try:
                file.chmod(mode & _PRIVATE)
            except OSError:
                LOG.warning("other users may open %s, and its rights cannot be changed; have its owner do it", file)
            else:
                LOG.warning("other users could open %s; now its owner alone can", file)


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
        raise StoreError(f"cannot {action} the database {path}: {reason}", path, reason) from error
    except StoreError as error:
        raise StoreError(f"cannot {action} the database {path}: it {error}") from None
