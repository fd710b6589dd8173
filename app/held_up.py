"""What a camera loses while its messages are not taken."""

from __future__ import annotations

import threading

from aforo.model import MICROSECONDS, Frame
from aforo.ports import Clock


class HeldUp:
    """Seconds of frames that a source threw away while whoever takes its messages took none.

    While it lasts, that is the time since a frame could not be handed on, less the period after which the next one was
    due. Afterwards the next frame tells what was really thrown away, which is less where the camera itself was silent.

    Args:
        clock: processing time.
        period_s: time between the frames of the source, seconds.
        drops: whether the source throws frames away; one that waits loses nothing.
    """

    def __init__(self, clock: Clock, period_s: float, *, drops: bool) -> None:
        self._clock, self._period_s, self._drops = clock, period_s, drops
        self._lock = threading.Lock()
        self._total_s = 0.0
        self._since_s: float | None = None
        self._last: Frame | None = None

    @property
    def dropped_s(self) -> float:
        """So many seconds since the start; may be asked by any thread."""
        with self._lock:
            return self._total_s + self._running_s()

    def begins(self, ago_s: float) -> None:
        """A frame could not be handed on since so long ago, seconds; telling it again changes nothing."""
        with self._lock:
            if self._since_s is None:
                self._since_s = self._clock.monotonic_s() - ago_s

    def next_frame(self, frame: Frame) -> None:
        """The source goes on, with this frame; called with every one."""
        with self._lock:
            last, self._last = self._last, frame
            if self._since_s is None:
                return
            running_s, self._since_s = self._running_s(), None
            if frame.dropped and last is not None:
                gap_s = (frame.captured_at_us - last.captured_at_us) / MICROSECONDS
                # The last of so many periods is the frame's own. A new session's times may have begun anew.
                lost_s = gap_s * frame.dropped / (frame.dropped + 1)
                self._total_s += lost_s if 0 < lost_s < running_s else running_s

    def _running_s(self) -> float:
        if self._since_s is None or not self._drops:
            return 0.0
        return max(0.0, self._clock.monotonic_s() - self._since_s - self._period_s)
