"""Every parameter of the address of a store or bus is used, or refused by name."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from postgresql_server import new_database
from psycopg import conninfo

from aforo.address import Address
from aforo.bus.kafka_connection import KafkaAddress
from aforo.bus.settings import KafkaSettings
from aforo.errors import ConfigurationError, StoreError
from aggregate.store.postgres.backend import PostgresBackend
from aggregate.store.postgres.session import session_text
from aggregate.store.postgres.settings import TimescaleSettings
from aggregate.store.sqlite.backend import SqliteBackend

POSTGRES = "postgresql://me:hunter2@127.0.0.1:1/counts"


@pytest.mark.parametrize("query", ["mode=ro", "mode=memory", "cache=shared", "x", "", "a=1&b=2"])
def test_sqlite_takes_no_parameters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=f"takes no parameters, got '{query.partition('=')[0]}'"):
        SqliteBackend(Address(f"sqlite:///counts.db?{query}")).open_writer()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [":memory:", "file:counts.db"])
def test_sqlite_takes_the_name_of_a_file_alone(name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a file"):
        SqliteBackend(Address(f"sqlite:///{name}"))


@pytest.mark.parametrize(
    "address", ["kafka://h:9092?acks=0", "kafka://h:9092/topic?acks=0", "kafka://a,b/t?acks=0&x=1"]
)
def test_kafka_takes_no_parameters(address: str) -> None:
    with pytest.raises(ConfigurationError, match="takes no parameters, got 'acks'"):
        KafkaAddress(Address(address), KafkaSettings())


@pytest.mark.parametrize(
    ("query", "name", "value"),
    [
        ("connect_timeout=17", "connect_timeout", "17"),
        ("application_name=bogota", "application_name", "bogota"),
        ("sslmode=require", "sslmode", "require"),
        ("options=-csearch_path%3Dstreets", "options", "-csearch_path=streets -c timezone=UTC"),
        ("target_session_attrs=read-write", "target_session_attrs", "read-write"),
        ("keepalives_idle=5", "keepalives_idle", "5"),
        ("", "options", "-c timezone=UTC"),
        ("", "connect_timeout", "3"),
    ],
)
def test_postgresql_uses_what_it_is_given(query: str, name: str, value: str) -> None:
    text = session_text(Address(f"{POSTGRES}?{query}" if query else POSTGRES))
    assert str(conninfo.conninfo_to_dict(text)[name]) == value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("dbname=other", "dbname is given 2 times"),
        ("user=root", "user is given 2 times"),
        ("password=x", "password is given 2 times"),
        ("host=elsewhere", "host is given 2 times"),
        ("sslmode=disable&sslmode=require", "sslmode is given 2 times"),
        ("options=-ctimezone%3DAsia/Tokyo", "timezone is set by Aforo itself"),
        ("options=-c%20TimeZone%3DAsia/Tokyo", "TimeZone is set by Aforo itself"),
        ("options=--default-transaction-read-only%3Doff", "default-transaction-read-only is set by Aforo itself"),
    ],
)
def test_postgresql_is_told_everything_once(query: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        session_text(Address(f"{POSTGRES}?{query}"))


def test_a_parameter_that_nobody_knows_is_named() -> None:
    with pytest.raises(StoreError, match="conect_timeout"):
        PostgresBackend(Address(f"{POSTGRES}?conect_timeout=3"), TimescaleSettings()).open_writer()


def test_tables_land_in_the_schema_that_the_address_names(postgresql: str) -> None:
    with new_database(postgresql) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE SCHEMA streets")
        mark = "&" if "?" in url else "?"
        backend = PostgresBackend(Address(f"{url}{mark}options=-csearch_path%3Dstreets"), TimescaleSettings())
        backend.open_writer().close()
        backend.open_reader().close()
        with psycopg.connect(url) as connection:
            found = connection.execute(
                "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename = 'crossings'"
            ).fetchall()
    assert found == [("streets",)]
