"""The two clocks: the machine's, and one that tests and replays move by hand."""

from __future__ import annotations

import time

from aforo.model import MICROSECONDS


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC; may be stepped by whoever keeps the machine's time."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait; a negative duration is no wait."""
        time.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still unless somebody sleeps on it or moves it.

    Args:
        now_us: where it starts, microseconds since 1970-01-01 UTC.
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
        """Advance by that time at once."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Let time pass, on both faces of the clock."""
        passed_us = round(seconds * MICROSECONDS)
        self._wall_us += passed_us
        self._monotonic_us += passed_us

    def step(self, seconds: float) -> None:
        """Correct the time of day, forwards or backwards (negative), as a time server would: no time passes."""
        self._wall_us += round(seconds * MICROSECONDS)
