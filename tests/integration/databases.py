"""Empty databases of every kind of store, to be opened by tests."""

from __future__ import annotations

from pathlib import Path

from aforo.address import Address
from aforo.ports import CountReader, CountStore, StoreBackend
from aggregate.store.postgres.backend import PostgresBackend
from aggregate.store.postgres.settings import TimescaleSettings
from aggregate.store.sqlite.backend import SqliteBackend


class Database:
    """One empty database, to be opened for writing and for reading, as often as a test likes."""

    def __init__(self, backend: StoreBackend) -> None:
        self.backend = backend

    def store(self) -> CountStore:
        return self.backend.open_writer()

    def reader(self) -> CountReader:
        return self.backend.open_reader()


def sqlite(folder: Path) -> Database:
    backend = SqliteBackend(Address("sqlite:///counts.db"))
    backend.file = folder / "counts # 1?.db"  # whose name no address can give
    return Database(backend)


def postgres(url: str) -> Database:
    return Database(PostgresBackend(Address(url), TimescaleSettings()))
