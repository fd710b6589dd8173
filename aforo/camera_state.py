"""How a camera or the writing is doing, and why not well: codes for programs, and sentences for people."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from aforo.errors import SourceError
from aforo.words.catalogue import words_of

ProblemCode = Literal[
    "unresolved",
    "unreachable",
    "silent",
    "hung-up",
    "no-video",
    "login-refused",
    "http-status",
    "rtsp-status",
    "videoless",
    "av1-camera",
    "other-content",
    "slow-video",
    "no-usb",
    "no-picture",
    "frozen",
    "stream-over",
    "undecodable",
    "decoder-stuck",
    "no-file",
    "directory",
    "empty-file",
    "unreadable",
    "no-video-file",
    "one-picture",
    "sound-only",
    "no-index",
    "pictureless",
    "cut-off",
    "assumed-rate",
    "file-twice",
    "sizes-differ",
    "files-overlap",
    "start-untold",
    "not-here",
    "not-shown",
    "no-worker",
    "worker-gone",
    "no-store",
    "not-counted",
    "never-counted",
    "write-refused",
    "write-overdue",
    "write-fault",
    "publish-refused",
    "unwritten",
]
"""Which sentence of the catalogue of words says it, under `problems`."""


class CameraState(StrEnum):
    """How a camera is doing, in one word.

    >>> CameraState("frozen") is CameraState.FROZEN, f"the camera is {CameraState.LIVE}"
    (True, 'the camera is live')
    """

    CONNECTING = "connecting"
    LIVE = "live"
    FROZEN = "frozen"  # connected, but no new picture
    OFFLINE = "offline"
    ENDED = "ended"  # a recording that is over
    UNKNOWN = "unknown"  # no process that runs it was seen lately


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a camera, or the writing of what is counted, is not well: the code of a sentence and what is filled in.

    `str` gives the sentence in English.

    Attributes:
        code: of its sentence in the catalogue of words.
        values: what is filled in, in order; never with credentials.

    >>> str(Problem.of("frozen", 4))
    'connected, but no new picture for 4 s'
    """

    code: ProblemCode
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, code: ProblemCode, *values: object) -> Problem:
        """The sentence of that code, with these values as text."""
        return cls(code, tuple(map(str, values)))

    def __str__(self) -> str:
        return words_of("en").problems[self.code].format(*self.values)


def in_parts(problem: Problem | None) -> dict[str, object]:
    """The problem as answers have it: its sentence in English, its code and its values; no problem has no code.

    >>> in_parts(Problem.of("frozen", 4))
    {'reason': 'connected, but no new picture for 4 s', 'reason_code': 'frozen', 'reason_values': ['4']}
    """
    if problem is None:
        return {"reason": "", "reason_code": None, "reason_values": []}
    return {"reason": str(problem), "reason_code": problem.code, "reason_values": list(problem.values)}


class ProblemError(SourceError):
    """A video or camera cannot be read, and which `Problem` it has.

    >>> error = ProblemError(Problem.of("frozen", 4))
    >>> error.problem.code, str(error)
    ('frozen', 'connected, but no new picture for 4 s')

    Attributes:
        problem: its sentence is the message.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class LiveEndpoint:
    """Where the live pictures of a camera are to be had.

    >>> LiveEndpoint("north", "http://10.0.0.7:8001", seen_us=1_700_000_000_000_000).url
    'http://10.0.0.7:8001'

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

    >>> status = CameraStatus("north", CameraState.LIVE, 1_700_000_000_000_000, None, 9.8, 3, 1920, 1080, problem=None)
    >>> f"{status.state}: {status.fps} frames per second, {status.dropped} dropped"
    'live: 9.8 frames per second, 3 dropped'

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


@dataclass(frozen=True, slots=True)
class LiveCamera:
    """How a camera is doing, as far as this process knows.

    >>> elsewhere = LiveCamera("north", CameraState.UNKNOWN, Problem.of("no-worker"))
    >>> elsewhere.status is None  # its figures are in the process that runs it
    True

    Attributes:
        problem: why it is not well or not to be seen, None while all is well.
        status: with figures, where the camera runs in this process; None where another one runs it.
        known_cars: how many cars' sizes by place are kept of it, which tell vans from lorries; None where unknown.
    """

    camera: str
    state: CameraState
    problem: Problem | None
    status: CameraStatus | None = None
    known_cars: int | None = None

    @classmethod
    def of(cls, status: CameraStatus) -> LiveCamera:
        """Of a camera that runs in this process."""
        return cls(status.camera, status.state, status.problem, status)
