"""Why an HTTP camera gives no video: by its status and the type of its content, and by nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aforo.address import Address
from aforo.camera_state import Problem
from aforo.clock import SystemClock
from ingest.camera_reader import CameraReader
from ingest.http_answer import http_problem


@contextmanager
def answering(status: int, headers: dict[str, str], body: bytes = b"") -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


UNFRAMED = b"Content-Type: image/jpeg\r\nContent-Length: 3\r\n\r\nabc\r\n" * 50


@pytest.mark.parametrize(
    ("status", "headers", "code", "said"),
    [
        (
            200,
            {"Content-Type": "multipart/x-mixed-replace; boundary=frame"},
            "other-content",
            "multipart/x-mixed-replace",
        ),
        (200, {"Content-Type": "text/html"}, "other-content", "text/html"),
        (200, {}, "other-content", "?"),
        (401, {"WWW-Authenticate": 'Basic realm="x"'}, "login-refused", "401"),
        (403, {}, "login-refused", "403"),
        (404, {}, "http-status", "404"),
        (302, {"Location": "http://127.0.0.1:1/"}, "http-status", "302"),
        (503, {}, "http-status", "503"),
    ],
)
def test_the_reason_is_what_the_camera_said(status: int, headers: dict[str, str], code: str, said: str) -> None:
    with answering(status, headers, UNFRAMED) as port:
        source = Address(f"http://user:hunter2hunter2@127.0.0.1:{port}/live?channel=1")
        problem = http_problem(source, 5.0)
    assert problem == Problem(code, (f"http://127.0.0.1:{port}", said))  # type: ignore[arg-type]
    assert ("password" in str(problem)) == (code == "login-refused")
    assert "hunter2" not in str(problem)


def test_what_tells_nothing_is_no_reason() -> None:
    with answering(401, {"WWW-Authenticate": 'Digest realm="x", nonce="y"'}) as port:
        assert http_problem(Address(f"http://user:pw@127.0.0.1:{port}/"), 5.0) is None
    assert http_problem(Address(f"http://127.0.0.1:{port}/"), 1.0) is None
    assert http_problem(Address("rtsp://127.0.0.1:1/"), 1.0) is None


def test_a_stream_without_its_boundaries_does_not_blame_the_password() -> None:
    with answering(200, {"Content-Type": "multipart/x-mixed-replace; boundary=frame"}, UNFRAMED) as port:
        reader = CameraReader(
            Address(f"http://127.0.0.1:{port}/live.mjpg"), "north", analyse_fps=None, clock=SystemClock(),
            open_timeout_s=5.0, read_timeout_s=5.0,
        )  # fmt: skip
        reader.start()
        while reader.alive:
            reader._thread.join(0.1)
    assert reader.view.failure is not None
    assert reader.view.failure.code == "other-content"
