"""Databases made by versions before are taken over: read as they were, written on, and brought up to date once.

`tests/stored/VERSION` has what that version itself wrote, in two time zones. A new version adds a folder, and never
changes one. No number here is calculated: what stood in the database then has to be what is read today.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from postgresql_server import new_database
from timescale_wasm import running_timescale_wasm

from aforo.address import Address
from aforo.camera_state import LiveEndpoint
from aforo.config.site import SiteConfiguration
from aforo.errors import StoreError
from aforo.local_time import HOUR_US, to_us
from aforo.model import Coverage, CoverageShare, Crossing, Movement, Rows, Visit
from aforo.ports import CountReader, CountStore
from aforo.tracked_batch import POSITION
from aggregate.store.postgres.reader import PostgresReader
from aggregate.store.postgres.writer import PostgresStore
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore

STORED = Path(__file__).parents[1] / "stored"
VERSIONS = sorted(folder.name for folder in STORED.iterdir())
NEXT = "-- next\n"
"""Between the statements of TimescaleDB's files, which the server takes one by one."""

pytestmark = pytest.mark.timeout(300)


def us(clock: str, day: int = 6) -> int:
    return to_us(datetime.fromisoformat(f"2025-05-{day:02}T{clock}+00:00"))


START_US, END_US = us("00:00:00", 5), us("00:00:00", 8)


@dataclass(frozen=True, slots=True)
class Stored:
    """A database of a version before, as that version left it.

    Attributes:
        set_schema: the statement that sets the number of its schema.
    """

    set_schema: str
    store: Callable[[], CountStore]
    reader: Callable[[], CountReader]
    query: Callable[[str], list[Any]]


def sqlite(script: str, path: Path) -> Stored:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)

    def query(statement: str) -> list[Any]:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()

    return Stored("PRAGMA user_version = {}", lambda: SqliteStore(path), lambda: SqliteReader(path), query)


def postgres(statements: list[str], url: str) -> Stored:
    def query(statement: str) -> list[Any]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
        for statement in statements:
            connection.execute(statement)
    set_schema = "UPDATE schema_version SET version = {}"
    return Stored(
        set_schema, lambda: PostgresStore(Address(url)), lambda: PostgresReader(Address(url), connections=1), query
    )


@pytest.fixture(params=["bogota", "kolkata"])
def zone(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["sqlite", "postgresql", "timescale", "timescale in WebAssembly"])
def stored(request: pytest.FixtureRequest, version: str, zone: str, tmp_path: Path) -> Iterator[Stored]:
    kind = request.param.partition(" ")[0]
    script = (STORED / version / f"{kind}-{zone}.sql").read_text(encoding="utf-8")
    match request.param:
        case "sqlite":
            yield sqlite(script, tmp_path / "counts.db")
        case "timescale in WebAssembly":
            with running_timescale_wasm() as url:
                yield postgres(script.split(NEXT), url)
        case _:
            with new_database(request.getfixturevalue(kind)) as url:
                yield postgres(script.split(NEXT), url)


