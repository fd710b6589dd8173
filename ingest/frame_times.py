"""Which frames are analysed, when they were seen, and how fast they are handed out."""

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
    """Chooses at most `fps` frames per second by their times, without drift: deadlines lie on a grid.

    A pause longer than a period starts the grid anew, so that it is never followed by a burst.

    Args:
        fps: frames per second to choose; None chooses every frame.
    """

    def __init__(self, fps: float | None) -> None:
        self._period_us = MICROSECONDS / fps if fps is not None else 0.0
        self._deadline_us = -math.inf

    def due(self, at_us: int) -> bool:
        """Whether to analyse the frame of that time (microseconds on any steady clock, rising)."""
        if at_us < self._deadline_us - _EARLY * self._period_us:
            return False
        late = at_us - self._deadline_us > self._period_us
        self._deadline_us = (at_us if late else self._deadline_us) + self._period_us
        return True


class PresentationTimes:
    """Makes the presentation times of a recording strictly rising, from 0, whatever the container says.

    A time that does not rise, is not a number, or leaps by more than a day (an overflow) is replaced by the previous
    one plus the nominal period. Real times, also of a variable frame rate, pass unchanged.

    Args:
        period_us: nominal time from one frame to the next.
    """

    def __init__(self, period_us: int) -> None:
        self._period_us = period_us
        self._origin_us: float | None = None
        self.last_us = -period_us

    def next_us(self, position_ms: float) -> int:
        """Time of the next frame, microseconds since the first, given what the container says."""
        position_us = position_ms * 1000
        if self._origin_us is None:
            self._origin_us = position_us if math.isfinite(position_us) else 0.0
            self.last_us = 0
            return 0
        step_us = position_us - self._origin_us - self.last_us
        believable = math.isfinite(step_us) and 1 <= step_us <= _LONGEST_STEP_US
        self.last_us += round(step_us) if believable else self._period_us
        return self.last_us


class Pace:
    """Hands out a recording at its own pace: waits while a frame is early, drops it when its successor is due already.

    When dropping for a second does not catch up (the machine cannot even decode that fast) the recording is played
    more slowly rather than not at all.

    Args:
        period_us: time from one frame handed out to the next.
        clock: tells and passes processing time.
    """

    def __init__(self, period_us: float, clock: Clock) -> None:
        self._period_us = period_us
        self._clock = clock
        self._origin_us: float | None = None
        self._late_since_us: float | None = None

    def early_us(self, at_us: int) -> int:
        """How long before its time a frame is; negative when it is late. The first frame is on time."""
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

    A clock that is stepped back starts a new session, since within one time never goes back.
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


class Smoothing:
    """Spreads frames that arrive in bursts over the time in which they were seen, by their presentation times.

    A frame that is late moves all later ones, which leaves a reserve for the next delay; so does a leap of the times.

    Args:
        clock: monotonic time.
        stopped: ends the wait.
    """

    def __init__(self, clock: Clock, stopped: threading.Event) -> None:
        self._clock = clock
        self._stopped = stopped
        self._origin_us: float | None = None

    def wait(self, position_us: float) -> None:
        """Wait until it is the turn of the frame with that presentation time."""
        now_us = self._clock.monotonic_s() * MICROSECONDS
        early_us = self._origin_us + position_us - now_us if self._origin_us is not None else 0.0
        if 0 < early_us <= _LONGEST_LEAD_US:
            self._stopped.wait(early_us / MICROSECONDS)
        else:
            self._origin_us = now_us - position_us
