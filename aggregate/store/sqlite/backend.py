"""SQLite as a store: what an address names, how it is opened, and what `aforo doctor` says of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from aforo.address import Address
from aforo.doctor_finding import Finding
from aforo.errors import ConfigurationError, StoreError
from aggregate.store.sqlite.file import connect
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore

_PREFIX = "sqlite:///"


def file_of(address: Address) -> Path:
    """The file that an address names; `~` is the user's home.

    >>> file_of(Address("sqlite:///counts/street.db")).as_posix()
    'counts/street.db'

    Raises:
        ConfigurationError: it names none.
    """
    text = address.reveal()
    if not text.startswith(_PREFIX) or text == _PREFIX:
        raise ConfigurationError(f"expected store: sqlite:///FILE, got {address}")
    name, mark, query = text.removeprefix(_PREFIX).partition("?")
    if mark:
        parameter = query.partition("=")[0]
        raise ConfigurationError(
            f"store: SQLite takes no parameters, got {parameter!r} behind the ?; give sqlite:///FILE alone"
        )
    if name == ":memory:" or name.startswith("file:"):
        raise ConfigurationError(f"store: expected a file, got {name}; give sqlite:///FILE")
    try:
        return Path(os.path.expanduser(text.removeprefix(_PREFIX)))
    except RuntimeError as error:  # ~NAME of somebody who has no home here
        raise ConfigurationError(f"store: {address} names the home of a user who is not known here") from error


class SqliteBackend:
    """A `StoreBackend` on one SQLite file.

    Args:
        address: `sqlite:///FILE`; the file is relative to the working directory unless it begins with `/` or `~`.

    Attributes:
        file: the database file.

    Raises:
        ConfigurationError: the address is another one.
    """

    def __init__(self, address: Address) -> None:
        self.file = file_of(address)

    def place(self) -> Path:
        """Where the file is, or will be."""
        return self.file.absolute()

    def open_writer(self) -> SqliteStore:
        """The writer, which makes the file where it is missing.

        Raises:
            StoreError: the file cannot be opened, or is no database of this version of Aforo.
        """
        return SqliteStore(self.file)

    def open_reader(self) -> SqliteReader:
        """Questions to a file that a writer has made.

        Raises:
            StoreError: the file is missing, or cannot be read.
        """
        return SqliteReader(self.file)

    def check(self) -> Iterator[Finding]:
        """Whether the file can be opened, or made where it is missing; changes nothing."""
        folder = self.file.absolute().parent
        if not os.path.isdir(folder):  # Path.is_dir raises where a name is too long
            yield _refused(f"the folder {folder} does not exist", "make it, or change store")
        elif not os.access(folder, os.W_OK):
            yield _refused(f"the folder {folder} cannot be written", "change its owner, or store")
        else:
            yield self._check_file()

    def _check_file(self) -> Finding:
        known = f"SQLite {sqlite3.sqlite_version}; {self.file}"
        try:
            if not os.path.exists(self.file):
                return Finding("store", True, f"{known} is made on the first run")
            if not os.access(self.file, os.W_OK):
                return _refused(f"{self.file} cannot be written", "change its owner, or store")
            with closing(connect(self.file, "ro")) as connection:
                (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except (sqlite3.Error, StoreError, OSError) as error:
            return _refused(f"{self.file} cannot be read: {error}", "move it away, or change store")
        hint = "" if state == "ok" else "restore it from a backup, or move it away"
        return Finding("store", state == "ok", f"{known}: {state}", hint)


def _refused(reason: str, hint: str) -> Finding:
    return Finding("store", False, f"SQLite: {reason}", hint)
