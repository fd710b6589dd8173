"""A recording that workers read twice through a real Kafka: the rows are exactly those of the newest reading."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from city import KAFKA, City, eventually, read_topic
from kafka_broker import Broker

from aforo.bus import wire
from aforo.model import TrackedFrame

pytestmark = [*KAFKA, pytest.mark.model, pytest.mark.timeout(240)]
FRAMES, FPS = 240, 10
ANALYSE_FPS = 5


@pytest.fixture
def city(kafka: Broker, tmp_path: Path, sample_video: Path, default_model_path: Path) -> City:
    """One camera whose source is the beginning of the sample video, as a recording of its own."""
    recording = tmp_path / "begin.avi"
    capture = cv2.VideoCapture(str(sample_video))
    writer = cv2.VideoWriter(str(recording), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (768, 576))
    for _ in range(FRAMES):
        writer.write(capture.read()[1])
    writer.release()
    capture.release()
    section = {
        "id": "plaza",
        "source": str(recording),
        "starts_at": "2026-03-02T08:00:50Z",
        "analyse_fps": ANALYSE_FPS,
        "lines": [{"id": f"line-{at}", "points": [[at / 10, 0.2], [at / 10, 1.0]]} for at in range(3, 8)],
        "zones": [{"id": "centre", "polygon": [[0.25, 0.3], [0.8, 0.3], [0.8, 0.9], [0.25, 0.9]]}],
    }
    city = City(
        tmp_path, kafka.address, sections=[section], extra={"detector": {"image_size": 320, "precision": "f32"}}
    )
    city.address.create_topics(1)
    return city


def _readings(city: City) -> dict[str, list[TrackedFrame]]:
    """The messages in Kafka by session, sessions in the order in which they began, messages as they were sent."""
    found: dict[str, dict[int, TrackedFrame]] = {}
    for record in read_topic(city.address.servers, city.address.topics.frames):
        sequence, frame = wire.decode(record.value)
        found.setdefault(frame.session, {})[sequence] = frame
    return {session: [frames[number] for number in sorted(frames)] for session, frames in found.items()}


def _sessions(city: City) -> set[object]:
    """The sessions of all rows in the store."""
    return {row[1] for rows in city.counted().values() for row in rows}


def test_a_recording_read_again_after_kills_leaves_the_rows_of_one_reading(kafka: Broker, city: City) -> None:
    """The worker dies in the middle of the recording, the aggregator in the middle of the second reading."""
    kafka.must_expire_members()
    with city.process("aggregator") as first_aggregator:
        with city.process("worker") as first_worker:
            city.wait_for_some(90)
            first_worker.kill()
        (first,) = _sessions(city)
        with city.process("worker"):
            assert eventually(lambda: bool(_sessions(city) - {first}), 90), city.log.read_text()[-3000:]
            (second,) = _sessions(city)
            first_aggregator.kill()
            with city.process("aggregator"):
                assert eventually(lambda: _readings(city)[str(second)][-1].last, 90), city.log.read_text()[-3000:]
                readings = _readings(city)
                expected = city.expected(readings[str(second)])
                assert city.wait_for(expected, 40) == expected
    assert list(readings) == [first, second]
    assert len(readings[str(first)]) < len(readings[str(second)]) == FRAMES * ANALYSE_FPS // FPS + 1
    assert len(expected["crossings"]) > 3
    assert all(row[8] for row in expected["crossings"]), "nothing stays provisional"
