"""A backup made while a writer writes is whole, and nothing that was there is lost by making one."""

from __future__ import annotations

import re
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
from command_line import aforo

from aforo.errors import ConfigurationError, StoreError
from aforo.model import Crossing, Rows
from aggregate.store.sqlite.backup import back_up
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore

BATCH = 7


def batch(number: int) -> Rows:
    tracks = range(number * BATCH, (number + 1) * BATCH)
    return Rows([Crossing("c", "s", track, "l", 0, track, "down", "car", True, "v") for track in tracks])


def tracks_in(path: Path) -> list[int]:
    with closing(SqliteReader(path)) as reader:
        return sorted(crossing.track_id for crossing in reader.crossings(["l"], 0, 1_000_000, 1_000_000))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "counts.db"
    with SqliteStore(path) as store:
        store.write(batch(0))
    return path


@pytest.fixture
def site(database: Path, tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(f"site: {{id: a}}\nstore: sqlite:///{database}\n", encoding="utf-8")
    return path


def test_a_backup_while_a_writer_writes_holds_whole_batches_and_can_be_written_on(
    database: Path, tmp_path: Path
) -> None:
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with SqliteStore(database) as store:
            while not stop.is_set():
                store.write(batch(len(written) + 1))
                written.append(BATCH)

    writer = threading.Thread(target=write)
    writer.start()
    copies = [tmp_path / f"copy{i}.db" for i in range(5)]
    try:
        for i, copy in enumerate(copies):
            while len(written) < 3 * (i + 1):
                assert writer.is_alive()
            back_up(database, copy)
    finally:
        stop.set()
        writer.join()
    lengths = []
    for copy in copies:
        tracks = tracks_in(copy)
        assert tracks == list(range(len(tracks)))
        assert len(tracks) % BATCH == 0
        lengths.append(len(tracks))
    assert lengths == sorted(lengths)
    assert lengths[0] >= 4 * BATCH
    assert tracks_in(database) == list(range(BATCH + sum(written)))
    with SqliteStore(copies[-1]) as restored:
        restored.write(batch(10_000))
    assert len(tracks_in(copies[-1])) == lengths[-1] + BATCH
    assert len(list(tmp_path.glob(".*"))) == 0


def test_the_copy_is_one_file_for_its_owner_alone(site: Path, tmp_path: Path) -> None:
    said = aforo("backup", "-c", site, "--out", tmp_path / "copy.db")
    assert said.code == 0, said.err
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(tmp_path / "copy.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_what_is_there_stays_unless_it_may_be_replaced(site: Path, database: Path, tmp_path: Path) -> None:
    out = tmp_path / "thesis.txt"
    out.write_text("years of work", encoding="utf-8")
    said = aforo("backup", "-c", site, "--out", out)
    assert said.code == ConfigurationError.exit_code
    assert re.search(r"thesis\.txt is there already; .*--force", said.complaint)
    assert out.read_text(encoding="utf-8") == "years of work"
    assert aforo("backup", "-c", site, "--out", out, "--force").code == 0
    assert tracks_in(out) == tracks_in(database)


def test_a_backup_that_fails_leaves_what_was_there(site: Path, database: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy.db"
    assert aforo("backup", "-c", site, "--out", out).code == 0
    before = out.read_bytes()
    database.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    assert aforo("backup", "-c", site, "--out", out, "--force").code == StoreError.exit_code
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_the_command_copies_sqlite_and_names_pg_dump_for_postgresql(site: Path, database: Path, tmp_path: Path) -> None:
    said = aforo("backup", "-c", site, "--out", tmp_path / "copy.db")
    assert said.code == 0, said.err
    assert tracks_in(tmp_path / "copy.db") == tracks_in(database)
    assert aforo("backup", "-c", site, "--out", tmp_path / "copy.db").code == ConfigurationError.exit_code
    site.write_text("site: {id: a}\nstore: postgresql://me:hunter2@db/aforo\n", encoding="utf-8")
    said = aforo("backup", "-c", site, "--out", tmp_path / "other.db")
    assert said.code == ConfigurationError.exit_code
    assert "pg_dump" in said.complaint
    assert "hunter2" not in said.err
    assert not (tmp_path / "other.db").exists()
