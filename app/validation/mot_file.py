"""Tracks in the MOTChallenge format, for TrackEval and similar tools."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import NamedTuple

from aforo.model import MICROSECONDS, Box, TrackedFrame

LONGEST_GAP_S = 1.0
"""Longest gap inside a track that is filled by interpolation."""

SURE_CONFIDENCE = 0.6
"""Least value of a track's highest confidence; other tracks are left out."""


class _FrameBox(NamedTuple):
    """A track's box in one frame."""

    frame: int
    box: Box
    confidence: float


class MotTracks:
    """Collects the tracks of one session.

    Positions before a track was confirmed are added to their frames, short gaps are interpolated, and tracks that were
    withdrawn (part of another road user) are left out.

    Args:
        confidence: least value of a track's highest confidence.
    """

    def __init__(self, confidence: float = SURE_CONFIDENCE) -> None:
        self._confidence = confidence
        self._boxes: dict[int, list[_FrameBox]] = {}
        self._road_user: dict[int, str | None] = {}
        self._index_of: dict[int, int] = {}
        self._size = (1, 1)

    def add(self, message: TrackedFrame) -> None:
        """Add the next message of the session."""
        if not message.last:
            self._index_of[message.captured_at_us] = message.index
            self._size = message.width_px, message.height_px
        for seen in message.objects:
            boxes = self._boxes.setdefault(seen.track_id, [])
            boxes += [_FrameBox(self._index_of[at_us], box, seen.confidence) for at_us, box in seen.backfill]
            boxes.append(_FrameBox(message.index, seen.box, seen.confidence))
            self._road_user[seen.track_id] = seen.road_user
        for end in message.ended:
            self._road_user[end.track_id] = end.road_user

    def number(self, road_users: Collection[str] | None = None) -> int:
        """Number of tracks of some road users; None for all."""
        return len(self._selected(road_users))

    def text(self, road_users: Collection[str] | None = None) -> str:
        """The file's content, by frame and id; frames are 1-based, boxes in pixels."""
        width, height = self._size
        rows = sorted(
            (seen_box.frame + 1, track_id, seen_box)
            for track_id in self._selected(road_users)
            for seen_box in _without_gaps(self._boxes[track_id], self._longest_gap())
        )
        return "".join(
            f"{frame},{track_id},{box.x1 * width:.2f},{box.y1 * height:.2f},"
            f"{box.width * width:.2f},{box.height * height:.2f},{confidence:.3f},-1,-1,-1\n"
            for frame, track_id, (_, box, confidence) in rows
        )

    def _selected(self, road_users: Collection[str] | None) -> list[int]:
        return [
            track_id
            for track_id, road_user in self._road_user.items()
            if road_user is not None
            and (not road_users or road_user in road_users)
            and max(seen_box.confidence for seen_box in self._boxes[track_id]) >= self._confidence
        ]

    def _longest_gap(self) -> int:
        """`LONGEST_GAP_S` in frames."""
        times = sorted(self._index_of.items())
        if len(times) < 2:  # noqa: PLR2004 (no rate without two frames)
            return 1
        (first_us, first), (last_us, last) = times[0], times[-1]
        return round(LONGEST_GAP_S * MICROSECONDS * (last - first) / (last_us - first_us))


def _without_gaps(boxes: list[_FrameBox], longest: int) -> list[_FrameBox]:
    """The boxes of a track in order, one per frame, with short gaps interpolated."""
    unique = sorted({seen_box.frame: seen_box for seen_box in boxes}.values())
    filled = unique[:1]
    for before, after in itertools.pairwise(unique):
        gap = after.frame - before.frame
        for frame in range(before.frame + 1, after.frame) if gap <= longest else ():
            share = (frame - before.frame) / gap
            box = Box(*(a + (b - a) * share for a, b in zip(before.box, after.box, strict=True)))
            filled.append(_FrameBox(frame, box, min(before.confidence, after.confidence)))
        filled.append(after)
    return filled
