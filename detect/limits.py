"""Limits and names that all detectors share; imports no engine."""

from __future__ import annotations

NMS_IOU = 0.7
"""IoU above which two boxes of one label are one object: Ultralytics' default for prediction."""

OTHER_LABEL = "anything else"
"""The label of boxes that are no road user: such a box may continue a track, never start one.

Seen from straight above, the same car may be a car in one frame and a mobile phone in the next.
"""

OTHER_CONFIDENCE = 0.25
"""Lowest confidence of boxes with `OTHER_LABEL`."""


def one_line(error: Exception) -> str:
    """The message of a library's error on one line; its class name if there is none."""
    return " ".join(str(error).split()) or type(error).__name__
