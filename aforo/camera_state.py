"""Why a camera is not well: sentences for people that a page can also say in its reader's language."""

from __future__ import annotations

from dataclasses import dataclass

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


class Reason(str):
    """One of the `SENTENCES`, as text in English.

    Attributes:
        code: its key.
        values: what was filled in.
    """

    code: str
    values: tuple[str, ...]

    def __new__(cls, code: str, *values: object) -> Reason:
        """The sentence of that code with the values filled in."""
        texts = tuple(str(value) for value in values)
        reason = super().__new__(cls, SENTENCES[code].format(*texts))
        reason.code, reason.values = code, texts
        return reason

    def __getnewargs__(self) -> tuple[str, ...]:  # type: ignore[override]
        """What makes a copy."""
        return self.code, *self.values


def in_parts(reason: str) -> dict[str, object]:
    """The sentence as answers have it: as text, and as code and values where it has any."""
    code, values = (reason.code, list(reason.values)) if isinstance(reason, Reason) else (None, [])
    return {"reason": reason, "reason_code": code, "reason_values": values}


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
        state: "connecting", "live", "frozen" (connected, but no new picture), "offline" or "ended" (recording over).
        since_us: processing time at which it came into this state.
        last_frame_us: event time of the newest frame, None before the first.
        fps: frames analysed per second, over the last seconds.
        dropped: frames thrown away unseen since the start.
        width_px, height_px: of the newest frame, 0 before the first.
        reason: one sentence for people, "" while all is well; never with credentials.
    """

    camera: str
    state: str
    since_us: int
    last_frame_us: int | None
    fps: float
    dropped: int
    width_px: int
    height_px: int
    reason: str
