"""Which frames are analysed, their event times, and the pace at which a recording is played."""

from __future__ import annotations

import math
import secrets
import threading
from datetime import UTC, datetime

from aforo.model import MICROSECONDS
from aforo.ports import Clock

_EARLY = (
    0.15  # of a period: a little jitter costs no frame of a camera about as fast as the analysis; no common ratio ties
)
_LONGEST_STEP_US = 86_400 * MICROSECONDS
_LATE_FOR_S = 1.0


class Selection:
    """Selects at most `fps` frames per second by their times, without drift: deadlines are a period apart.

    After a pause longer than a period the deadlines start again from the next frame, so that no burst follows.

    Args:
        fps: frames per second to select; None selects all.
    """

    def __init__(self, fps: float | None) -> None:
        self._period_us = MICROSECONDS / fps if fps is not None else 0.0
        self._deadline_us = -math.inf

    def due(self, at_us: int) -> bool:
        """Whether to analyse the frame of a time (rising, microseconds of any steady clock)."""
        if at_us < self._deadline_us - _EARLY * self._period_us:
            return False
        late = at_us - self._deadline_us > self._period_us
        self._deadline_us = (at_us if late else self._deadline_us) + self._period_us
        return True


class PresentationTimes:
    """Makes the presentation times of a recording strictly rising, from 0.

    A time that does not rise, is not a number, or jumps by more than a day (an overflow) is replaced by the previous
    one plus the nominal period. Plausible times, also of a variable frame rate, are not changed.

    Args:
        period_us: nominal time between frames, microseconds.
    """

    def __init__(self, period_us: int) -> None:
        self._period_us = period_us
        self._origin_us: float | None = None
        self.last_us = -period_us

    def next_us(self, position_ms: float) -> int:
        """Time of the next frame, microseconds since the first, from its presentation time in milliseconds."""
        position_us = position_ms * 1000
        if self._origin_us is None:
            self._origin_us = position_us if math.isfinite(position_us) else 0.0
            self.last_us = 0
            return 0
        step_us = position_us - self._origin_us - self.last_us
        plausible = math.isfinite(step_us) and 1 <= step_us <= _LONGEST_STEP_US
        self.last_us += round(step_us) if plausible else self._period_us
        return self.last_us


class Pace:
    """Plays a recording in real time: tells how early a frame is, and drops it if its successor is due already.

    If the frames are still late after a second of dropping (the machine cannot decode that fast), the recording is
    played more slowly.

    Args:
        period_us: time between frames that are yielded, microseconds.
        clock: processing time.
    """

    def __init__(self, period_us: float, clock: Clock) -> None:
        self._period_us = period_us
        self._clock = clock
        self._origin_us: float | None = None
        self._late_since_us: float | None = None

    def early_us(self, at_us: int) -> int:
        """Time until a frame is due, microseconds; negative if it is late. The first frame is on time."""
        now_us = self._clock.monotonic_s() * MICROSECONDS
        if self._origin_us is None:
            self._origin_us = now_us - at_us
        return round(self._origin_us + at_us - now_us)

    def drops(self, at_us: int) -> bool:
        """Whether the frame is so late that its successor is due."""
        now_us = self._clock.monotonic_s() * MICROSECONDS
        if self.early_us(at_us) >= -self._period_us:
            self._late_since_us = None
            return False
        if self._late_since_us is None:
            self._late_since_us = now_us
        if now_us - self._late_since_us > _LATE_FOR_S * MICROSECONDS:
            self._origin_us = now_us - at_us
            self._late_since_us = None
            return False
        return True


_LONGEST_LEAD_US = 60 * MICROSECONDS


class SessionClock:
    """Gives each frame of a connection its session, index and strictly rising event time.

    A new session starts when the clock is set back, since within a session times only rise.
    """

    def __init__(self) -> None:
        self._session = ""
        self._index = 0
        self._now_us = 0
        self._last_us = 0

    def stamp(self, now_us: int) -> tuple[str, int, int]:
        """Session, index and event time of a frame that arrives now (microseconds since 1970-01-01 UTC)."""
        if not self._session or now_us < self._now_us:
            began = datetime.fromtimestamp(now_us / MICROSECONDS, UTC)
            self._session, self._index = f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}", 0
            self._last_us = now_us
        else:
            self._index += 1
            self._last_us = max(now_us, self._last_us + 1)
        self._now_us = now_us
        return self._session, self._index, self._last_us


class BurstSmoothing:
    """Spreads frames that arrive in bursts over time, by their presentation times.

    A late frame delays all later ones, which leaves a reserve for the next delay; so does a jump of the times.

    Args:
        clock: monotonic time.
        stopped: ends the wait.
    """

    def __init__(self, clock: Clock, stopped: threading.Event) -> None:
        self._clock = clock
        self._stopped = stopped
        self._origin_us: float | None = None

    def wait(self, position_us: float) -> None:
        """Wait until the frame with a presentation time (microseconds) is due."""
        now_us = self._clock.monotonic_s() * MICROSECONDS
        early_us = self._origin_us + position_us - now_us if self._origin_us is not None else 0.0
        if 0 < early_us <= _LONGEST_LEAD_US:
            self._stopped.wait(early_us / MICROSECONDS)
        else:
            self._origin_us = now_us - position_us
