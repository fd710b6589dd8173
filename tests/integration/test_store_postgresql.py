"""What is PostgreSQL's own: several processes at once, a server that goes away, roll-ups kept by triggers."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import astuple
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from postgresql_server import PASSWORD, new_database, running_postgresql

from aforo.address import Address
from aforo.bus.row_writer import RowWriter
from aforo.clock import ManualClock
from aforo.config.site import SiteConfiguration
from aforo.errors import StoreError
from aforo.model import MINUTE_US, Coverage, Crossing, Rows, TrackKey, Visit
from aggregate.store.postgres.pool import Database
from aggregate.store.postgres.reader import PostgresReader
from aggregate.store.postgres.rollups import REBUILD
from aggregate.store.postgres.schema import migrations
from aggregate.store.postgres.writer import PostgresStore
from app.web_process import open_reader

NOON_US = 1_746_532_800_000_000


@pytest.fixture
def url(postgresql: str) -> Iterator[str]:
    with new_database(postgresql) as address:
        yield address


def crossing(track: int, at_us: int = NOON_US, *, final: bool = True, road_user: str = "car") -> Crossing:
    return Crossing("north", "s", track, "stop", 0, at_us, "in", road_user, final, "v")


def query(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def all_at_once(count: int, work: Any) -> list[BaseException]:
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_several_writers_can_make_the_same_empty_database(url: str) -> None:
    assert all_at_once(6, lambda _: PostgresStore(Address(url)).close()) == []
    assert query(url, "SELECT version FROM schema_version") == [(len(migrations()),)]


def test_two_writers_of_one_camera_leave_each_row_once(url: str) -> None:
    PostgresStore(Address(url)).close()
    batches = [Rows([crossing(track, NOON_US + track, final=final) for track in range(50)]) for final in (False, True)]

    def write(number: int) -> None:
        with PostgresStore(Address(url)) as store:
            for batch in batches[:: 1 if number % 2 else -1]:
                store.write(batch)

    assert all_at_once(4, write) == []
    with closing(PostgresReader(Address(url))) as reader:
        rows = reader.crossings(["stop"], 0, 2 * NOON_US, 1000)
        (volume,) = reader.volumes("line", ["stop"], 0, 2 * NOON_US, "1d")
    assert len(rows) == 50
    assert all(row.final for row in rows)
    assert (volume.count, volume.provisional) == (50, 0)


def test_writing_works_again_when_the_database_is_back(url: str) -> None:
    name, server = url.rpartition("/")[2], f"{url.rpartition('/')[0]}/postgres"
    with PostgresStore(Address(url)) as store, closing(PostgresReader(Address(url))) as reader:
        store.write(Rows([crossing(1)]))
        query(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        query(server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        with pytest.raises(StoreError, match=r"cannot write the database postgresql://127\.") as failure:
            store.write(Rows([crossing(2)]))
        assert PASSWORD not in str(failure.value)
        with pytest.raises(StoreError, match="cannot read the database"):
            reader.span_us()
        query(server, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        store.write(Rows([crossing(2, NOON_US + 1)]))
        assert [row.track_id for row in reader.crossings(["stop"], 0, 2 * NOON_US, 9)] == [2, 1]


def test_a_batch_that_fails_leaves_nothing(url: str) -> None:
    with PostgresStore(Address(url)) as store, closing(PostgresReader(Address(url))) as reader:
        with pytest.raises(StoreError, match="violates check constraint"):
            store.write(Rows([crossing(1), crossing(2, -1)]))
        assert reader.crossings(["stop"], 0, 2 * NOON_US, 9) == []
        assert list(reader.volumes("line", ["stop"], 0, 2 * NOON_US, "1h")) == []


@pytest.mark.parametrize("opened", [PostgresStore, PostgresReader])
def test_a_wrong_password_and_a_malformed_address_are_told_without_the_password(url: str, opened: Any) -> None:
    for address in (url.replace(PASSWORD, "topsecret"), url.replace(PASSWORD, "topsecret%20zz")):
        with pytest.raises(StoreError, match="cannot open the database") as failure:
            opened(Address(address))
        assert "topsecret" not in str(failure.value)


def test_a_schema_of_another_time_and_an_empty_database_are_refused(url: str) -> None:
    with pytest.raises(StoreError, match="no tables of Aforo"):
        PostgresReader(Address(url))
    PostgresStore(Address(url)).close()
    for version, told in ((99, "schema 99, newer than"), (1, "schema 1, of a development version")):
        query(url, f"UPDATE schema_version SET version = {version}")
        for opened in (PostgresStore, PostgresReader):
            with pytest.raises(StoreError, match=told):
                opened(Address(url))


def test_cameras_are_registered_without_their_passwords(url: str) -> None:
    camera = {"id": "north", "source": "rtsp://user:topsecret@10.0.0.5/s", "lines": []}
    with PostgresStore(Address(url)) as store:
        store.register(SiteConfiguration.model_validate({"cameras": [camera]}).domain())
    assert query(url, "SELECT source FROM cameras") == [("rtsp://10.0.0.5",)]


def test_roll_ups_kept_by_triggers_equal_those_made_from_all_rows(url: str) -> None:
    visits = [Visit("north", "s", track, "zone", 0, NOON_US + track, None, "car", False, "v") for track in range(9)]
    seen = [Coverage("north", "s", NOON_US + k * MINUTE_US, 50 + k, 5, 1) for k in range(90)]
    with PostgresStore(Address(url)) as store:
        store.register(SiteConfiguration.model_validate({"site": {"timezone": "America/Bogota"}}).domain())
        store.write(Rows([crossing(k, NOON_US + k * 7 * MINUTE_US, final=False) for k in range(300)], visits, [], seen))
        store.write(Rows([crossing(k, NOON_US + k * 7 * MINUTE_US, road_user="bus") for k in range(0, 300, 3)]))
        store.write(Rows(coverage=[Coverage("north", "s", NOON_US, 60, 4, 3)], voided=[TrackKey("north", "s", 4)]))
    # Triggers leave classes that nobody is left of as zeros.
    volumes = "SELECT * FROM volume_1h ORDER BY kind, place, start, direction, road_user"
    coverage = "SELECT * FROM coverage_days ORDER BY camera, start"
    kept = query(url, volumes), query(url, coverage)
    query(url, REBUILD)
    assert (query(url, volumes), query(url, coverage)) == kept
    assert len(kept[0]) > 4


def test_the_views_of_hours_and_days_show_what_the_reader_says(url: str) -> None:
    day_us = 24 * 60 * MINUTE_US
    rows = [
        crossing(k, NOON_US + k * 7 * MINUTE_US, final=k % 3 > 0, road_user=("car", "bus")[k % 2]) for k in range(9)
    ]
    with PostgresStore(Address(url)) as store:
        store.write(Rows([*rows, crossing(99, NOON_US + day_us)]))
    names = "start_us, kind, place, direction, road_user, count, provisional"
    with closing(PostgresReader(Address(url))) as reader:
        for interval in ("1h", "1d"):
            shown = query(url, f"SELECT {names} FROM volume_{interval} ORDER BY start_us, road_user")
            told = [astuple(row) for row in reader.volumes("line", ["stop"], 0, 2 * NOON_US, interval)]
            assert sorted(told) == shown
    # A class of the day before has its place in the day, although nobody of it came.
    days = "SELECT road_user, sum(count)::int FROM volume_hours GROUP BY day, road_user ORDER BY day, road_user"
    assert query(url, days) == [("bus", 4), ("car", 5), ("bus", 0), ("car", 1)]


def test_packed_numbers_are_added_to_whatever_their_size(url: str) -> None:
    numbers = (1, 255, 256, 65_535, 65_536, 2**24 + 1, 2**31 - 2)
    observed = (1, 2**31, 3_600_000_000, 2**32 + 5, 2**40)
    PostgresStore(Address(url)).close()
    for number in numbers:
        ((found,),) = query(url, f"SELECT int4_at('\\xff'::bytea || int4send({number} + 1), 1)")
        assert found == number + 1
    for number in observed:
        ((found,),) = query(url, f"SELECT int8_at('\\xff'::bytea || int8send({number}), 1)")
        assert found == number
    with PostgresStore(Address(url)) as store, closing(PostgresReader(Address(url))) as reader:
        for batch in range(3):
            tracks = range(batch * 200, (batch + 1) * 200)
            store.write(Rows([crossing(track, NOON_US + track, final=track % 2 > 0) for track in tracks]))
        (hour,) = reader.volumes("line", ["stop"], 0, 2 * NOON_US, "1h")
    assert (hour.count, hour.provisional) == (600, 300)


@pytest.fixture
def stranger(url: str) -> Iterator[str]:
    """The address of the same database for a user who was given nothing, as every new one in PostgreSQL 15."""
    name = f"stranger_{uuid.uuid4().hex[:8]}"
    query(url, f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    query(url, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield url.replace(urlsplit(url).username or "", name, 1)
    query(url, f"DROP OWNED BY {name}")
    query(url, f"DROP ROLE {name}")


def test_a_missing_right_is_named_with_the_statement_that_gives_it(url: str, stranger: str) -> None:
    with pytest.raises(StoreError, match="permission denied for schema public; run as the owner") as caught:
        PostgresStore(Address(stranger))
    assert "GRANT USAGE, CREATE ON SCHEMA public TO the user in `store`" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    user = urlsplit(stranger).username
    query(url, f"GRANT USAGE, CREATE ON SCHEMA public TO {user}")
    PostgresStore(Address(stranger)).close()


def test_who_may_only_read_is_told_what_to_grant_and_reads_then(url: str, stranger: str) -> None:
    PostgresStore(Address(url)).close()
    with pytest.raises(StoreError, match=r"GRANT SELECT ON ALL TABLES IN SCHEMA public TO the user in `store`"):
        PostgresReader(Address(stranger))
    query(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {urlsplit(stranger).username}")
    PostgresReader(Address(stranger)).close()


def test_the_web_process_answers_from_a_database_that_it_may_only_read(url: str, stranger: str) -> None:
    def site(store: str, timezone: str = "America/Bogota") -> SiteConfiguration:
        return SiteConfiguration.model_validate({"site": {"id": "s", "timezone": timezone}, "store": store})

    with pytest.raises(StoreError, match="GRANT USAGE, CREATE ON SCHEMA public"):
        open_reader(site(stranger))
    open_reader(site(url)).close()
    query(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {urlsplit(stranger).username}")
    with closing(open_reader(site(stranger))) as reader:
        assert reader.timezone() == "America/Bogota"
        assert reader.span_us() is None
    with pytest.raises(StoreError, match="its hours are those of America/Bogota, not of Europe/Madrid"):
        open_reader(site(stranger, "Europe/Madrid"))


READ_ONLY = {
    "database": ("ALTER DATABASE {database}", ""),
    "role": ("ALTER ROLE aforo IN DATABASE {database}", ""),
    "server": ("ALTER SYSTEM", "SELECT pg_reload_conf()"),
}
"""Who says that nothing may be written, and how open sessions hear of it."""


@pytest.mark.parametrize("who", READ_ONLY)
def test_a_write_succeeds_exactly_when_its_rows_are_there_whoever_makes_the_database_read_only(who: str) -> None:
    """Nothing is restarted: once writing is allowed again, the same writer writes what waited."""
    with (
        running_postgresql() as server,
        new_database(server) as url,
        PostgresStore(Address(url)) as store,
        psycopg.connect(server, autocommit=True) as administrator,
    ):
        administrator.execute("SET default_transaction_read_only = off")
        writer = RowWriter(store, ManualClock())
        statement, reload = (text.format(database=url.rpartition("/")[2]) for text in READ_ONLY[who])

        def change(setting: str, *, heard: bool) -> None:
            administrator.execute(f"{statement} {setting}")
            if reload:
                administrator.execute(reload)
            if heard:
                administrator.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'aforo'"
                )

        def written(rows: Rows) -> bool:
            """Whether it is said to be written; that is asked of the database as well."""
            said = writer.write(rows)
            sessions = sorted(session for (session,) in query(url, "SELECT DISTINCT session FROM coverage"))
            assert said is (rows.coverage[0].session in sessions) is (writer.health.failure == ""), sessions
            return said

        earlier, newest, live = (Rows(coverage=[Coverage("north", name, 0, 1, 1, 0)]) for name in (*READINGS, "live"))
        assert written(newest)
        change("SET default_transaction_read_only = on", heard=True)
        assert not any(written(live) for _ in range(4))
        assert "read-only" in writer.health.failure
        assert not writer.write(earlier), "of which nothing would be left to write"
        assert "read-only" in writer.health.failure
        change("RESET default_transaction_read_only", heard=False)
        assert any(written(live) for _ in range(100)), writer.health.failure


@pytest.mark.parametrize("way", ["connection", "autocommit"])
def test_a_session_that_became_read_only_is_not_used_again(postgresql: str, way: str) -> None:
    """`autocommit` is what the aggregates of TimescaleDB are refreshed with."""
    with new_database(postgresql) as url, closing(Database(Address(url), size=1)) as database:
        with getattr(database, way)("write") as connection:
            connection.execute("SET default_transaction_read_only = on")
        with pytest.raises(StoreError, match="read-only"), getattr(database, way)("write") as connection:
            connection.execute("CREATE TABLE t ()")
        with getattr(database, way)("write") as connection:
            connection.execute("CREATE TABLE t ()")


READINGS = tuple(f"rec-0123456789abcdef~{number:016x}" for number in (1, 2))
