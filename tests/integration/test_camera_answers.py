"""Cameras that answer and give no video that can be read: the reason that is shown is the true one."""

from __future__ import annotations

import functools
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy as np
import pytest

from aforo.address import Address
from aforo.camera_state import Problem
from aforo.clock import SystemClock
from ingest.camera_source import LiveSource
from ingest.reconnect import ReconnectPolicy
from ingest.rtsp_answer import rtsp_problem

PASSWORD = "s3cret-of-camera"
PATIENCE_S = 20.0
EMPTY = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
SOUND = f"{EMPTY}m=audio 0 RTP/AVP 0\r\na=control:track1\r\n"


@contextmanager
def rtsp_camera(description: str, status: str = "200 OK") -> Iterator[str]:
    """An RTSP server that describes its stream so, and plays silence; yields its address."""

    def answer(request: str) -> str:
        match request.split(" ", 1)[0]:
            case "DESCRIBE" if status != "200 OK":
                return f"RTSP/1.0 {status}\r\n"
            case "DESCRIBE":
                return f"RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: {len(description)}\r\n"
            case "SETUP":
                return "RTSP/1.0 200 OK\r\nSession: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            case _:
                return "RTSP/1.0 200 OK\r\nSession: 1\r\n"

    def serve(connection: socket.socket) -> None:
        received = b""
        with connection, connection.makefile("rb") as lines:
            try:
                for line in lines:
                    received += line
                    if line == b"\r\n":
                        request, received = received.decode(), b""
                        head = answer(request)
                        number = re.search(r"CSeq: \d+", request)
                        assert number is not None
                        body = description if "Content-Length" in head else ""
                        connection.sendall(f"{head}{number[0]}\r\n\r\n{body}".encode())
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"rtsp://user:{PASSWORD}@127.0.0.1:{server.getsockname()[1]}/live"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def files_over_http(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def problem_of(address: str) -> Problem:
    """The first problem that a source of that address shows."""
    policy = ReconnectPolicy(first_delay_s=5, longest_delay_s=5)
    with closing(
        LiveSource(Address(address), "north", clock=SystemClock(), open_timeout_s=1, read_timeout_s=1, policy=policy)
    ) as source:
        thread = threading.Thread(target=lambda: list(source.frames()))
        thread.start()
        deadline = time.monotonic() + PATIENCE_S
        while source.status().state != "offline":
            assert time.monotonic() < deadline, source.status()
            time.sleep(0.01)
        problem = source.status().problem
        source.close()
        thread.join(5)
    assert problem is not None
    return problem


@pytest.mark.parametrize(
    ("description", "status", "code", "sentence"),
    [
        (SOUND, "200 OK", "videoless", "answers with a stream that has no video in it"),
        (EMPTY, "200 OK", "videoless", "answers with a stream that has no video in it"),
        (SOUND, "401 Unauthorized", "login-refused", "refuses user and password (status 401)"),
        (SOUND, "403 Forbidden", "login-refused", "refuses user and password (status 403)"),
        (SOUND, "404 Not Found", "rtsp-status", "answers with RTSP status 404 instead of a video; check the path"),
        (SOUND, "454 Session Not Found", "rtsp-status", "answers with RTSP status 4xx instead of a video"),
        (SOUND, "503 Service Unavailable", "rtsp-status", "answers with RTSP status 5xx instead of a video"),
    ],
    ids=["sound", "nothing", "401", "403", "404", "454", "503"],
)
def test_an_rtsp_camera_without_video_is_told_for_what_it_is(
    capfd: pytest.CaptureFixture[str], description: str, status: str, code: str, sentence: str
) -> None:
    with rtsp_camera(description, status) as address:
        problem = problem_of(address)
    assert problem.code == code
    assert sentence in str(problem)
    printed = capfd.readouterr()
    for text in (str(problem), printed.out, printed.err):
        assert PASSWORD not in text
        assert "DESCRIBE" not in text


def test_what_is_no_rtsp_camera_is_not_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert rtsp_problem(Address(f"rtsp://127.0.0.1:{port}/x"), 1.0) is None
    assert rtsp_problem(Address(f"http://127.0.0.1:{port}/x"), 1.0) is None


def test_a_camera_that_sends_av1_is_told_so(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "live.mp4"), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libsvtav1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n in range(20):
            picture = np.full((120, 160, 3), 10 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    with files_over_http(tmp_path) as address:
        problem = problem_of(f"{address}/live.mp4")
    assert problem.code == "av1-camera"
    assert "is read from files only; set the camera to H.264 or H.265" in str(problem)
