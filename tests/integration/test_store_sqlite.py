"""What is SQLite's own: migrations, and each way in which a file can refuse."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from aforo.config.site import SiteConfiguration
from aforo.errors import StoreError
from aforo.model import Coverage, Crossing, Rows
from aggregate.store.sqlite.file import connect, translated
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.schema import MIGRATIONS, migrate
from aggregate.store.sqlite.writer import SqliteStore

NOBODY = 65534


def crossings(tracks: range) -> Rows:
    return Rows([Crossing("c", "s", track, "l", 0, track, "down", "car", True, "v") for track in tracks])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "counts.db"


def test_the_file_is_in_write_ahead_mode_with_strict_tables(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table'").fetchall()
    ours = [strict for name, strict in tables if not name.startswith("sqlite_")]
    assert len(ours) == 10
    assert set(ours) == {1}


@pytest.mark.parametrize("applied", range(1, len(MIGRATIONS)))
def test_an_older_database_is_brought_up_to_date_with_its_rows(path: Path, applied: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:applied])
        connection.execute("INSERT INTO coverage VALUES ('c', 0, 's', 5, 1, 0)")
    with pytest.raises(StoreError, match=f"schema {applied}, older than the {len(MIGRATIONS)}"):
        SqliteReader(path)
    with SqliteStore(path) as store:
        store.write(crossings(range(3)))
    with closing(SqliteReader(path)) as reader:
        assert reader.span_us() == (0, 0)
        assert sum(volume.count for volume in reader.volumes("line", ["l"], 0, 10, "1h")) == 3


def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection)
        before = connection.execute("SELECT * FROM sqlite_schema").fetchall()
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, [*MIGRATIONS, "CREATE TABLE more (a INTEGER) STRICT; CREATE TABLE site (a);"])
        assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)


@pytest.mark.parametrize("opened", [SqliteStore, SqliteReader])
def test_a_newer_schema_is_refused(path: Path, opened: type[SqliteStore | SqliteReader]) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"counts\.db: it has schema 99, newer than .* update Aforo"):
        opened(path)


@pytest.mark.parametrize("opened", [SqliteStore, SqliteReader])
def test_a_database_of_another_program_is_refused_and_left_alone(
    path: Path, opened: type[SqliteStore | SqliteReader]
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="a database of another program"):
        opened(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("recipes",)]


@pytest.mark.parametrize("opened", [SqliteStore, SqliteReader])
def test_a_file_that_is_no_database_is_refused(path: Path, opened: type[SqliteStore | SqliteReader]) -> None:
    path.write_bytes(b"date,count\n" * 1000)
    with pytest.raises(StoreError, match="not an SQLite database"):
        opened(path)


def test_a_missing_file_or_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no such file"):
        SqliteReader(tmp_path / "none.db")
    with pytest.raises(StoreError, match=r"there is no folder .*/none"):
        SqliteStore(tmp_path / "none" / "counts.db")
    with pytest.raises(StoreError, match="cannot be opened"):
        SqliteStore(tmp_path)


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder with a database, in which this process may write nothing."""
    folder = Path(tempfile.mkdtemp())
    with SqliteStore(folder / "counts.db") as store:
        store.write(crossings(range(1)))
    (folder / "counts.db").chmod(0o444)
    folder.chmod(0o555)
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if privileged:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["counts.db", "new.db"])
def test_a_read_only_folder_is_told_when_the_store_is_opened(read_only_folder: Path, name: str) -> None:
    with pytest.raises(StoreError, match=r"cannot open the database .*(read-only|cannot be opened or written)"):
        SqliteStore(read_only_folder / name)


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("query_only = 1", "the disk is read-only"), ("max_page_count = 1", "the disk is full; make room and try again")],
)
def test_what_a_disk_refuses_is_told(path: Path, limit: str, reason: str) -> None:
    """SQLite's own refusals of a connection, which are those of a disk that is read-only or full."""
    SqliteStore(path).close()
    with closing(connect(path, "rwc")) as connection:
        connection.execute(f"PRAGMA {limit}")
        with (
            pytest.raises(StoreError, match=rf"cannot write the database .*counts\.db: .*{reason}"),
            translated(path, "write"),
        ):
            connection.execute("CREATE TABLE more (a INTEGER)")


def test_a_locked_database_is_told_and_written_later(path: Path) -> None:
    with SqliteStore(path, busy_timeout_s=0.05) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another program keeps it locked"):
            store.write(crossings(range(1)))
        other.execute("ROLLBACK")
        store.write(crossings(range(1)))


