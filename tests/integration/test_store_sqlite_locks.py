"""A database that is open keeps its locks, whoever of the same process opens it again."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from aggregate.store.sqlite.file import connect

WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError as error:
    print(error)
else:
    print("nobody keeps it locked")
"""


def said_by_another_process(database: Path) -> str:
    return subprocess.run([sys.executable, "-c", WRITE, str(database)], capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("mode", ["rwc", "ro"])
def test_opening_a_database_again_drops_no_lock(tmp_path: Path, mode: str) -> None:
    """Locks of POSIX belong to the process: closing any descriptor of the file drops them all."""
    database = tmp_path / "counts.db"
    with closing(connect(database, "rwc")) as writer:
        writer.execute("CREATE TABLE rows (number INTEGER) STRICT")
        writer.execute("BEGIN IMMEDIATE")
        connect(database, mode)
        assert said_by_another_process(database) == "database is locked"
        writer.execute("COMMIT")
    assert said_by_another_process(database) == "nobody keeps it locked"