def site(zone: str) -> SiteConfiguration:
    timezone = {"bogota": "America/Bogota", "kolkata": "Asia/Kolkata"}[zone]
    camera = {
        "id": "north",
        "source": "rtsp://10.0.0.5/stream2",
        "lines": [{"id": "stop", "points": [[0.1, 0.5], [0.9, 0.5]]}],
        "zones": [{"id": "crossing", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
        "movements": [{"id": "through", "from": {"line": "stop"}, "to": {"zone": "crossing"}}],
    }
    return SiteConfiguration.model_validate(
        {"site": {"id": "s", "name": "Old town", "timezone": timezone}, "cameras": [camera]}
    )


def crossing(track: int, clock: str, direction: str, road_user: str, *, final: bool = True) -> Crossing:
    return Crossing("north", "s1", track, "stop", 0, us(clock), direction, road_user, final, "v1")


def volumes(reader: CountReader, kind: str, place: str, interval: str) -> list[tuple[str, str, str, int, int]]:
    """Start (day and time in UTC), direction, road user, count, of it provisional."""
    return sorted(
        (
            datetime.fromtimestamp(row.start_us / 1e6, UTC).strftime("%d %H:%M"),
            *(row.direction, row.road_user, row.count, row.provisional),
        )
        for row in reader.volumes(kind, [place], START_US, END_US, interval)
        if row.count
    )


LINE_DAYS = {
    "bogota": [
        ("05 05:00", "down", "car", 1, 0),
        ("06 05:00", "down", "car", 2, 1),
        ("06 05:00", "down", "cyclist", 1, 0),
        ("06 05:00", "up", "bus", 1, 0),
    ],
    "kolkata": [
        ("05 18:30", "down", "car", 2, 0),
        ("05 18:30", "up", "bus", 1, 0),
        ("06 18:30", "down", "car", 1, 1),
        ("06 18:30", "down", "cyclist", 1, 0),
    ],
}
LINE_HOURS = {
    "bogota": [
        ("06 04:00", "down", "car", 1, 0),
        ("06 05:00", "down", "car", 1, 0),
        ("06 18:00", "down", "car", 1, 1),
        ("06 18:00", "down", "cyclist", 1, 0),
        ("06 18:00", "up", "bus", 1, 0),
    ],
    "kolkata": [
        ("06 04:30", "down", "car", 2, 0),
        ("06 17:30", "up", "bus", 1, 0),
        ("06 18:30", "down", "car", 1, 1),
        ("06 18:30", "down", "cyclist", 1, 0),
    ],
}
LINE_QUARTERS = [
    ("06 04:45", "down", "car", 1, 0),
    ("06 05:00", "down", "car", 1, 0),
    ("06 18:15", "up", "bus", 1, 0),
    ("06 18:30", "down", "car", 1, 1),
    ("06 18:30", "down", "cyclist", 1, 0),
]
ZONE_DAYS = {
    "bogota": [("06 05:00", "entered", "pedestrian", 2, 1)],
    "kolkata": [("05 18:30", "entered", "pedestrian", 1, 0), ("06 18:30", "entered", "pedestrian", 1, 1)],
}
COVERED_DAYS = {
    "bogota": [CoverageShare(us("05:00:00"), "north", 135_000_000, 1350, 4)],
    "kolkata": [
        CoverageShare(us("18:30:00", 5), "north", 90_000_000, 900, 3),
        CoverageShare(us("18:30:00"), "north", 45_000_000, 450, 1),
    ],
}
CROSSINGS = [
    crossing(5, "18:31:00", "down", "cyclist"),
    crossing(4, "18:30:00", "down", "car", final=False),
    crossing(3, "18:29:59", "up", "bus"),
    crossing(2, "05:00:10", "down", "car"),
    crossing(1, "04:59:30", "down", "car"),
]
VISITS = [
    Visit("north", "s1", 1, "crossing", 0, us("05:00:20"), us("05:00:25"), "pedestrian", True, "v1"),
    Visit("north", "s1", 5, "crossing", 0, us("18:31:00"), None, "pedestrian", False, "v1"),
]
MOVEMENTS = [Movement("north", "s1", 2, "through", 0, us("05:00:10"), us("05:00:30"), "car", True, "v1")]


def everything(reader: CountReader) -> list[Any]:
    return [
        *(volumes(reader, "line", "stop", interval) for interval in ("1m", "15m", "1h", "1d")),
        *(volumes(reader, "zone", "crossing", interval) for interval in ("1m", "15m", "1h", "1d")),
        *(reader.coverage(["north"], START_US, END_US, interval) for interval in ("1m", "15m", "1h", "1d")),
        reader.crossings(["stop"], START_US, END_US, 100),
        reader.visits(["crossing"], START_US, END_US),
        reader.movements(START_US, END_US),
        [astuple(row) for row in reader.trajectories("north", START_US, END_US)],
        reader.live_endpoints(),
        reader.span_us(),
    ]


def test_what_was_counted_is_read_as_it_was_also_when_it_is_opened_again(stored: Stored, zone: str) -> None:
    stored.store().close()
    with closing(stored.reader()) as reader:
        found = everything(reader)
        assert volumes(reader, "line", "stop", "1d") == LINE_DAYS[zone]
        assert volumes(reader, "line", "stop", "1h") == LINE_HOURS[zone]
        assert volumes(reader, "line", "stop", "15m") == LINE_QUARTERS
        assert volumes(reader, "zone", "crossing", "1d") == ZONE_DAYS[zone]
        assert reader.coverage(["north"], START_US, END_US, "1d") == COVERED_DAYS[zone]
        assert reader.crossings(["stop"], START_US, END_US, 100) == CROSSINGS
        assert reader.visits(["crossing"], START_US, END_US) == VISITS
        assert reader.movements(START_US, END_US) == MOVEMENTS
        assert reader.live_endpoints() == [LiveEndpoint("north", "http://10.0.0.7:8001", us("18:31:00"))]
        assert reader.span_us() == (us("05:00:00"), us("18:30:00"))
        (trajectory,) = reader.trajectories("north", START_US, END_US)
    assert (trajectory.started_at_us, trajectory.ended_at_us) == (us("05:00:05"), us("05:00:10"))
    assert (trajectory.track_id, trajectory.road_user, trajectory.aspect) == (2, "car", 1.5)
    points = np.frombuffer(trajectory.points, POSITION)
    assert points["at_us"].tolist() == [us("05:00:05"), us("05:00:10")]
    boxes = [[0.1, 0.2, 0.2, 0.4], [0.4, 0.5, 0.5, 0.75]]
    np.testing.assert_allclose(points["box"], boxes, atol=1e-4)

    with stored.store() as opened_again:
        opened_again.register(site(zone).domain())
    with closing(stored.reader()) as reader:
        assert everything(reader) == found


def test_it_is_counted_on_in(stored: Stored, zone: str) -> None:
    with stored.store() as store:
        store.register(site(zone).domain())
        store.write(
            Rows(
                [crossing(4, "18:30:00", "down", "car"), crossing(6, "18:32:00", "down", "cyclist")],
                [Visit("north", "s1", 5, "crossing", 0, us("18:31:00"), us("18:31:09"), "pedestrian", True, "v1")],
                coverage=[Coverage("north", "s1", us("18:31:00"), 60_000_000, 600, 0)],
            )
        )
        store.refresh(START_US, END_US)
    with closing(stored.reader()) as reader:
        assert volumes(reader, "line", "stop", "15m")[-2:] == [
            ("06 18:30", "down", "car", 1, 0),
            ("06 18:30", "down", "cyclist", 2, 0),
        ]
        days = {"bogota": "06 05:00", "kolkata": "06 18:30"}
        pedestrians = {"bogota": 2, "kolkata": 1}
        cars = {"bogota": 2, "kolkata": 1}
        assert (days[zone], "down", "cyclist", 2, 0) in volumes(reader, "line", "stop", "1d")
        assert (days[zone], "down", "car", cars[zone], 0) in volumes(reader, "line", "stop", "1d")
        last = volumes(reader, "zone", "crossing", "1d")[-1]
        assert last == (days[zone], "entered", "pedestrian", pedestrians[zone], 0)
        hours = reader.coverage(["north"], us("18:30:00"), us("18:30:00") + HOUR_US, "15m")
        assert hours == [CoverageShare(us("18:30:00"), "north", 105_000_000, 1050, 1)]
        assert len(reader.crossings(["stop"], START_US, END_US, 100)) == 6


@pytest.mark.parametrize("zone", ["bogota"], indirect=True)
def test_it_is_refused_in_one_sentence_once_a_newer_version_had_it(stored: Stored) -> None:
    stored.store().close()
    stored.query(stored.set_schema.format(99))
    for opened in (stored.store, stored.reader):
        with pytest.raises(StoreError, match=r"it has schema 99, newer than the \d that this .* knows; update Aforo$"):
            opened()
