"""One detected thing followed through the frames. Pure.

A road user may consist of several: a rider is a person and a machine, joined in `track.riders`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

from aforo.model import Box, Observation

STRIDE = 0.1
"""Smallest step of a motion, in units of the mean box side; less may be noise."""

_MOST_UNCONFIRMED = 256


class Kind(enum.Enum):
    """What a detector's box can be a part of."""

    PERSON = "person"
    MACHINE = "machine"
    VEHICLE = "vehicle"


def kind_of(road_user: str) -> Kind:
    """The kind of a configured road user: people, two-wheelers that people ride, and everything else."""
    match road_user:
        case "pedestrian":
            return Kind.PERSON
        case "cyclist" | "motorcyclist":
            return Kind.MACHINE
        case _:
            return Kind.VEHICLE


class ClassVotes:
    """Votes for road users, one per detection, weighted by the detection's confidence.

    A sure look counts more than many doubtful ones, so the weight is the square of the confidence.
    """

    __slots__ = ("_weights",)

    def __init__(self) -> None:
        self._weights: dict[str, float] = {}

    def add(self, road_user: str, confidence: float) -> None:
        """Record one detection of that class, with its confidence 0..1."""
        self._weights[road_user] = self._weights.get(road_user, 0.0) + confidence * confidence

    def merge(self, other: ClassVotes) -> None:
        """Take over the votes of another track of the same road user."""
        for road_user, weight in other._weights.items():
            self._weights[road_user] = self._weights.get(road_user, 0.0) + weight

    @property
    def best(self) -> str | None:
        """The class with the most weight, None before the first vote; the first seen wins a draw."""
        return max(self._weights, key=lambda road_user: self._weights[road_user]) if self._weights else None


@dataclass(slots=True)
class Tracklet:
    """One detected thing followed through the frames; ids are unique within camera and session.

    Attributes:
        kind: what it can be a part of.
        votes: for its class.
        box: newest, fractions of the frame.
        last_at_us: event time of the newest detection.
        confidence: of the newest detection.
        hits: detections so far.
        best_confidence: the highest so far, of detections as a road user.
        origin: the first observation.
        moved: farthest distance of the centre from its origin so far, in units of the mean box side.
        strides: steps in which it came so far, each of at least `STRIDE`; a track that slips from one parked machine
            to the next makes few.
        path: observations until the track is confirmed, then none.
    """

    id: int
    kind: Kind
    box: Box
    last_at_us: int
    origin: Observation
    confidence: float = 0.0
    hits: int = 0
    best_confidence: float = 0.0
    moved: float = 0.0
    strides: int = 0
    votes: ClassVotes = field(default_factory=ClassVotes)
    path: list[Observation] = field(default_factory=list)

    def observe(self, at_us: int, box: Box, confidence: float, road_user: str | None, aspect: float) -> None:
        """Take in one detection.

        Args:
            at_us: event time.
            box: fractions of the frame.
            confidence: 0..1.
            road_user: its class, None where the detector took it for something else: it is followed all the same, and
                is believed once it has shown what it is.
            aspect: the frame's width over its height.
        """
        self.box, self.last_at_us, self.confidence = box, at_us, confidence
        self.hits += 1
        away = displacement(self.origin.box, box, aspect)
        if away >= self.moved + STRIDE:
            self.strides += 1
            self.moved = away
        if road_user is not None:
            self.best_confidence = max(self.best_confidence, confidence)
            self.votes.add(road_user, confidence)
        if len(self.path) < _MOST_UNCONFIRMED:
            self.path.append(Observation(at_us, box))


def displacement(before: Box, after: Box, aspect: float) -> float:
    """How far a box went, in units of its mean side; robust against one side being cut by the frame's border.

    The smaller of the motions of the two edges in each direction counts: a box that only grows has not moved.
    """
    dx = _smaller(after.x1 - before.x1, after.x2 - before.x2) * aspect
    dy = _smaller(after.y1 - before.y1, after.y2 - before.y2)
    side = (max(before.width, after.width) * aspect + max(before.height, after.height)) / 2
    return math.hypot(dx, dy) / max(side, 1e-6)


def _smaller(a: float, b: float) -> float:
    if a * b <= 0:
        return 0.0
    return a if abs(a) < abs(b) else b
