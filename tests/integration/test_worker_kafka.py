"""Workers share the cameras through Kafka's group; one that is killed loses them to the others, and no count twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest
from city import KAFKA, City, end, eventually
from kafka_broker import Broker, running_broker

from aforo.errors import BusError

pytestmark = [*KAFKA, pytest.mark.model, pytest.mark.timeout(240)]
CAMERAS = 3


@contextmanager
def _camera(video: Path, frames: int = 200, fps: float = 4.0) -> Iterator[str]:
    """A network camera: pictures of the sample, again and again, as MJPEG over HTTP; yields its address."""
    capture = cv2.VideoCapture(str(video))
    pictures = []
    for _ in range(frames):
        _, image = capture.read()
        pictures.append(cv2.imencode(".jpg", image)[1].tobytes())
    capture.release()
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=picture")
            self.end_headers()
            number = 0
            try:
                while not ended.wait(1 / fps):
                    picture = pictures[number % len(pictures)]
                    self.wfile.write(b"--picture\r\nContent-Type: image/jpeg\r\n")
                    self.wfile.write(f"Content-Length: {len(picture)}\r\n\r\n".encode() + picture + b"\r\n")
                    number += 2
            except OSError:
                return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/stream.mjpg"
        finally:
            ended.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def city(kafka: Broker, tmp_path: Path, sample_video: Path, default_model_path: Path) -> Iterator[City]:
    """Three network cameras that show the sample video."""
    with ExitStack() as stack:
        address = stack.enter_context(_camera(sample_video))
        sections: list[dict[str, object]] = [
            {
                "id": f"street-{number}",
                "source": address,
                "analyse_fps": 2,
                "lines": [{"id": f"line-{number}", "points": [[0.44, 0.2], [0.44, 1.0]]}],
            }
            for number in range(CAMERAS)
        ]
        made = City(
            tmp_path, kafka.address, sections=sections, extra={"detector": {"image_size": 320, "precision": "f32"}}
        )
        made.address.create_topics(CAMERAS)
        yield made


def _every_camera_was_seen_in(city: City, sessions: int) -> bool:
    """Whether each camera was counted in at least so many sessions."""
    pairs = {(row[0], row[1]) for row in city.counted().get("coverage", ())}
    return all(sum(camera == section.id for camera, _ in pairs) >= sessions for section in city.cameras)


def test_cameras_of_a_killed_worker_are_taken_over_and_the_rows_are_those_of_what_was_published(
    kafka: Broker, city: City
) -> None:
    kafka.must_expire_members()
    with city.process("aggregator"), city.process("worker") as first:
        assert eventually(lambda: city.times_said("runs camera") == CAMERAS, 90), city.log.read_text()[-3000:]
        assert eventually(lambda: _every_camera_was_seen_in(city, 1), 40), city.log.read_text()[-3000:]
        with city.process("worker") as second:
            assert eventually(lambda: city.times_said("hands over camera") > 0, 90), city.log.read_text()[-3000:]
            assert first.poll() is None
            moved = city.times_said("hands over camera")
            assert eventually(lambda: city.times_said("runs camera") == CAMERAS + moved, 30)
            first.kill()
            taken_over = CAMERAS + moved + CAMERAS - moved
            assert eventually(lambda: city.times_said("runs camera") == taken_over, 40), city.log.read_text()[-3000:]
            assert eventually(lambda: _every_camera_was_seen_in(city, 2), 40), city.log.read_text()[-3000:]
            end(second)
            assert second.returncode == 0, city.log.read_text()[-3000:]
        expected = city.expected_of_the_log()
        assert expected["coverage"]
        assert city.wait_for(expected) == expected
        assert all(row[8] for row in expected["crossings"])


@pytest.mark.parametrize("command", ["worker", "aggregator"])
def test_a_session_shorter_than_kafka_takes_is_refused_in_one_sentence(tmp_path: Path, command: str) -> None:
    with running_broker(properties="group.min.session.timeout.ms=6000") as broker:
        city = City(tmp_path, broker.address, extra={"kafka": {"session_seconds": 5}})
        with city.process(command) as process:
            assert process.wait(90) == BusError.exit_code
        assert city.said("does not take session_seconds: 5 under the key kafka; give at least its group.min.session")
        assert not city.said("Traceback")
