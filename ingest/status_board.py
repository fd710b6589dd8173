"""The status of a source, written by the thread that reads it, read by any thread."""

from __future__ import annotations

import threading
from collections import deque

from aforo.camera_state import CameraState, CameraStatus, Problem
from aforo.model import Frame
from aforo.ports import Clock

_WINDOW_S = 5.0


class StatusBoard:
    """Keeps the `CameraStatus` of one source.

    Args:
        camera: the camera's id.
        clock: processing time, for `since_us` and the frame rate.
    """

    def __init__(self, camera: str, clock: Clock) -> None:
        self._camera = camera
        self._clock = clock
        self._lock = threading.Lock()
        self._state, self._since_us = CameraState.CONNECTING, clock.now_us()
        self._problem: Problem | None = None
        self._last_frame_us: int | None = None
        self._size_px = (0, 0)
        self._dropped = 0
        self._handed_out_s: deque[float] = deque(maxlen=4096)

    def enter(self, state: CameraState, problem: Problem | None = None) -> None:
        """Enter a state; `since_us` changes only if the state does."""
        with self._lock:
            if state != self._state:
                self._state, self._since_us = state, self._clock.now_us()
            self._problem = problem

    def frame(self, frame: Frame) -> None:
        """Record that a frame is yielded."""
        with self._lock:
            self._last_frame_us = frame.captured_at_us
            self._size_px = frame.image.shape[1], frame.image.shape[0]
            self._dropped += frame.dropped
            self._handed_out_s.append(self._clock.monotonic_s())

    def status(self) -> CameraStatus:
        """The present status; `fps` is the mean of the last five seconds."""
        with self._lock:
            times = self._handed_out_s
            while times and times[0] < self._clock.monotonic_s() - _WINDOW_S:
                times.popleft()
            fps = (len(times) - 1) / (times[-1] - times[0]) if times and times[-1] > times[0] else 0.0
            return CameraStatus(
                camera=self._camera,
                state=self._state,
                since_us=self._since_us,
                last_frame_us=self._last_frame_us,
                fps=fps,
                dropped=self._dropped,
                width_px=self._size_px[0],
                height_px=self._size_px[1],
                problem=self._problem,
            )
