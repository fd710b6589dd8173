"""The fault matrix: whatever breaks, the rows are exactly those of a run without faults.

Real processes on a real broker; the expected rows come from one aggregator that reads the same messages in order,
through no bus at all.
"""

from __future__ import annotations

import itertools
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from city import KAFKA, City, end, eventually
from kafka import KafkaProducer
from kafka_broker import Broker, running_broker

from aforo.bus import wire
from aforo.bus.kafka_publisher import KafkaPublisher
from aforo.clock import SystemClock
from aforo.model import TrackedFrame

pytestmark = KAFKA
SECONDS = 30
PAUSE_S = 0.004


@pytest.fixture
def city(kafka: Broker, tmp_path: Path) -> City:
    """Six cameras on the shared broker."""
    made = City(tmp_path, kafka.address)
    made.address.create_topics(len(made.cameras))
    return made


@contextmanager
def _publishing(city: City, messages: list[TrackedFrame], pause_s: float = PAUSE_S) -> Iterator[threading.Thread]:
    """Messages come while the faults happen; waits for the last of them."""
    thread = threading.Thread(target=city.publish, args=(messages, pause_s), daemon=True)
    thread.start()
    yield thread
    thread.join(120)
    assert not thread.is_alive()


def test_without_faults(city: City) -> None:
    messages = city.messages(SECONDS)
    expected = city.expected(messages)
    city.publish(messages)
    with city.process("aggregator"):
        assert city.wait_for(expected) == expected
    assert all(len(rows) > 10 for rows in expected.values())


def test_aggregator_killed_again_and_again(kafka: Broker, city: City) -> None:
    """Each is killed while it counts; the next has its partitions when the group has noticed."""
    kafka.must_expire_members()
    messages = city.messages(60)
    expected = city.expected(messages)
    with _publishing(city, messages, pause_s=0.008):
        for number in range(1, 4):
            with city.process("aggregator") as process:
                assert eventually(lambda: city.times_said("counts partitions") >= number)  # noqa: B023 -- at once
                time.sleep(1)
                process.kill()
        assert city.counted() != expected, "all three were killed before the end"
    with city.process("aggregator"):
        assert city.wait_for(expected) == expected


def test_rebalance_under_load_from_two_to_three_to_one_aggregators(kafka: Broker, city: City) -> None:
    kafka.must_expire_members()
    messages = city.messages(60)
    expected = city.expected(messages)
    with (
        city.process("aggregator") as first,
        city.process("aggregator") as second,
        _publishing(city, messages, pause_s=0.008),
    ):
        city.wait_for_some()
        with city.process("aggregator"):
            assert eventually(lambda: city.times_said("hands over") > 0)
            time.sleep(1)
            end(first)
            second.kill()
            assert city.wait_for(expected, 90) == expected


def test_broker_killed_and_started_again(tmp_path: Path) -> None:
    with running_broker() as broker:
        city = City(tmp_path, broker.address)
        city.address.create_topics(len(city.cameras))
        messages = city.messages(SECONDS)
        expected = city.expected(messages)
        with city.process("aggregator"):
            with _publishing(city, messages):
                city.wait_for_some()
                broker.kill()
                time.sleep(2)
                broker.start()
            assert city.wait_for(expected) == expected


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_broker_away_for_a_minute(tmp_path: Path) -> None:
    with running_broker() as broker:
        city = City(tmp_path, broker.address)
        city.address.create_topics(len(city.cameras))
        messages = city.messages(SECONDS)
        expected = city.expected(messages)
        with city.process("aggregator"):
            with _publishing(city, messages):
                city.wait_for_some()
                broker.stop()
                time.sleep(60)
                broker.start()
            assert city.wait_for(expected, 120) == expected


def test_broker_that_came_back_with_its_log_cut_short(tmp_path: Path) -> None:
    """What was counted stays, what comes is counted, and the process says what happened."""
    with running_broker() as broker:
        city = City(tmp_path, broker.address)
        city.address.create_topics(len(city.cameras))
        messages = city.messages(SECONDS)
        after = [
            replace(message, session="after", captured_at_us=message.captured_at_us + 10**8) for message in messages
        ]
        with city.process("aggregator"):
            city.publish(messages)
            counted = city.expected(messages)
            assert city.wait_for(counted) == counted
            assert eventually(lambda: city.committed() > 0)
            broker.kill()
            for log in broker.partition_logs(city.address.topics.frames):
                for file in itertools.chain(log.glob("*.log"), log.glob("*.*index"), log.glob("*.snapshot")):
                    file.unlink()
                (log / "leader-epoch-checkpoint").unlink(missing_ok=True)
            broker.start()
            assert eventually(lambda: city.said("cut short") or city.said("came back without"))
            city.publish(after)
            both = city.expected([*messages, *after])
            assert city.wait_for(both) == both, city.log.read_text()[-6000:]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_database_away_for_a_minute(city: City) -> None:
    _lock_the_database(city, 60)


def test_database_away(city: City) -> None:
    _lock_the_database(city, 8)