@contextmanager
def no_file_grows_beyond(size: int) -> Iterator[None]:
    """The operating system refuses what this process writes behind so many bytes of any file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_more_is_told_and_nothing_of_the_batch_is_written(path: Path) -> None:
    with SqliteStore(path) as store, closing(SqliteReader(path)) as reader:
        store.write(crossings(range(1)))
        log = path.with_name(f"{path.name}-wal")
        with no_file_grows_beyond(log.stat().st_size + 40_960):
            with pytest.raises(StoreError, match="the space that is left on it"):
                store.write(crossings(range(1, 10_000)))
            assert len(reader.crossings(["l"], 0, 10_000, 10_000)) == 1
        store.write(crossings(range(1, 10_000)))
        assert len(reader.crossings(["l"], 0, 10_000, 10_000)) == 10_000


def test_a_row_that_no_table_takes_is_refused_with_its_whole_batch(path: Path) -> None:
    with SqliteStore(path) as store, closing(SqliteReader(path)) as reader:
        bad = Rows([*crossings(range(3)).crossings, *crossings(range(-1, 0)).crossings])
        with pytest.raises(StoreError, match=r"cannot write the database .*CHECK constraint failed"):
            store.write(bad)
        assert reader.crossings(["l"], 0, 10, 10) == []


def test_readers_cannot_write(path: Path) -> None:
    SqliteStore(path).close()
    with closing(SqliteReader(path)) as reader:
        assert reader.span_us() is None
        modes = [fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE for number in open_descriptors(path)]
    assert modes == [os.O_RDONLY]


def open_descriptors(path: Path) -> list[int]:
    """Of this process, those of one file."""
    own = Path("/proc/self/fd")
    return [int(name) for name in os.listdir(own) if (own / name).exists() and (own / name).resolve() == path.resolve()]


def test_a_closed_store_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.write(crossings(range(1)))


def test_what_was_written_survives_the_end_of_the_process(path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path\n"
        "from aforo.model import Coverage, Rows; from aggregate.store.sqlite.writer import SqliteStore\n"
        "store = SqliteStore(Path(sys.argv[1]))\n"
        "store.write(Rows(coverage=[Coverage('c', 's', 60_000_000, 1, 1, 0)]))\n"
        "os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(path)], check=False).returncode == 9
    with closing(SqliteReader(path)) as reader:
        assert reader.span_us() == (60_000_000, 60_000_000)


def test_geometry_keeps_every_version_and_cameras_no_password(path: Path) -> None:
    def site(y: float) -> SiteConfiguration:
        return SiteConfiguration.model_validate(
            {
                "cameras": [
                    {
                        "id": "north",
                        "source": "rtsp://user:hunter2@10.0.0.5/stream2",
                        "lines": [{"id": "stop", "points": [[0.1, y], [0.9, y]]}],
                        "zones": [{"id": "crossing", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
                        "movements": [{"id": "m", "from": {"line": "stop"}, "to": {"zone": "crossing"}}],
                    }
                ]
            }
        )

    with SqliteStore(path) as store:
        for y in (0.5, 0.6, 0.5):
            store.register(site(y).domain())
    with closing(sqlite3.connect(path)) as connection:
        versions = connection.execute("SELECT kind, version FROM geometry ORDER BY kind").fetchall()
        (dump,) = connection.execute("SELECT group_concat(source) FROM cameras").fetchone()
    assert [kind for kind, _ in versions] == ["line", "line", "movement", "zone"]
    assert {version for kind, version in versions if kind == "line"} == {
        site(y).domain().cameras[0].lines[0].version for y in (0.5, 0.6)
    }
    assert dump == "rtsp://10.0.0.5"


def test_what_a_version_before_stored_of_an_address_is_gone_at_the_next_start(path: Path) -> None:
    site = SiteConfiguration.model_validate({"cameras": [{"id": "north", "source": "0"}]}).domain()
    stored = ["rtsp://cam/user=admin_password=hunter2", "http://cam:81/?access_token=hunter2", "rtsp://hun@ter2@c/"]
    with SqliteStore(path) as store:
        store.register(site)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO cameras VALUES (?, '', ?)", enumerate([*stored, "b:@?.avi"]))
    with SqliteStore(path) as store:
        store.register(site)
    with closing(sqlite3.connect(path)) as connection:
        left = connection.execute("SELECT source FROM cameras WHERE id != 'north' ORDER BY id").fetchall()
    assert left == [("rtsp://cam",), ("http://cam:81",), ("",), ("b:@?.avi",)]
    assert not any(b"hunter2" in file.read_bytes() for file in path.parent.iterdir())


def test_the_database_and_the_files_beside_it_are_their_owners_alone(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def modes() -> set[int]:
        return {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}

    with SqliteStore(path) as store:
        store.write(Rows(coverage=[Coverage("c", "s", 0, 1, 1, 0)]))
        assert modes() == {0o600}
        assert not caplog.messages
        for file in path.parent.iterdir():
            file.chmod(0o644)
        with SqliteStore(path):
            assert modes() == {0o600}
    assert len(caplog.messages) == 3
    assert all("now its owner alone can" in message for message in caplog.messages)


def test_questions_from_ever_new_threads_open_no_ever_new_connections(path: Path) -> None:
    with SqliteStore(path) as store:
        store.write(Rows(coverage=[Coverage("c", "s", 0, 1, 1, 0)]))
    with closing(SqliteReader(path)) as reader:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(40):
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(reader.span_us).result() == (0, 0)
        assert len(os.listdir("/proc/self/fd")) <= before
