"""How much of each minute was really observed. Pure.

Every analysed frame stands for the time since the one before it. What no frame stands for was not observed, and a
count of it is unknown, not zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from aforo.model import MICROSECONDS, MINUTE_US, Coverage, TrackedFrame

_WRITE_EVERY_US = 5 * MICROSECONDS


@dataclass(slots=True)
class _Minute:
    observed_us: int = 0
    frames: int = 0
    dropped: int = 0


class CoverageMeter:
    """Adds up the observed time of one session of one camera."""

    def __init__(self, camera: str, session: str) -> None:
        self._camera, self._session = camera, session
        self._minutes: dict[int, _Minute] = {}
        self._written_us: int | None = None

    def observe(self, frame: TrackedFrame) -> list[Coverage]:
        """Take in one frame; returns the rows that are due, now and then while a minute runs and when it is over."""
        start = frame.captured_at_us - frame.span_us
        minute_us = frame.captured_at_us // MINUTE_US * MINUTE_US
        for bucket in range(start // MINUTE_US * MINUTE_US, minute_us + 1, MINUTE_US):
            shared = min(frame.captured_at_us, bucket + MINUTE_US) - max(start, bucket)
            if shared > 0:
                self._minutes.setdefault(bucket, _Minute()).observed_us += shared
        newest = self._minutes.setdefault(minute_us, _Minute())
        newest.frames += 0 if frame.last else 1
        newest.dropped += frame.dropped
        due = self._written_us is None or frame.captured_at_us - self._written_us >= _WRITE_EVERY_US
        if not (due or frame.last or len(self._minutes) > 1):
            return []
        self._written_us = frame.captured_at_us
        rows = [
            Coverage(self._camera, self._session, bucket, minute.observed_us, minute.frames, minute.dropped)
            for bucket, minute in self._minutes.items()
            if minute.observed_us or minute.frames or minute.dropped
        ]
        self._minutes = {minute_us: newest}
        return rows
