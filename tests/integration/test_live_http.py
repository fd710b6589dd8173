"""Live pictures and events over real HTTP: a real server, clients that come, stay, and go."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from live_world import Town, town

from aforo.camera_state import Problem
from aforo.model import Crossing, Rows
from api.live.hub import CROSSINGS_KEPT

VIDEO = "/v1/live/camera-0.mjpg"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Town]:
    with Town(tmp_path, town(2)).running() as running:
        until(lambda: running.hub.newest("camera-1") is not None)
        yield running


def until(condition: Any) -> None:
    """Wait for something that must come about; how long it takes is not what is tested."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def parts(answer: httpx.Response) -> Iterator[bytes]:
    """JPEG pictures out of a multipart stream, by its own boundary and lengths."""
    boundary = b"--" + answer.headers["content-type"].split("boundary=")[1].encode()
    buffer = b""
    for piece in answer.iter_bytes():
        buffer += piece
        while b"\r\n\r\n" in buffer:
            head, rest = buffer.split(b"\r\n\r\n", 1)
            assert head.strip().startswith(boundary)
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if len(rest) < length + 2:
                break
            yield rest[:length]
            buffer = rest[length + 2 :]


def decoded(jpeg: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


def events(answer: httpx.Response) -> Iterator[tuple[str, dict[str, Any], str | None]]:
    """Kind, content and id of each server-sent event."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields:
            if "data" in fields:
                yield fields["event"], json.loads(fields["data"]), fields.get("id")
            fields = {}


def test_video_is_a_stream_of_pictures_of_the_camera(running: Town) -> None:
    with httpx.stream("GET", running.url + VIDEO) as answer:
        assert answer.status_code == 200
        pictures = parts(answer)
        first, second = decoded(next(pictures)), decoded(next(pictures))
        assert first.shape == second.shape == (360, 640, 3)
        assert np.any(first != second), "it moves"


def test_video_is_drawn_for_as_long_as_somebody_watches(running: Town) -> None:
    assert running.hub.viewers == 0
    with httpx.stream("GET", running.url + VIDEO) as one, httpx.stream("GET", running.url + VIDEO) as two:
        viewers = [parts(one), parts(two)]
        assert all(decoded(next(viewer)).any() for viewer in viewers)
        assert running.hub.viewers == 2
    until(lambda: running.hub.viewers == 0)


def test_width_scales_the_picture(running: Town) -> None:
    answer = httpx.get(running.url + "/v1/live/camera-0.jpg?width=320")
    assert answer.headers["content-type"] == "image/jpeg"
    assert decoded(answer.content).shape == (180, 320, 3)


def test_a_camera_that_went_away_is_shown_grey_and_the_stream_goes_on(running: Town) -> None:
    with httpx.stream("GET", running.url + VIDEO) as answer:
        pictures = parts(answer)
        colourful = decoded(next(pictures)).astype(int)
        assert np.ptp(colourful, axis=2).max() > 60
        running.set_state("camera-0", "offline", Problem.of("no-picture", 20))
        assert any(np.ptp(decoded(jpeg).astype(int), axis=2).max() < 30 for jpeg in pictures)
        running.set_state("camera-0", "live")
        assert any(np.ptp(decoded(jpeg).astype(int), axis=2).max() > 60 for jpeg in pictures)


def test_wrong_questions_get_a_sentence(running: Town) -> None:
    answer = httpx.get(running.url + "/v1/live/nowhere.mjpg")
    assert (answer.status_code, answer.json()["error"]) == (
        404,
        "there is no camera 'nowhere' here; the cameras are: camera-0, camera-1",
    )
    for width in ("0", "-1", "100000", "wide"):
        answer = httpx.get(running.url + f"{VIDEO}?width={width}")
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("width: ")
    assert httpx.get(running.url + f"{VIDEO}?lang=fr").status_code == 400


def test_a_camera_without_a_picture_yet_says_so(tmp_path: Path) -> None:
    world = Town(tmp_path, town(1))
    world.set_state("camera-0", "connecting")
    with world.running():
        answer = httpx.get(world.url + VIDEO)
        assert (answer.status_code, answer.json()["error"]) == (
            503,
            "camera camera-0 has sent no picture yet; its state is in /v1/cameras",
        )


def test_events_begin_with_the_state_of_things_and_follow_the_counts(running: Town) -> None:
    line = running.site.domain().cameras[0].lines[0]
    with httpx.stream("GET", running.url + "/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        stream = events(answer)
        first = {(kind, content["camera"]): content for kind, content, _ in (next(stream) for _ in range(4))}
        assert first["status", "camera-0"]["state"] == "live"
        assert first["status", "camera-0"]["picture"] is True
        assert [zone["id"] for zone in first["counts", "camera-0"]["zones"]] == ["crossing"]
        at_us = running.clock.now_us()
        running.hub.publish_rows(
            Rows(crossings=[Crossing("camera-0", "x", 1, line.id, 0, at_us, "leaving", "truck", True, line.version)])
        )
        content, number = next(
            (content, number)
            for kind, content, number in stream
            if kind == "crossing" and content["road_user"] == "truck"
        )
        at = datetime.fromisoformat(content.pop("at"))
        assert (at.utcoffset(), at.timestamp()) == (timedelta(hours=-5), pytest.approx(at_us / 1e6, abs=1e-3))
        assert content == {
            "camera": "camera-0",
            "line": "stop-line",
            "direction": "leaving",
            "road_user": "truck",
        }
        assert number is not None
        truck = {"direction": "leaving", "road_user": "truck", "count": 1}
        assert any(
            truck in content["lines"][0]["counts"]
            for kind, content, _ in stream
            if kind == "counts" and content["camera"] == "camera-0"
        )


def test_a_change_of_state_is_told(running: Town) -> None:
    with httpx.stream("GET", running.url + "/v1/events") as answer:
        stream = (content for kind, content, _ in events(answer) if kind == "status")
        next(stream), next(stream)
        running.set_state("camera-1", "offline", Problem.of("silent", "rtsp://10.0.0.5/", 10))
        changed = next(stream)
        assert (changed["camera"], changed["state"], changed["reason"]) == (
            "camera-1",
            "offline",
            "rtsp://10.0.0.5/ does not answer within 10 s",
        )


def crossing(number: int) -> Crossing:
    return Crossing("camera-1", "x", number, "line-1", 0, number, "entering", "car", True, "v")


def test_a_reader_that_comes_back_goes_on_where_it_was_and_is_told_of_what_is_lost(tmp_path: Path) -> None:
    world = Town(tmp_path, town(2))
    for camera in world.states:
        world.set_state(camera, "connecting")
    with world.running():
        life = world.hub.started_us
        world.hub.publish_rows(Rows(crossings=[crossing(n) for n in range(1, 4)]))
        with httpx.stream("GET", world.url + "/v1/events", headers={"last-event-id": f"{life}-1"}) as answer:
            stream = events(answer)
            assert [next(stream)[::2] for _ in range(2)] == [
                ("crossing", f"{life}-2"),
                ("crossing", f"{life}-3"),
            ]
        world.hub.publish_rows(Rows(crossings=[crossing(n) for n in range(4, CROSSINGS_KEPT + 6)]))
        with httpx.stream("GET", world.url + "/v1/events", headers={"last-event-id": f"{life}-2"}) as answer:
            stream = events(answer)
            assert next(stream)[:2] == ("lost", {"crossings": 3})
            assert next(stream)[::2] == ("crossing", f"{life}-6")
        with httpx.stream("GET", world.url + "/v1/events", headers={"last-event-id": "1-1"}) as answer:
            assert next(events(answer))[0] == "status", "an id of an earlier life of the server means nothing"


def test_endless_answers_end_when_the_server_stops(tmp_path: Path) -> None:
    world = Town(tmp_path, town(1))
    with httpx.Client() as client:
        with world.running():
            until(lambda: world.hub.newest("camera-0") is not None)
            video = client.send(client.build_request("GET", world.url + VIDEO), stream=True)
            told = client.send(client.build_request("GET", world.url + "/v1/events"), stream=True)
            pictures, happened = parts(video), events(told)
            assert next(pictures)
            assert next(happened)
        # The server has ended, although both were still connected; what it sent has a proper end.
        assert all(list(pictures))
        assert [kind for kind, _, _ in happened][-1] == "end"


def test_a_viewer_that_reads_nothing_does_not_fill_the_memory(running: Town) -> None:
    """Its socket fills up, and from then on pictures are skipped for it, not queued."""
    port = int(running.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(f"GET {VIDEO} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        until(lambda: running.hub.viewers == 1)
        with httpx.stream("GET", running.url + VIDEO) as keen:
            pictures = parts(keen)
            assert sum(len(next(pictures)) for _ in range(20)) > 0, "others are not held up"
    until(lambda: running.hub.viewers == 0)


def test_nothing_live_where_no_cameras_run(tmp_path: Path) -> None:
    from api_server import sample_server

    with sample_server(tmp_path) as client:
        for address, sentence in (
            ("/v1/live/north.mjpg", "no worker shows it"),
            ("/v1/live/north.jpg", "no worker shows it"),
            ("/v1/events", "no cameras run in this process"),
        ):
            answer = client.get(address)
            assert answer.status_code == 503
            assert sentence in answer.json()["error"]
