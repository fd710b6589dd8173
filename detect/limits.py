"""Limits and names that every detector shares, whatever engine runs it."""

from __future__ import annotations

LOWEST_CONFIDENCE = 0.15
"""Boxes below this are noise even to the tracker's second association, which has the same limit."""


NMS_IOU = 0.7
"""Ultralytics' default for prediction."""


OTHER_LABEL = "anything else"
"""The label of boxes that are most like something that is no road user: they may continue a track, never start one.

Seen from straight above, the same car is a car in one frame and a mobile phone in the next.
"""


OTHER_CONFIDENCE = 0.25
"""Boxes of other labels below this are not even worth that."""


def one_line(error: Exception) -> str:
    """What a library had to say, without line ends."""
    return " ".join(str(error).split()) or type(error).__name__
