"""How a camera is doing, and why it is not well: sentences that a page can also say in its reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from aforo.errors import SourceError

SENTENCES = {
    "unresolved": "the host name of {0} cannot be resolved",
    "unreachable": "{0} cannot be reached: {1}",
    "silent": "{0} does not answer within {1} s",
    "hung-up": "{0} closes the connection without an answer",
    "no-video": "{0} answers but gives no video; check the path, the user and the password",
    "slow-video": "{0} accepts the connection but gives no video within {1} s",
    "no-usb": "{0} is not a USB camera that can be opened; is it plugged in, and not used by another program?",
    "no-picture": "no picture within {0} s of connecting",
    "frozen": "connected, but no new picture for {0} s",
    "stream-over": "{0} ended the stream, or sent nothing for {1} s",
    "undecodable": "{0} cannot be decoded ({1})",
    "decoder-stuck": "{0} earlier connections still hang in the video decoder; trying again when one ends",
    "no-file": "no such video: {0}",
    "directory": "{0} is a directory, expected a video file",
    "empty-file": "{0} is empty (0 bytes), expected a video file",
    "unreadable": "cannot read the video {0}: {1}",
    "no-video-file": "{0} is not a video that can be read, or it is damaged at its start or was cut off",
    "pictureless": "{0} holds no picture that can be decoded",
    "cut-off": "{0} is damaged or cut off: its header announces {1} frames, only {2} could be read and the last {3} s "
    "are missing",
    "not-here": "no camera runs in this process",
    "not-shown": "it is counted, but no worker shows its pictures; set `api.announce` for the workers",
    "no-worker": "no worker shows it, and nothing of it was counted lately",
    "worker-gone": "no worker has shown it since {0}, and nothing of it was counted lately",
    "no-store": "the cameras' states cannot be read: {0}",
}
"""By code, in English; the page has the same ones in Spanish."""


class CameraState(StrEnum):
    """How a camera is doing, in one word."""

    CONNECTING = "connecting"
    LIVE = "live"
    FROZEN = "frozen"  # connected, but no new picture
    OFFLINE = "offline"
    ENDED = "ended"  # a recording that is over
    UNKNOWN = "unknown"  # no process that runs it was seen lately


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a camera is not well: one of the `SENTENCES`, with what is filled in; `str` gives it in English.

    Attributes:
        code: key of the sentence.
        values: what is filled in, in order; never with credentials.

    >>> str(Problem.of("frozen", 4))
    'connected, but no new picture for 4 s'
    """

    code: str
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, code: str, *values: object) -> Problem:
        """The sentence of that code, with these values as text."""
        return cls(code, tuple(map(str, values)))

    def __str__(self) -> str:
        return SENTENCES[self.code].format(*self.values)


def in_parts(problem: Problem | None) -> dict[str, object]:
    """The problem as answers have it: its sentence in English, its code and its values; no problem has no code."""
    if problem is None:
        return {"reason": "", "reason_code": None, "reason_values": []}
    return {"reason": str(problem), "reason_code": problem.code, "reason_values": list(problem.values)}


class ProblemError(SourceError):
    """A video or camera cannot be read, and which `Problem` it has.

    Attributes:
        problem: its sentence is the message.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class LiveEndpoint:
    """Where the live pictures of a camera are to be had.

    Attributes:
        url: base address of the process that analyses it, such as `http://10.0.0.7:8001`.
        seen_us: processing time at which that process last said so.
    """

    camera: str
    url: str
    seen_us: int


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a camera is doing, for operators.

    Attributes:
        since_us: processing time at which it came into this state.
        last_frame_us: event time of the newest frame, None before the first.
        fps: frames analysed per second, over the last seconds.
        dropped: frames thrown away unseen since the start.
        width_px, height_px: of the newest frame, 0 before the first.
        problem: why it is not well, None while all is well.
    """

    camera: str
    state: CameraState
    since_us: int
    last_frame_us: int | None
    fps: float
    dropped: int
    width_px: int
    height_px: int
    problem: Problem | None
