"""What every bus must do, whichever carries the messages: in one process, or over a real Kafka."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from city import City, eventually
from count_tables import tables, without_faults
from kafka_broker import Broker

from aforo.address import Address
from aforo.clock import SystemClock
from aforo.errors import BusError, StoreError
from aforo.model import Rows
from aforo.ports import Bus
from aforo.tracked_batch import TrackedBatch
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble
from app.pipeline import CountingThread

PATIENCE_S = 60.0


class Carried:
    """A site with its bus, prepared."""

    def __init__(self, city: City, bus: Bus) -> None:
        self.city, self.bus = city, bus


@pytest.fixture(params=["memory", "kafka"])
def carried(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Carried]:
    if request.param == "memory":
        city = City(tmp_path, "nowhere:1")
        bus = assemble.open_bus(city.site.model_copy(update={"bus": Address("memory")}))
    else:
        broker: Broker = request.getfixturevalue("kafka")
        city = City(tmp_path, broker.address)
        bus = assemble.open_bus(city.site)
    assert bus.prepare(len(city.cameras), lambda: False)
    yield Carried(city, bus)


class Recorder:
    """A counter that counts nothing and remembers which frames came."""

    def __init__(self, seen: dict[str, list[int]]) -> None:
        self._seen = seen
        self.open_tracks = 0

    def add(self, batch: TrackedBatch) -> Rows:
        for frame in batch.frames():
            if not frame.last:
                self._seen[frame.camera].append(frame.index)
        return Rows()


class FailingStore(SqliteStore):
    """A store that cannot be written the first times."""

    def __init__(self, path: Path, failures: int) -> None:
        super().__init__(path)
        self.failures = failures

    def write(self, rows: Rows) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise StoreError("the disk is full")
        super().write(rows)


def test_the_rows_are_those_of_the_messages_each_once(carried: Carried, tmp_path: Path) -> None:
    messages = carried.city.messages(30)
    expected = without_faults(tmp_path / "expected.db", carried.city.cameras, messages)
    heard = Rows()
    with SqliteStore(tmp_path / "counts.db") as store:
        loop = carried.bus.open_counting(
            lambda: assemble.counting_stage(carried.city.cameras), store, SystemClock(), (heard.extend,)
        )
        counting = CountingThread(loop)
        counting.start()
        publisher = carried.bus.open_publisher(SystemClock())
        for message in messages:
            publisher.publish(message)
        publisher.close()
        assert eventually(lambda: tables(tmp_path / "counts.db") == expected, PATIENCE_S)
        counting.join(0.1)
    assert tables(tmp_path / "counts.db") == expected
    assert len({(row.session, row.track_id, row.line, row.ordinal) for row in heard.crossings}) >= len(
        expected["crossings"]
    )


def test_the_messages_of_a_camera_come_in_order_whoever_else_publishes(carried: Carried, tmp_path: Path) -> None:
    messages = carried.city.messages(10)
    by_camera = defaultdict(list)
    for message in messages:
        by_camera[message.camera].append(message)
    seen: dict[str, list[int]] = defaultdict(list)
    publisher = carried.bus.open_publisher(SystemClock())
    with SqliteStore(tmp_path / "counts.db") as store:
        counting = CountingThread(carried.bus.open_counting(lambda: Recorder(seen), store, SystemClock()))
        counting.start()
        threads = [
            threading.Thread(target=lambda mine=mine: [publisher.publish(message) for message in mine])
            for mine in by_camera.values()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        publisher.close()
        wanted = {camera: [each.index for each in mine if not each.last] for camera, mine in by_camera.items()}
        # Kafka may bring messages again after partitions moved, never before those that precede them.
        assert eventually(
            lambda: {camera: list(dict.fromkeys(indexes)) for camera, indexes in seen.items()} == wanted, PATIENCE_S
        ), dict(seen)
        counting.join(0.1)


def test_a_store_that_cannot_be_written_loses_nothing_and_is_told_meanwhile(carried: Carried, tmp_path: Path) -> None:
    messages = carried.city.messages(10)
    expected = without_faults(tmp_path / "expected.db", carried.city.cameras, messages)
    with FailingStore(tmp_path / "counts.db", failures=2) as store:
        loop = carried.bus.open_counting(lambda: assemble.counting_stage(carried.city.cameras), store, SystemClock())
        counting = CountingThread(loop)
        counting.start()
        publisher = carried.bus.open_publisher(SystemClock())
        for message in messages:
            publisher.publish(message)
        assert eventually(lambda: counting.failure == "the disk is full", PATIENCE_S)
        publisher.close()
        assert eventually(lambda: tables(tmp_path / "counts.db") == expected, PATIENCE_S)
        assert eventually(lambda: counting.failure == "", PATIENCE_S)
        counting.join(0.1)


def test_a_publisher_that_is_closed_takes_no_more(carried: Carried) -> None:
    publisher = carried.bus.open_publisher(SystemClock())
    publisher.close()
    publisher.close()
    with pytest.raises(BusError, match="closed"):
        publisher.publish(carried.city.messages(1)[0])


def test_counting_ends_when_it_is_asked_to_while_cameras_still_publish(carried: Carried, tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "counts.db") as store:
        loop = carried.bus.open_counting(lambda: assemble.counting_stage(carried.city.cameras), store, SystemClock())
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        publisher = carried.bus.open_publisher(SystemClock())
        publisher.publish(carried.city.messages(1)[0])
        loop.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
        publisher.close()


def test_a_bus_that_works_is_told_so(carried: Carried) -> None:
    found = list(carried.bus.check())
    assert found
    assert all(finding.name == "bus" and finding.ok for finding in found)
