"""Tracks in the form of the MOTChallenge, for TrackEval and its kin."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import NamedTuple

from aforo.model import MICROSECONDS, Box, TrackedFrame

LONGEST_GAP_S = 1.0
"""Longer gaps inside a track are left open."""

SURE_CONFIDENCE = 0.6
"""Tracks whose surest detection is less sure than this are left out: they may be right, but are no evidence."""


class _Place(NamedTuple):
    frame: int
    box: Box
    confidence: float


class MotTracks:
    """Collects the tracks of one session.

    Positions from before a track was confirmed are put back where they belong, short gaps are filled with straight
    motion, and tracks that turned out to be part of another road user are left out.

    Args:
        confidence: what the surest detection of a track must reach.
    """

    def __init__(self, confidence: float = SURE_CONFIDENCE) -> None:
        self._confidence = confidence
        self._places: dict[int, list[_Place]] = {}
        self._road_user: dict[int, str | None] = {}
        self._index_of: dict[int, int] = {}
        self._size = (1, 1)

    def take(self, message: TrackedFrame) -> None:
        """Take in the next message of the session."""
        if not message.last:
            self._index_of[message.captured_at_us] = message.index
            self._size = message.width_px, message.height_px
        for seen in message.objects:
            places = self._places.setdefault(seen.track_id, [])
            places += [_Place(self._index_of[at_us], box, seen.confidence) for at_us, box in seen.backfill]
            places.append(_Place(message.index, seen.box, seen.confidence))
            self._road_user[seen.track_id] = seen.road_user
        for end in message.ended:
            self._road_user[end.track_id] = end.road_user

    def number(self, road_users: Collection[str] | None = None) -> int:
        """How many tracks there are of these road users; None for all."""
        return len(self._chosen(road_users))

    def text(self, road_users: Collection[str] | None = None) -> str:
        """The file's content, by frame and id; frames are 1-based, boxes in pixels."""
        width, height = self._size
        rows = sorted(
            (place.frame + 1, track_id, place)
            for track_id in self._chosen(road_users)
            for place in _without_gaps(self._places[track_id], self._longest_gap())
        )
        return "".join(
            f"{frame},{track_id},{box.x1 * width:.2f},{box.y1 * height:.2f},"
            f"{box.width * width:.2f},{box.height * height:.2f},{confidence:.3f},-1,-1,-1\n"
            for frame, track_id, (_, box, confidence) in rows
        )

    def _chosen(self, road_users: Collection[str] | None) -> list[int]:
        return [
            track_id
            for track_id, road_user in self._road_user.items()
            if road_user is not None
            and (not road_users or road_user in road_users)
            and max(place.confidence for place in self._places[track_id]) >= self._confidence
        ]

    def _longest_gap(self) -> int:
        """`LONGEST_GAP_S` in frames."""
        times = sorted(self._index_of.items())
        if len(times) < 2:  # noqa: PLR2004 (no rate without two frames)
            return 1
        (first_us, first), (last_us, last) = times[0], times[-1]
        return round(LONGEST_GAP_S * MICROSECONDS * (last - first) / (last_us - first_us))


def _without_gaps(places: list[_Place], longest: int) -> list[_Place]:
    """The places of a track, in order, one per frame, short gaps filled by interpolation."""
    unique = sorted({place.frame: place for place in places}.values())
    filled = unique[:1]
    for before, after in itertools.pairwise(unique):
        gap = after.frame - before.frame
        for frame in range(before.frame + 1, after.frame) if gap <= longest else ():
            share = (frame - before.frame) / gap
            box = Box(*(a + (b - a) * share for a, b in zip(before.box, after.box, strict=True)))
            filled.append(_Place(frame, box, min(before.confidence, after.confidence)))
        filled.append(after)
    return filled
