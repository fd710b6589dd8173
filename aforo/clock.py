"""The machine's clock, and one that tests and replays set by hand."""

from __future__ import annotations

import time

from aforo.model import MICROSECONDS


class SystemClock:
    """The machine's clock.

    >>> SystemClock().now_us() > 1_700_000_000_000_000
    True
    """

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC; may be set back, for example by NTP."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Monotonic time, seconds."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a negative duration does not wait."""
        time.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that changes only by `sleep`, `advance` and `step`.

    >>> clock = ManualClock(now_us=1_000_000)
    >>> clock.sleep(2.5)
    >>> clock.now_us(), clock.monotonic_s()
    (3500000, 2.5)

    Args:
        now_us: the first time of day, microseconds since 1970-01-01 UTC.
    """

    def __init__(self, now_us: int = 0) -> None:
        self._wall_us = now_us
        self._monotonic_us = 0

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        return self._wall_us

    def monotonic_s(self) -> float:
        """Seconds slept and advanced so far."""
        return self._monotonic_us / MICROSECONDS

    def sleep(self, seconds: float) -> None:
        """Advance by a duration without waiting."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Advance both the time of day and monotonic time."""
        passed_us = round(seconds * MICROSECONDS)
        self._wall_us += passed_us
        self._monotonic_us += passed_us

    def step(self, seconds: float) -> None:
        """Set the time of day forwards or backwards (negative), as NTP does; monotonic time stays."""
        self._wall_us += round(seconds * MICROSECONDS)
