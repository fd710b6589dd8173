"""When to open, abandon and reopen a camera: a pure state machine, without clock, threads or captures.

connecting ──picture──> live ──silence──> frozen ──┐
│                      │                       ├─ back-off, then open again; the state stays until a picture
└──failure or silence──┴──failure──> offline ──┘  comes, so it shows since when the camera has been away
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from aforo.camera_state import CameraState, Problem


class Action(Enum):
    """What the owner of the connection has to do now."""

    NONE = "none"
    OPEN = "open"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """Timeouts and back-off, seconds.

    Attributes:
        frozen_after_s: a live camera is frozen after this time without a new picture.
        unanswered_after_s: an attempt has failed after this time without a first picture.
        first_delay_s: delay before the second attempt; it doubles with each failure.
        longest_delay_s: longest delay.
        jitter: random share of the delay, 0..1, so that cameras lost together do not reconnect together.
        stable_after_s: after this time live, the next delay is the first one again.
    """

    frozen_after_s: float = 10.0
    unanswered_after_s: float = 20.0
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    jitter: float = 0.3
    stable_after_s: float = 10.0

    def delay_s(self, failures: int, draw: float) -> float:
        """Delay after a number of failures in a row (from 1), seconds; `draw` is a random number 0..1."""
        doublings = min(failures - 1, 32)
        return min(self.longest_delay_s, self.first_delay_s * 2.0**doublings) * (1 - self.jitter * draw)


@dataclass(frozen=True, slots=True)
class ReaderView:
    """A reader's state as the watchdog sees it.

    Attributes:
        pictures: number of pictures so far.
        quiet_since_s: monotonic time of the last one, or of the start of opening; None while opening is queued.
        failure: why the reader has ended, None while it runs.
    """

    pictures: int = 0
    quiet_since_s: float | None = None
    failure: Problem | None = None


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """The connection to one camera.

    Attributes:
        state: of the camera.
        problem: why it is not live, None without a problem.
        reading: True while there is a reader.
        failures: number of failures in a row.
        retry_at_s: monotonic time of the next attempt, while there is no reader.
        live_since_s: monotonic time at which the state last became live.
    """

    state: CameraState = CameraState.CONNECTING
    problem: Problem | None = None
    reading: bool = False
    failures: int = 0
    retry_at_s: float = -math.inf
    live_since_s: float = math.inf


def next_connection_state(
    connection: ConnectionState, view: ReaderView, now_s: float, policy: ReconnectPolicy, draw: float
) -> tuple[ConnectionState, Action]:
    """The next state of a connection, and what to do.

    Args:
        connection: the state so far.
        view: of the present reader; ignored while there is none.
        now_s: monotonic time, seconds.
        policy: timeouts and back-off.
        draw: a random number 0..1, for the jitter.
    """
    if not connection.reading:
        if now_s < connection.retry_at_s:
            return connection, Action.NONE
        return replace(connection, reading=True), Action.OPEN
    if view.pictures and connection.state is not CameraState.LIVE:
        connection = replace(connection, state=CameraState.LIVE, problem=None, live_since_s=now_s)
    if view.failure is not None:
        return _lost(connection, CameraState.OFFLINE, view.failure, now_s, policy, draw), Action.GIVE_UP
    if view.quiet_since_s is None:
        return connection, Action.NONE
    quiet_s = now_s - view.quiet_since_s
    if connection.state is CameraState.LIVE and quiet_s > policy.frozen_after_s:
        problem = Problem.of("frozen", f"{quiet_s:.0f}")
        return _lost(connection, CameraState.FROZEN, problem, now_s, policy, draw), Action.GIVE_UP
    if connection.state is not CameraState.LIVE and quiet_s > policy.unanswered_after_s:
        problem = Problem.of("no-picture", f"{policy.unanswered_after_s:.0f}")
        return _lost(connection, CameraState.OFFLINE, problem, now_s, policy, draw), Action.GIVE_UP
    return connection, Action.NONE


def _lost(
    connection: ConnectionState,
    state: CameraState,
    problem: Problem,
    now_s: float,
    policy: ReconnectPolicy,
    draw: float,
) -> ConnectionState:
    was_stable = connection.state is CameraState.LIVE and now_s - connection.live_since_s >= policy.stable_after_s
    failures = 1 if was_stable else connection.failures + 1
    return ConnectionState(
        state, problem, reading=False, failures=failures, retry_at_s=now_s + policy.delay_s(failures, draw)
    )