def _lock_the_database(city: City, seconds: float) -> None:
    """Another program holds the database's lock, longer than SQLite waits for it."""
    messages = city.messages(SECONDS)
    expected = city.expected(messages)
    with city.process("aggregator"):
        with _publishing(city, messages):
            city.wait_for_some()
            with closing(sqlite3.connect(city.store, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                time.sleep(seconds)
                other.execute("ROLLBACK")
        assert city.wait_for(expected) == expected
    assert city.said("trying again every")
    assert city.said("the store works again")


def test_disk_full_for_the_store(city: City) -> None:
    """The limit on file sizes that every process has is, to SQLite, a disk without room; then it is lifted."""
    messages = city.messages(SECONDS)
    expected = city.expected(messages)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    def ready() -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=20)
        body = answer.json()
        assert (body["status"] == "ready") is (answer.status_code == 200) is (body["writing"]["failure"] == "")
        return answer.status_code, body

    with city.process("aggregator", "--metrics-port", str(port)) as process:
        with _publishing(city, messages):
            city.wait_for_some()
            assert ready()[0] == 200
            size = max(path.stat().st_size for path in city.folder.glob("counts.db*"))
            unlimited = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            assert eventually(lambda: ready()[0] == 503, 10), "within ten seconds"
            assert eventually(lambda: city.said("trying again every"))
            for _ in range(6):  # and for as long as it lasts
                time.sleep(0.5)
                status, body = ready()
                assert status == 503
                assert body["reasons"] == [body["writing"]["failure"]]
                assert "cannot write the database" in body["writing"]["failure"]
                assert body["writing"]["rows_waiting"] > 0
            assert body["writing"]["failing_s"] > 2
            assert not city.said("the store works again")
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
            assert eventually(lambda: ready()[0] == 200)
        assert city.wait_for(expected) == expected
        assert ready()[1]["writing"]["rows_waiting"] == 0
    assert city.said("the store works again")


def test_duplicate_and_reordered_delivery(kafka: Broker, city: City) -> None:
    kafka.must_expire_members()
    messages = city.messages(SECONDS)
    expected = city.expected(messages)
    sequences: dict[str, int] = {}
    sent: list[tuple[str, bytes]] = []
    for message in messages:
        sequence = sequences[message.camera] = sequences.get(message.camera, -1) + 1
        sent.append((message.camera, wire.encode(message, sequence)))
    for start in range(0, len(sent) - 60, 45):
        block = sent[start : start + 30]
        sent[start : start + 30] = [*reversed(block)] if start % 2 else [*block, *block[5:25]]
    with city.process("aggregator") as first:
        _send(city, sent[: len(sent) // 2])
        city.wait_for_some()
        first.kill()
    with city.process("aggregator"):
        _send(city, sent[len(sent) // 2 :])
        assert city.wait_for(expected) == expected


def _send(city: City, values: list[tuple[str, bytes]]) -> None:
    producer = KafkaProducer(bootstrap_servers=city.address.servers)
    for camera, value in values:
        producer.send(city.address.topics.frames, key=camera.encode(), value=value)
    producer.close()


def test_clock_stepped_back(city: City) -> None:
    """The cameras begin new sessions an hour earlier, as `ingest` does when the clock goes back."""
    before = [message for message in city.messages(15) if not message.last]
    after = [
        replace(message, session="after-the-step", captured_at_us=message.captured_at_us - 3_600_000_000)
        for message in city.messages(15, seed=2)
    ]
    ends = [
        TrackedFrame(
            message.camera, message.session, message.index + 1, message.captured_at_us, 0, 1920, 1080, last=True
        )
        for message in before[-len(city.cameras) :]
    ]
    messages = [*before, *ends, *after]
    expected = city.expected(messages)
    with city.process("aggregator"):
        with _publishing(city, messages):
            city.wait_for_some()
        assert {row[1] for row in city.wait_for(expected)["coverage"]} == {"simulated-1", "after-the-step"}
        assert city.counted() == expected


def test_publisher_killed(kafka: Broker, city: City) -> None:
    """Its sessions end where they were cut off, and the successor's are counted; nothing stays provisional."""
    kafka.must_expire_members()
    cut = city.messages(SECONDS)[:400]
    after = [
        replace(message, session="successor", captured_at_us=message.captured_at_us + 60_000_000)
        for message in city.messages(10, seed=2)
    ]
    publisher = KafkaPublisher(city.address, SystemClock())
    for message in cut:
        publisher.publish(message)
    assert publisher.flush(20) == 0
    with city.process("aggregator") as process:
        city.wait_for_some()
        process.kill()
    for message in after:
        publisher.publish(message)
    publisher.close()
    expected = city.expected_of_partitions([*cut, *after])
    with city.process("aggregator"):
        assert city.wait_for(expected) == expected
    assert all(row[8] for row in expected["crossings"])


def test_an_aggregator_that_is_asked_to_end_leaves_the_rest_to_another(city: City) -> None:
    messages = city.messages(SECONDS)
    expected = city.expected(messages)
    with _publishing(city, messages), city.process("aggregator") as process:
        city.wait_for_some()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with city.process("aggregator"):
        assert city.wait_for(expected) == expected
