"""When to open, give up and reopen a camera: a pure state machine, without a clock, a thread or a camera.

connecting ──picture──> live ──quiet──> frozen ──┐
│                    │                       ├─ back-off, then open again; the state stays until a picture
└──failure or quiet──┴──failure──> offline ──┘  comes, so that it tells for how long the camera has been away
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

from aforo.camera_state import CameraState, Problem


class Action(Enum):
    """What the owner of the camera has to do now."""

    NONE = "none"
    OPEN = "open"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class ReconnectPolicy:
    """How patient to be; all in seconds.

    Attributes:
        frozen_after_s: without a new picture for so long, a live camera is frozen.
        unanswered_after_s: without a first picture so long after opening began, the attempt is given up.
        first_delay_s: wait before the second attempt; it doubles with each failure.
        longest_delay_s: but never beyond this.
        jitter: share of the delay that is left to chance, so that cameras lost together do not return together.
        stable_after_s: a camera live for so long starts again with the first delay.
    """

    frozen_after_s: float = 10.0
    unanswered_after_s: float = 20.0
    first_delay_s: float = 0.5
    longest_delay_s: float = 30.0
    jitter: float = 0.3
    stable_after_s: float = 10.0

    def delay_s(self, failures: int, draw: float) -> float:
        """Wait after that many failures in a row (from 1), given a number drawn from 0..1."""
        doublings = min(failures - 1, 32)
        return min(self.longest_delay_s, self.first_delay_s * 2.0**doublings) * (1 - self.jitter * draw)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a reader from outside.

    Attributes:
        pictures: pictures that arrived so far.
        quiet_since_s: when the last one arrived, or opening began; None while opening waits for its turn.
        failure: why the reader has ended, None while it has not.
    """

    pictures: int = 0
    quiet_since_s: float | None = None
    failure: Problem | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """The connection to one camera.

    Attributes:
        problem: why it is not live, None while nothing is wrong.
        reading: a reader is at work.
        failures: in a row.
        retry_at_s: when to open next, while no reader is at work.
        live_since_s: when the state last became live.
    """

    state: CameraState = CameraState.CONNECTING
    problem: Problem | None = None
    reading: bool = False
    failures: int = 0
    retry_at_s: float = -math.inf
    live_since_s: float = math.inf


def advance(link: Link, sight: Sight, now_s: float, policy: ReconnectPolicy, draw: float) -> tuple[Link, Action]:
    """The next state and what to do.

    Args:
        link: the state so far.
        sight: what is seen of the present reader; not looked at while there is none.
        now_s: monotonic time.
        policy: how patient to be.
        draw: a random number 0..1, for the jitter.
    """
    if not link.reading:
        if now_s < link.retry_at_s:
            return link, Action.NONE
        return replace(link, reading=True), Action.OPEN
    if sight.pictures and link.state is not CameraState.LIVE:
        link = replace(link, state=CameraState.LIVE, problem=None, live_since_s=now_s)
    if sight.failure is not None:
        return _lost(link, CameraState.OFFLINE, sight.failure, now_s, policy, draw), Action.GIVE_UP
    if sight.quiet_since_s is None:
        return link, Action.NONE
    quiet_s = now_s - sight.quiet_since_s
    if link.state is CameraState.LIVE and quiet_s > policy.frozen_after_s:
        problem = Problem.of("frozen", f"{quiet_s:.0f}")
        return _lost(link, CameraState.FROZEN, problem, now_s, policy, draw), Action.GIVE_UP
    if link.state is not CameraState.LIVE and quiet_s > policy.unanswered_after_s:
        problem = Problem.of("no-picture", f"{policy.unanswered_after_s:.0f}")
        return _lost(link, CameraState.OFFLINE, problem, now_s, policy, draw), Action.GIVE_UP
    return link, Action.NONE


def _lost(link: Link, state: CameraState, problem: Problem, now_s: float, policy: ReconnectPolicy, draw: float) -> Link:
    was_stable = link.state is CameraState.LIVE and now_s - link.live_since_s >= policy.stable_after_s
    failures = 1 if was_stable else link.failures + 1
    return Link(state, problem, reading=False, failures=failures, retry_at_s=now_s + policy.delay_s(failures, draw))
