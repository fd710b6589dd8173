"""The thread that reads one connection to one camera."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from aforo.address import Address
from aforo.camera_state import Problem
from aforo.model import MICROSECONDS, Frame
from aforo.ports import Clock
from ingest.capture import OPENING_LOCK, check_reachable, is_av1, open_live, position_ms
from ingest.frame_times import BurstSmoothing, Selection, SessionClock
from ingest.http_answer import http_problem
from ingest.newest_slot import NewestSlot
from ingest.reconnect import ReaderView
from ingest.rtsp_answer import rtsp_problem


class CameraReader:
    """Reads one connection until it fails or is stopped; its capture is used by this thread alone.

    `cv2.VideoCapture.read` can block for a long time, and a capture that failed never recovers. So the thread is only
    observed from outside; on a timeout it is stopped, left to end by itself, and replaced by a new reader.

    Args:
        source: an address or the number of a USB camera.
        camera: the camera's id.
        analyse_fps: most pictures per second that are offered; None for all.
        clock: event time of arrivals, and monotonic time.
        open_timeout_s, read_timeout_s: of the blocking calls, seconds.

    Attributes:
        slot: the newest frame to analyse; its `dropped` is set by the consumer.
    """

    def __init__(
        self,
        source: Address,
        camera: str,
        *,
        analyse_fps: float | None,
        clock: Clock,
        open_timeout_s: float,
        read_timeout_s: float,
    ) -> None:
        self.slot: NewestSlot[Frame] = NewestSlot()
        self._source = source
        self._camera = camera
        self._selection = Selection(analyse_fps)
        self._clock = clock
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._view = ReaderView()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"decode {camera}", daemon=True)

    def start(self) -> None:
        """Begin to connect and read."""
        self._thread.start()

    def stop(self) -> None:
        """End as soon as a blocking call returns; does not wait for it."""
        self._stopped.set()

    @property
    def alive(self) -> bool:
        """Whether the thread is still running."""
        return self._thread.is_alive()

    @property
    def view(self) -> ReaderView:
        """The reader's state, for the watchdog."""
        return self._view

    def _run(self) -> None:
        try:
            failure = self._read()
        except Exception as error:  # reported to the watchdog; without OpenCV's message, which may hold credentials
            failure = Problem.of("undecodable", self._source, type(error).__name__)
        self._view = replace(self._view, failure=failure)

    def _read(self) -> Problem | None:
        """Connect and read; returns why it ended, None if it was stopped before it began."""
        if wrong := check_reachable(self._source, self._open_timeout_s):
            return wrong
        with OPENING_LOCK:
            if self._stopped.is_set():
                return None
            began_s = self._clock.monotonic_s()
            self._view = ReaderView(quiet_since_s=began_s)
            capture = open_live(self._source, self._open_timeout_s, self._read_timeout_s)
        try:
            if not capture.isOpened():
                slow = self._clock.monotonic_s() - began_s >= self._open_timeout_s
                return self._unopened(slow)
            if is_av1(capture):
                return Problem.of("av1-camera", self._source)
            self._read_on(capture)
        finally:
            capture.release()
        return Problem.of("stream-over", self._source, f"{self._read_timeout_s:g}")

    def _unopened(self, slow: bool) -> Problem:
        if not self._source.scheme:
            return Problem.of("no-usb", self._source)
        if (told := rtsp_problem(self._source, self._open_timeout_s)) is not None:
            return told
        if slow:
            return Problem.of("slow-video", self._source, f"{self._open_timeout_s:g}")
        return http_problem(self._source, self._open_timeout_s) or Problem.of("no-video", self._source)

    def _read_on(self, capture: Any) -> None:
        sessions = SessionClock()
        smoothing = BurstSmoothing(self._clock, self._stopped) if _comes_in_bursts(self._source) else None
        pictures = 0
        # grab() decodes; only retrieve() converts to BGR, so skipped frames are cheap.
        while not self._stopped.is_set() and capture.grab():
            if smoothing is not None:
                smoothing.wait(position_ms(capture) * 1000)
            arrived_s = self._clock.monotonic_s()
            session, index, captured_at_us = sessions.stamp(self._clock.now_us())
            pictures += 1
            self._view = ReaderView(pictures, arrived_s)
            if self._selection.due(round(arrived_s * MICROSECONDS)):
                converted, image = capture.retrieve()
                if converted:
                    self.slot.put(Frame(self._camera, session, index, captured_at_us, image))


def _comes_in_bursts(source: Address) -> bool:
    """Whether a stream arrives in bursts: HLS delivers segments of several seconds at once, other streams do not."""
    return source.reveal().partition("?")[0].lower().endswith(".m3u8")
