"""Live cameras for real: an RTSP server, HTTP MJPEG and HLS on the loopback, killed, silenced and restarted."""

from __future__ import annotations

import base64
import itertools
import logging
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from aforo.address import Address
from aforo.clock import ManualClock, SystemClock
from aforo.model import Frame
from ingest.camera_source import LiveSource
from ingest.reconnect import ReconnectPolicy

POLICY = ReconnectPolicy(first_delay_s=0.1, longest_delay_s=0.4)
WATCHFUL = ReconnectPolicy(frozen_after_s=1.0, first_delay_s=0.1, longest_delay_s=0.4)
PATIENCE_S = 20.0
PASSWORD = "s3cret"


class Watched:
    """A source read in a thread of its own; the test waits for what it wants to see."""

    def __init__(self, address: str, *, handling_s: float = 0.0, **options: Any) -> None:
        self.source = LiveSource(
            Address(address),
            "north",
            **{"clock": SystemClock(), "open_timeout_s": 3, "read_timeout_s": 2, "policy": POLICY, **options},
        )
        self.frames: list[Frame] = []
        self.states: list[str] = []
        self.reasons: set[str] = set()  # every one that was shown
        self._handling_s = handling_s
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        for frame in self.source.frames():
            self.frames.append(frame)
            time.sleep(self._handling_s)

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()
        self._thread.join(5)
        assert not self._thread.is_alive(), "close() did not end frames()"

    @property
    def sessions(self) -> list[str]:
        return [session for session, _ in itertools.groupby(frame.session for frame in self.frames)]

    def until(self, seen: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not seen():
            status = self.source.status()
            self.states += [status.state] if self.states[-1:] != [status.state] else []
            self.reasons.add(str(status.problem or ""))
            assert time.monotonic() < deadline, f"no {what}; states {self.states}, status {status}"
            time.sleep(0.01)

    def until_state(self, *states: str) -> None:
        self.until(lambda: self.source.status().state in states, f"state {states}")

    def until_frames(self, more: int) -> None:
        wanted = len(self.frames) + more
        self.until(lambda: len(self.frames) >= wanted, f"{more} more frames")


class MjpegCamera:
    """An HTTP camera of 25 pictures a second that can fall silent, also after a limit of pictures per connection."""

    def __init__(
        self, port: int = 0, size: tuple[int, int] = (160, 120), password: str = "", limit: int | None = None
    ) -> None:
        self.silent = threading.Event()
        self.unplugged = threading.Event()
        self.size, self.password, self.limit = size, password, limit
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _handler(camera) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def do_GET(self) -> None:
                expected = "Basic " + base64.b64encode(f"user:{camera.password}".encode()).decode()
                if camera.password and self.headers.get("Authorization") != expected:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                for n in itertools.count():
                    while (camera.silent.is_set() or n == camera.limit) and not camera.unplugged.is_set():
                        time.sleep(0.02)
                    if camera.unplugged.is_set():
                        return
                    picture = np.full((camera.size[1], camera.size[0], 3), n % 200, np.uint8)
                    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                    time.sleep(0.04)

        return Handler

    @property
    def address(self) -> str:
        user = f"user:{self.password}@" if self.password else ""
        return f"http://{user}127.0.0.1:{self.port}/live.mjpg?token={PASSWORD}"

    def unplug(self) -> None:
        self.unplugged.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> MjpegCamera:
        return self

    def __exit__(self, *_: object) -> None:
        if not self.unplugged.is_set():
            self.unplug()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def rtsp_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    program = (
        "import asyncio, sys\nfrom aio_rtsp_toolkit import server\n"
        "asyncio.run(server.serve(sys.argv[1], host='127.0.0.1', port=int(sys.argv[2])))"
    )
    server = subprocess.Popen([sys.executable, "-c", program, str(folder), str(port)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, "the RTSP server does not start"
                time.sleep(0.02)
        yield server
    finally:
        server.kill()
        server.wait()


def write_h264(path: Path, frames: int, fps: int = 20, **options: Any) -> None:
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream("libx264", rate=fps, options={"bf": "0", "g": "10", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for n in range(frames):
            picture = np.full((120, 160, 3), n % 200, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def check_sessions(frames: list[Frame]) -> None:
    """What holds for every live source: within a session time rises, and what is missing was counted."""
    for before, after in itertools.pairwise(frames):
        if before.session == after.session:
            assert after.captured_at_us > before.captured_at_us
            assert after.index > before.index + after.dropped


def test_mjpeg_delivers_every_picture_and_its_event_time_is_the_clock() -> None:
    began_us = SystemClock().now_us()
    with MjpegCamera() as camera, Watched(camera.address) as watched:
        watched.until_frames(30)
        status = watched.source.status()
    check_sessions(watched.frames)
    assert watched.states[0] == "connecting"
    assert (status.state, status.problem, status.width_px, status.height_px) == ("live", None, 160, 120)
    assert status.fps > 0
    assert began_us < watched.frames[0].captured_at_us <= watched.frames[-1].captured_at_us < SystemClock().now_us()
    assert len(watched.sessions) == 1
    assert watched.source.status().state == "ended"


def test_a_late_consumer_gets_the_newest_and_the_drops_are_counted() -> None:
    with MjpegCamera() as camera, Watched(camera.address, handling_s=0.2) as watched:
        watched.until(lambda: sum(frame.dropped for frame in watched.frames) >= 6, "dropped frames")
    assert len(watched.sessions) == 1
    assert [b.index - a.index - 1 for a, b in itertools.pairwise(watched.frames)] == [
        frame.dropped for frame in watched.frames[1:]
    ]
    assert watched.source.status().dropped == sum(frame.dropped for frame in watched.frames)


def test_frames_passed_over_for_the_rate_are_not_dropped() -> None:
    with MjpegCamera() as camera, Watched(camera.address, analyse_fps=5) as watched:
        watched.until_frames(8)
    assert len(watched.sessions) == 1
    first, *others = watched.frames
    chosen = len(others) + sum(frame.dropped for frame in others)
    assert others[-1].index - first.index >= 2 * chosen


def test_a_silent_camera_is_frozen_then_recovers_as_a_new_session() -> None:
    with MjpegCamera() as camera, Watched(camera.address, policy=WATCHFUL) as watched:
        watched.until_frames(5)
        camera.silent.set()
        watched.until_state("frozen")
        assert "no new picture" in str(watched.source.status().problem)
        camera.silent.clear()
        watched.until(lambda: len(watched.sessions) >= 2, "second session")
        watched.until_state("live")
        assert watched.source.status().problem is None
    check_sessions(watched.frames)


def test_a_clock_stepped_back_begins_a_new_session_on_the_same_connection() -> None:
    clock = ManualClock(1_772_695_800_000_000)
    with MjpegCamera() as camera, Watched(camera.address, clock=clock) as watched:
        watched.until_frames(3)
        clock.step(-3600)
        watched.until(lambda: len(watched.sessions) >= 2, "second session")
        watched.until_frames(3)
    first, second = ([f.captured_at_us for f in watched.frames if f.session == session] for session in watched.sessions)
    assert max(second) < min(first)
    check_sessions(watched.frames)


def test_a_camera_unplugged_and_returned_with_another_size_is_a_new_session() -> None:
    with MjpegCamera() as camera, Watched(camera.address) as watched:
        watched.until_frames(5)
        camera.unplug()
        watched.until_state("offline")
        assert watched.source.status().problem
        with MjpegCamera(camera.port, size=(320, 240)):
            watched.until(lambda: len(watched.sessions) >= 2, "second session")
            watched.until_frames(3)
    sizes = {frame.session: frame.image.shape for frame in watched.frames}
    assert [sizes[session] for session in watched.sessions] == [(120, 160, 3), (240, 320, 3)]
    check_sessions(watched.frames)


def test_credentials_open_the_camera_and_are_never_shown(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with MjpegCamera(password=PASSWORD) as camera, Watched(camera.address) as watched:
        watched.until_frames(3)
        camera.password = "changed"
        camera.silent.set()
        watched.until(lambda: "password" in str(watched.source.status().problem), "refused password")
        camera.unplug()
        watched.until(lambda: "cannot be reached" in str(watched.source.status().problem), "refused connection")
    printed = capfd.readouterr()
    for text in (*watched.reasons, printed.out, printed.err, caplog.text, *watched.sessions):
        assert PASSWORD not in text


def test_rtsp_survives_a_stopped_a_continued_and_a_killed_server(tmp_path: Path) -> None:
    write_h264(tmp_path / "street.mp4", frames=40)
    port = free_port()
    address = f"rtsp://user:{PASSWORD}@127.0.0.1:{port}/street.mp4?play_count=0"
    with Watched(address, analyse_fps=10, policy=WATCHFUL) as watched:
        watched.until_state("offline")
        with rtsp_server(tmp_path, port) as server:
            watched.until_frames(5)
            server.send_signal(signal.SIGSTOP)
            watched.until_state("offline")  # frozen alone may still be taken back by a picture that comes
            server.send_signal(signal.SIGCONT)
            watched.until(lambda: len(watched.sessions) >= 2, "second session")
            watched.until_frames(2)
        watched.until_state("offline")
        with rtsp_server(tmp_path, port):
            watched.until(lambda: len(watched.sessions) >= 3, "third session")
    check_sessions(watched.frames)
    assert watched.frames[0].image.shape == (120, 160, 3)
    assert not any(PASSWORD in reason for reason in watched.reasons)


@pytest.mark.shared_data
def test_rtsp_delivers_a_real_recording(shared_data: Path) -> None:
    port = free_port()
    with (
        rtsp_server(shared_data / "clips", port),
        Watched(f"rtsp://127.0.0.1:{port}/otc_cars-truck.mp4?play_count=0") as watched,
    ):
        watched.until_frames(10)
    assert watched.frames[0].image.shape == (600, 800, 3)
    assert watched.frames[0].image.std() > 10
    check_sessions(watched.frames)


def test_hls_segments_are_spread_over_the_time_they_show(tmp_path: Path) -> None:
    write_h264(tmp_path / "live.m3u8", 60, format="hls", options={"hls_time": "1", "hls_playlist_type": "vod"})

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            with Watched(f"http://127.0.0.1:{server.server_address[1]}/live.m3u8") as watched:
                watched.until(lambda: len(watched.sessions) >= 2, "second session")
        finally:
            server.shutdown()
            thread.join()
    first = [frame for frame in watched.frames if frame.session == watched.sessions[0]]
    assert first[-1].captured_at_us - first[0].captured_at_us > 2_500_000  # 60 frames of 20 fps, read in no time
    check_sessions(watched.frames)


def test_readers_that_hang_are_left_alone_and_never_pile_up() -> None:
    with MjpegCamera(limit=20) as camera:
        patient = {"read_timeout_s": 60, "policy": ReconnectPolicy(frozen_after_s=0.5, first_delay_s=0.01)}
        with Watched(camera.address, **patient) as watched:
            watched.until(lambda: "still hang" in str(watched.source.status().problem), "bound on hanging readers")
            assert len(watched.sessions) == 3
            assert sum(thread.name == "decode north" for thread in threading.enumerate()) == 3
            camera.limit = None
            watched.until(lambda: len(watched.sessions) >= 4, "fourth session")
    check_sessions(watched.frames)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_host_that_accepts_and_says_nothing_is_offline_and_close_does_not_wait_for_it(scheme: str) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with Watched(f"{scheme}://127.0.0.1:{mute.getsockname()[1]}/x", open_timeout_s=0.5) as watched:
            watched.until_state("offline")
            assert "within 0.5 s" in str(watched.source.status().problem)
    assert watched.frames == []


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("rtsp://127.0.0.1:{port}/x", "cannot be reached"),
        ("rtsp://camera.invalid/x", "cannot be resolved"),
        ("97", "not a USB camera that can be opened"),
    ],
)
def test_an_absent_camera_is_offline_with_a_reason_and_never_an_error(address: str, reason: str) -> None:
    with Watched(address.format(port=free_port())) as watched:
        watched.until(lambda: reason in str(watched.source.status().problem), reason)
        assert watched.source.status().state == "offline"


def test_one_silent_camera_does_not_stop_another() -> None:
    with socket.socket() as mute, MjpegCamera() as camera:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with Watched(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/x"), Watched(camera.address) as good:
            good.until_frames(10)
    assert len(good.sessions) == 1
