"""How much of each minute was really observed. Pure.

Every analysed frame stands for the time since the one before it. What no frame stands for was not observed, and a
count of it is unknown, not zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aforo.model import MICROSECONDS, MINUTE_US, Coverage

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
        self._newest_us = 0
        self._newest: _Minute | None = None
        self._written_us = 0

    def add(self, at_us: int, span_us: int, dropped: int, last: bool) -> Sequence[Coverage]:
        """Take in one message.

        Args:
            at_us: its event time.
            span_us: the time that it stands for.
            dropped: frames thrown away unseen before it.
            last: whether it closes the session; then it is of no frame.

        Returns:
            The rows that are due: now and then while a minute runs, and when it is over.
        """
        newest = self._newest
        if newest is None or at_us - span_us < self._newest_us or at_us >= self._newest_us + MINUTE_US or last:
            return self._start_minute(at_us, at_us - span_us, dropped, last)
        newest.observed_us += span_us
        newest.frames += 1
        newest.dropped += dropped
        return self._written(at_us) if at_us - self._written_us >= _WRITE_EVERY_US else ()

    def _start_minute(self, at_us: int, start_us: int, dropped: int, last: bool) -> Sequence[Coverage]:
        """Take in a message that is of another minute, or of several, or the last."""
        minute_us = at_us // MINUTE_US * MINUTE_US
        for bucket in range(start_us // MINUTE_US * MINUTE_US, minute_us + 1, MINUTE_US):
            shared = min(at_us, bucket + MINUTE_US) - max(start_us, bucket)
            if shared > 0:
                self._minutes.setdefault(bucket, _Minute()).observed_us += shared
        newest = self._minutes.setdefault(minute_us, _Minute())
        newest.frames += 0 if last else 1
        newest.dropped += dropped
        due = self._newest is None or at_us - self._written_us >= _WRITE_EVERY_US
        self._newest_us, self._newest = minute_us, newest
        return self._written(at_us) if due or last or len(self._minutes) > 1 else ()

    def _written(self, at_us: int) -> list[Coverage]:
        self._written_us = at_us
        rows = [
            Coverage(self._camera, self._session, bucket, minute.observed_us, minute.frames, minute.dropped)
            for bucket, minute in self._minutes.items()
            if minute.observed_us or minute.frames or minute.dropped
        ]
        self._minutes = {self._newest_us: self._minutes[self._newest_us]}
        return rows
