"""The newest frame of a camera, and what a picture of it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aforo.model import Frame, TrackedFrame
from api.running_counts import LineCounts


@dataclass(frozen=True, slots=True)
class NewestFrame:
    """The newest frame of a camera.

    Attributes:
        tracked: what was seen in it.
        came_at_us: processing time at which it came.
        came_at_s: the same in monotonic seconds.
    """

    frame: Frame
    tracked: TrackedFrame
    came_at_us: int
    came_at_s: float


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """All that a picture of a camera shows at one instant.

    Attributes:
        newest: the frame.
        overdue: the next frame should have come by now: the picture turns grey.
        ended: it is overdue because the recording is over.
        counts: running counts by line id, None where they are not known.
    """

    newest: NewestFrame
    overdue: bool
    ended: bool
    counts: Mapping[str, LineCounts] | None
