"""Empty databases of every kind of store, to be opened by tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aforo.address import Address
from aforo.ports import CountReader, CountStore
from aggregate.store.postgres.reader import PostgresReader
from aggregate.store.postgres.writer import PostgresStore
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore


class Database:
    """One empty database, to be opened for writing and for reading, as often as a test likes."""

    def __init__(self, store: Callable[[], CountStore], reader: Callable[[], CountReader]) -> None:
        self.store = store
        self.reader = reader


def sqlite(folder: Path) -> Database:
    path = folder / "counts # 1?.db"
    return Database(lambda: SqliteStore(path), lambda: SqliteReader(path))


def postgres(url: str) -> Database:
    return Database(lambda: PostgresStore(Address(url)), lambda: PostgresReader(Address(url)))
