"""The newest picture of a camera, and what was tracked in it."""

from __future__ import annotations

from dataclasses import dataclass

from aforo.model import Frame, TrackedFrame


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest frame of a camera and what was seen in it; when it came, in processing time and monotonic seconds."""

    frame: Frame
    tracked: TrackedFrame
    came_at_us: int
    came_at_s: float
