"""A small city for tests: a site file on Kafka and SQLite, and its processes as real subprocesses."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from count_tables import Tables, tables, without_faults
from kafka import KafkaConsumer, TopicPartition
from kafka_broker import shortest_session_s

from aforo.bus import wire
from aforo.bus.kafka_publisher import KafkaPublisher
from aforo.bus.partition_counter import LogRecords, PartitionCounter
from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.model import Rows, TrackedFrame
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble
from app.validation.synthetic_traffic import START_US, camera_section, traffic

KAFKA = [
    # kafka-python leaves the sockets of connections that failed to the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket:pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("garbage_collected"),
]
"""Marks of test modules that use Kafka."""

REPOSITORY = Path(__file__).parents[1]
_numbers = itertools.count()


def _counted(counter: PartitionCounter, position: int, at_ms: int, value: bytes) -> Rows:
    """The rows of one message of a log."""
    batch, sequence, _ = wire.decode_all([value])
    return counter.add(LogRecords([position], [at_ms], sequence, batch))


class City:
    """A site with simulated cameras on a broker, and a topic of its own.

    Args:
        folder: for its files.
        broker: host:port of Kafka.
        cameras: how many.
        sections: the cameras, when they are not simulated.
        extra: more keys of the site file.
    """

    def __init__(
        self,
        folder: Path,
        broker: str,
        cameras: int = 6,
        *,
        sections: list[dict[str, object]] | None = None,
        store: str | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        self.folder = folder
        self.store = folder / "counts.db"
        self.config = folder / "site.yaml"
        self.log = folder / "processes.log"
        simulated = [
            camera_section(number).model_dump(mode="json", by_alias=True, exclude_defaults=True)
            | {"source": "simulated"}
            for number in range(cameras)
        ]
        document = {
            "bus": f"kafka://{broker}/test-{next(_numbers)}",
            "store": store or f"sqlite:///{self.store}",
            "kafka": {"partitions": 4, "session_seconds": shortest_session_s()},
            "cameras": simulated if sections is None else sections,
        }
        self.config.write_text(yaml.safe_dump(document | (extra or {})))
        self.site: SiteConfiguration = load_site(self.config)
        self.address = assemble.kafka_address(self.site)

    @property
    def cameras(self) -> list[CameraSection]:
        """The cameras of the site."""
        return self.site.cameras

    def messages(self, seconds: float, seed: int = 1, road_users: int = 4) -> list[TrackedFrame]:
        """Synthetic traffic of all cameras, with the turn of a minute in it."""
        frames, _ = traffic(
            range(len(self.cameras)),
            fps=5,
            road_users=road_users,
            seconds=seconds,
            seed=seed,
            start_us=START_US + 45_000_000,
        )
        return list(frames)

    def expected(self, messages: Iterable[TrackedFrame]) -> Tables:
        """The rows of a run without faults."""
        path = self.folder / "expected.db"
        path.unlink(missing_ok=True)
        return without_faults(path, self.cameras, messages)

    def expected_of_partitions(self, messages: Iterable[TrackedFrame]) -> Tables:
        """The rows when sessions have no end: of one reader that is never disturbed."""
        path = self.folder / "expected.db"
        path.unlink(missing_ok=True)
        counter = PartitionCounter(assemble.counting_stage(self.cameras))
        sequences: dict[tuple[str, str], int] = {}
        rows = Rows()
        for position, message in enumerate(messages):
            key = message.camera, message.session
            sequence = sequences[key] = sequences.get(key, -1) + 1
            rows.extend(_counted(counter, position, position, wire.encode(message, sequence)))
        with SqliteStore(path) as store:
            store.write(rows)
        return tables(path)

    def expected_of_the_log(self) -> Tables:
        """The rows of what is in the topic now: of one reader that is never disturbed."""
        path = self.folder / "expected.db"
        path.unlink(missing_ok=True)
        counters: dict[int, PartitionCounter] = {}
        rows = Rows()
        for record in read_topic(self.address.servers, self.address.topics.frames):
            counter = counters.setdefault(record.partition, PartitionCounter(assemble.counting_stage(self.cameras)))
            rows.extend(_counted(counter, record.offset, record.timestamp, record.value))
        with SqliteStore(path) as store:
            store.write(rows)
        return tables(path)

    def committed(self) -> int:
        """The sum of the positions that the aggregators have committed."""
        with self.address.admin() as admin:
            group = self.address.topics.aggregators
            offsets = admin.list_group_offsets([group])[group]
        return sum(position.offset for position in offsets.values())

    def counted(self) -> Tables:
        """The rows in the store now."""
        return tables(self.store)

    def publish(self, messages: Iterable[TrackedFrame], pause_s: float = 0.0) -> None:
        """Publish messages, with a pause after each."""
        publisher = KafkaPublisher(self.address, SystemClock())
        try:
            for message in messages:
                publisher.publish(message)
                if pause_s:
                    time.sleep(pause_s)
        finally:
            publisher.close(timeout_s=120)

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """An `aforo` command on this site, ended with the test."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "app.cli.main", *arguments, "-c", str(self.config)]
            with subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log) as process:
                try:
                    yield process
                finally:
                    end(process)

    def wait_for(self, expected: Tables, timeout_s: float = 60.0) -> Tables:
        """Wait until the store has exactly those rows; returns what it has in the end."""
        eventually(lambda: self.counted() == expected, timeout_s)
        return self.counted()

    def wait_for_some(self, timeout_s: float = 60.0) -> None:
        """Wait until something was counted."""
        assert eventually(lambda: bool(self.counted().get("crossings")), timeout_s), self.log.read_text()[-3000:]

    def said(self, text: str) -> bool:
        """Whether a process has said that."""
        return self.times_said(text) > 0

    def times_said(self, text: str) -> int:
        """How often the processes have said that."""
        return self.log.read_text().count(text) if self.log.exists() else 0


def read_topic(servers: list[str], topic: str) -> list[Any]:
    """All records of a topic, as they are now."""
    consumer = KafkaConsumer(bootstrap_servers=servers)
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(partitions)
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        records: list[Any] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for batch in consumer.poll(timeout_ms=500).values():
                records += batch
        return records
    finally:
        consumer.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and wait; a stopped one goes on first."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def eventually(condition: Callable[[], bool], timeout_s: float = 60.0) -> bool:
    """Wait for a condition, which is a matter of other processes; whether it came."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
