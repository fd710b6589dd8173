"""Publishing to a real broker: topics, order, dead letters, refusals, outages."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from city import KAFKA, City, eventually, read_topic
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka_broker import Broker, running_broker

from aforo.bus import wire
from aforo.bus.kafka_publisher import KafkaPublisher
from aforo.clock import SystemClock
from aforo.config.reading import parse_site
from aforo.errors import BusError, ConfigurationError
from aforo.model import TrackedFrame
from app import assemble

pytestmark = KAFKA


def _read(city: City, topic: str, count: int) -> list[Any]:
    """What a topic has, once it has so much."""
    assert eventually(lambda: len(read_topic(city.address.servers, topic)) >= count, 20)
    return read_topic(city.address.servers, topic)


def test_topics_are_made_with_partitions_and_retention_and_stay_when_made_again(kafka: Broker, tmp_path: Path) -> None:
    city = City(tmp_path, kafka.address, extra={"kafka": {"partitions": 3, "retention_hours": 5}})
    city.address.create_topics(6)
    city.address.create_topics(9)
    topics = city.address.topics
    with city.address.admin() as admin:
        found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
        assert (found[topics.frames], found[topics.cameras], found[topics.dead]) == (3, 9, 1)
        described = str(admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topics.frames)]))
    assert str(5 * 3_600_000) in described
    assert "LogAppendTime" in described


def test_messages_arrive_whole_and_in_order_per_camera(kafka: Broker, tmp_path: Path) -> None:
    city = City(tmp_path, kafka.address)
    city.address.create_topics(6)
    messages = city.messages(5)
    city.publish(messages)
    records = _read(city, city.address.topics.frames, len(messages))
    for camera in city.cameras:
        mine = [record for record in records if record.key == camera.id.encode()]
        assert len({record.partition for record in mine}) == 1
        decoded = [wire.decode(record.value) for record in mine]
        assert [each.sequence for each in decoded] == list(range(len(decoded)))
        assert [each.frame for each in decoded] == [frame for frame in messages if frame.camera == camera.id]


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_every_compression_is_read_back(kafka: Broker, tmp_path: Path, compression: str) -> None:
    city = City(tmp_path, kafka.address, extra={"kafka": {"partitions": 2, "compression": compression}})
    city.address.create_topics(6)
    messages = city.messages(2)
    city.publish(messages)
    records = _read(city, city.address.topics.frames, len(messages))
    assert {wire.decode(record.value).frame for record in records} == set(messages)


def test_a_broker_that_is_not_there_is_one_sentence_without_a_password() -> None:
    site = parse_site(
        "bus: kafka://127.0.0.1:1\nkafka: {security: SASL_PLAINTEXT, username: u, password: hunter2}", "site.yaml"
    )
    with pytest.raises(BusError, match=r"cannot reach Kafka at 127\.0\.0\.1:1") as caught:
        KafkaPublisher(assemble.kafka_address(site), SystemClock())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("servers", "reason"),
    [
        ("no-such-host.invalid:9092", "the host name no-such-host.invalid cannot be resolved"),
        ("a.invalid,b.invalid:1", "the host name a.invalid and b.invalid cannot be resolved"),
        ("127.0.0.1:1", "the connection is refused: nothing listens there"),
        ("SILENT", "it accepts the connection, and does not answer as Kafka within 5 s"),
    ],
)
def test_the_reason_is_the_one_that_is_known(servers: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        servers = servers.replace("SILENT", f"127.0.0.1:{silent.getsockname()[1]}")
        site = parse_site(f"bus: kafka://{servers}", "site.yaml")
        with pytest.raises(BusError, match=re.escape(f"cannot reach Kafka at {servers}: {reason}")) as caught:
            assemble.kafka_address(site).create_topics(1)
    assert ("security" in str(caught.value)) == ("accepts" in reason)


def test_credentials_in_the_address_are_refused_and_not_shown() -> None:
    site = parse_site("bus: kafka://user:hunter2@broker:9092", "site.yaml")
    with pytest.raises(ConfigurationError, match="user and password belong under the key kafka") as caught:
        assemble.kafka_address(site)
    assert "hunter2" not in str(caught.value)


def test_a_closed_publisher_refuses(kafka: Broker, tmp_path: Path) -> None:
    city = City(tmp_path, kafka.address)
    city.address.create_topics(6)
    publisher = KafkaPublisher(city.address, SystemClock())
    publisher.close()
    publisher.close()
    with pytest.raises(BusError, match="closed"):
        publisher.publish(city.messages(1)[0])


def test_while_the_broker_is_away_publishing_waits_and_then_everything_arrives(tmp_path: Path) -> None:
    with running_broker() as broker:
        city = City(tmp_path, broker.address)
        city.address.create_topics(6)
        messages = city.messages(10)
        publisher = KafkaPublisher(city.address, SystemClock(), outstanding=40)
        publisher.publish(messages[0])
        assert publisher.flush(20) == 0
        broker.kill()
        published: list[TrackedFrame] = []

        def publish() -> None:
            for message in messages[1:]:
                publisher.publish(message)
                published.append(message)

        thread = threading.Thread(target=publish, daemon=True)
        thread.start()
        assert eventually(lambda: publisher.waiting == 40)
        time.sleep(0.5)
        assert len(published) == 40, "no more than there is room for"
        broker.start()
        thread.join(60)
        assert len(published) == len(messages) - 1
        publisher.close()
        records = _read(city, city.address.topics.frames, len(messages))
        assert {wire.decode(record.value).frame for record in records} == set(messages)


def test_what_cannot_be_read_is_set_aside_and_counting_goes_on(kafka: Broker, tmp_path: Path) -> None:
    city = City(tmp_path, kafka.address)
    city.address.create_topics(6)
    topics = city.address.topics
    messages = city.messages(10)
    expected = city.expected(messages)
    city.publish(messages[: len(messages) // 2])
    producer = KafkaProducer(bootstrap_servers=city.address.servers)
    newer = b"\x09" + wire.encode(messages[0], 0)[1:]
    for value in (b"garbage", newer, b""):
        producer.send(topics.frames, key=b"sim-00000", value=value)
    producer.close()
    sequences: dict[str, int] = {}
    for message in messages[: len(messages) // 2]:
        sequences[message.camera] = sequences.get(message.camera, 0) + 1
    producer = KafkaProducer(bootstrap_servers=city.address.servers)
    for message in messages[len(messages) // 2 :]:
        sequence = sequences[message.camera]
        sequences[message.camera] += 1
        producer.send(topics.frames, key=message.camera.encode(), value=wire.encode(message, sequence))
    producer.close()
    with city.process("aggregator"):
        assert city.wait_for(expected) == expected
        dead = _read(city, topics.dead, 3)
    assert [record.value for record in dead] == [b"garbage", newer, b""]
    reasons = [dict(record.headers)["error"].decode() for record in dead]
    assert f"expected a tracked frame of version {wire.VERSION}, got version 9" in reasons[1]
    assert city.said("set aside")
