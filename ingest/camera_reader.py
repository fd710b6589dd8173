"""The thread that reads one connection to one camera."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from aforo.camera_state import Problem
from aforo.model import MICROSECONDS, Frame
from aforo.ports import Clock
from aforo.redaction import without_credentials
from ingest.capture import OPENING, knock, open_live, position_ms
from ingest.frame_times import Selection, SessionClock, Smoothing
from ingest.newest_slot import NewestSlot
from ingest.reconnect import Sight


class CameraReader:
    """Reads one connection until it fails or is told to stop; nobody else ever touches its capture.

    `cv2.VideoCapture.read` can block for longer than anyone wants to wait, and a capture that failed never recovers.
    So this thread is only watched from outside; who loses patience stops it, leaves it to end by itself, and starts
    a new one.

    Args:
        source: an address or the number of a USB camera.
        camera: the camera's id.
        analyse_fps: offer at most so many pictures per second; None for all.
        clock: event time of arrivals and monotonic time.
        open_timeout_s, read_timeout_s: for the blocking calls.

    Attributes:
        slot: the newest frame to analyse; its `dropped` is left to whoever takes it.
    """

    def __init__(
        self,
        source: str,
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
        self._sight = Sight()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"decode {camera}", daemon=True)

    def start(self) -> None:
        """Begin to connect and read."""
        self._thread.start()

    def stop(self) -> None:
        """End as soon as the blocking call under way, if any, returns; does not wait for it."""
        self._stopped.set()

    @property
    def alive(self) -> bool:
        """Whether the thread is still there."""
        return self._thread.is_alive()

    @property
    def sight(self) -> Sight:
        """What the watchdog may know."""
        return self._sight

    def _run(self) -> None:
        try:
            failure = self._read()
        except Exception as error:  # a thread must not die unseen; OpenCV's own words may carry credentials
            failure = Problem.of("undecodable", without_credentials(self._source), type(error).__name__)
        self._sight = replace(self._sight, failure=failure)

    def _read(self) -> Problem | None:
        """Connect and read; returns why it ended, None where it was stopped before it began."""
        shown = without_credentials(self._source)
        if wrong := knock(self._source, self._open_timeout_s):
            return wrong
        with OPENING:
            if self._stopped.is_set():
                return None
            began_s = self._clock.monotonic_s()
            self._sight = Sight(quiet_since_s=began_s)
            capture = open_live(self._source, self._open_timeout_s, self._read_timeout_s)
        try:
            if not capture.isOpened():
                slow = self._clock.monotonic_s() - began_s >= self._open_timeout_s
                return self._unopened(shown, slow)
            self._read_on(capture)
        finally:
            capture.release()
        return Problem.of("stream-over", shown, f"{self._read_timeout_s:g}")

    def _unopened(self, shown: str, slow: bool) -> Problem:
        if self._source.isdecimal():
            return Problem.of("no-usb", shown)
        if slow:
            return Problem.of("slow-video", shown, f"{self._open_timeout_s:g}")
        return Problem.of("no-video", shown)

    def _read_on(self, capture: Any) -> None:
        sessions = SessionClock()
        smoothing = Smoothing(self._clock, self._stopped) if _comes_in_bursts(self._source) else None
        pictures = 0
        # grab() decodes; only retrieve() pays for the conversion to BGR, so frames passed over are cheap.
        while not self._stopped.is_set() and capture.grab():
            if smoothing is not None:
                smoothing.wait(position_ms(capture) * 1000)
            arrived_s = self._clock.monotonic_s()
            session, index, captured_at_us = sessions.stamp(self._clock.now_us())
            pictures += 1
            self._sight = Sight(pictures, arrived_s)
            if self._selection.due(round(arrived_s * MICROSECONDS)):
                converted, image = capture.retrieve()
                if converted:
                    self.slot.put(Frame(self._camera, session, index, captured_at_us, image))


def _comes_in_bursts(source: str) -> bool:
    """HLS delivers whole segments of several seconds at once; every other stream arrives as it is seen."""
    return urlsplit(source).path.lower().endswith(".m3u8")
