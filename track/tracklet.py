"""A tracklet: one detected object over time. Pure.

A road user may consist of several: a rider is a person and a machine, joined in `track.riders`.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field

from aforo.model import RIDERS, Box, PastPosition
from track.class_evidence import LARGE_PX, UNKNOWN_THING, probabilities
from track.riding import RidingEvidence
from track.scene_scale import SizeNotes

STRIDE = 0.1
"""Smallest displacement that counts as a step, in units of the mean box side; less may be noise."""

INPUT_PX = 640
"""Longer side of the picture as most networks see it, pixels; only a measure of how much they see of somebody."""

_LONGEST_PATH = 256
"""Positions kept of a tracklet that is not confirmed."""


class PartKind(enum.Enum):
    """The part of a road user that a detection shows; a machine is a bicycle or motorcycle."""

    PERSON = "person"
    MACHINE = "machine"
    VEHICLE = "vehicle"


def kind_of(road_user: str) -> PartKind:
    """The kind of a configured road user: people, two-wheelers that people ride, and everything else."""
    if road_user == "pedestrian":
        return PartKind.PERSON
    return PartKind.MACHINE if road_user in RIDERS else PartKind.VEHICLE


class ClassVotes:
    """Votes for a road user's class, one per detection.

    The weight of a vote is the squared confidence: one sure detection counts more than several doubtful ones.

    Attributes:
        other_things: weight of detections as something that is no road user: they are no votes, but doubts.
    """

    __slots__ = ("_log_sides", "_weights", "other_things")

    def __init__(self) -> None:
        self._weights: dict[str, float] = {}
        self._log_sides = 0.0
        self.other_things = 0.0

    def add(self, road_user: str | None, confidence: float, side_px: float = LARGE_PX) -> None:
        """Record one detection.

        Args:
            road_user: its class, None for what is no road user.
            confidence: 0..1.
            side_px: mean side of its box, pixels of the network's input.
        """
        weight = confidence * confidence
        if road_user is None:
            self.other_things += weight
            return
        self._weights[road_user] = self._weights.get(road_user, 0.0) + weight
        self._log_sides += weight * math.log(max(side_px, 1.0))

    def merge(self, other: ClassVotes) -> None:
        """Take over the votes of another track of the same road user."""
        for road_user, weight in other._weights.items():
            self._weights[road_user] = self._weights.get(road_user, 0.0) + weight
        self._log_sides += other._log_sides
        self.other_things += other.other_things

    def probabilities(self, size_in_cars: float | None = None) -> dict[str, float] | None:
        """The probability of each class, as `track.class_evidence` tells it; None where it cannot."""
        total = sum(self._weights.values())
        if not total:
            return None
        weights = self._weights | ({UNKNOWN_THING: self.other_things} if self.other_things else {})
        return probabilities(weights, math.exp(self._log_sides / total), size_in_cars)

    def share(self, *road_users: str) -> float:
        """The share of some classes in all votes, 0..1; 0 before the first vote."""
        total = sum(self._weights.values())
        return sum(self._weights.get(road_user, 0.0) for road_user in road_users) / total if total else 0.0

    def best_of(self, *road_users: str) -> str | None:
        """That of some classes with the largest weight, None if none has a vote."""
        voted = [road_user for road_user in road_users if road_user in self._weights]
        return max(voted, key=lambda road_user: self._weights[road_user]) if voted else None

    @property
    def best(self) -> str | None:
        """The class of the largest weight, None before the first vote; of equal ones the first."""
        return self.best_of(*self._weights)


@dataclass(slots=True)
class Tracklet:
    """One detected object over time; ids are unique within camera and session.

    Attributes:
        kind: the part of a road user that it is.
        votes: for its class.
        sizes: of a vehicle, how large it looked on its way.
        riding: of a person, whether it rides a machine that is not tracked.
        box: of the newest detection, fractions of the frame.
        last_at_us: event time of the newest detection.
        confidence: of the newest detection.
        hits: detections so far.
        best_confidence: the highest so far, of detections as a road user.
        origin: the first position.
        moved: greatest displacement from the origin so far, in units of the mean box side.
        strides: steps, each of at least `STRIDE`, in which `moved` was reached; few when a tracklet only jumps from one
            parked machine to the next.
        path: positions before the road user is confirmed; empty afterwards.
    """

    id: int
    kind: PartKind
    box: Box
    last_at_us: int
    origin: PastPosition
    confidence: float = 0.0
    hits: int = 0
    best_confidence: float = 0.0
    moved: float = 0.0
    strides: int = 0
    votes: ClassVotes = field(default_factory=ClassVotes)
    riding: RidingEvidence = field(default_factory=RidingEvidence)
    sizes: SizeNotes = field(default_factory=SizeNotes)
    path: list[PastPosition] = field(default_factory=list)

    def observe(self, at_us: int, box: Box, confidence: float, road_user: str | None, aspect: float) -> None:
        """Add one detection.

        Args:
            at_us: event time.
            box: fractions of the frame.
            confidence: 0..1.
            road_user: its class; None for a label that is no road user: it continues the tracklet without a vote.
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
        side = math.sqrt(max(box.width * aspect * box.height, 0.0)) / max(aspect, 1.0)
        self.votes.add(road_user, confidence, side * INPUT_PX)
        if self.kind is PartKind.VEHICLE:
            self.sizes.observe(box, aspect)
        if len(self.path) < _LONGEST_PATH:
            self.path.append(PastPosition(at_us, box))


def displacement(before: Box, after: Box, aspect: float) -> float:
    """Displacement of a box in units of its mean side; robust against an edge being cut by the frame's border.

    In each axis the smaller motion of the two edges counts: a box that only grows has not moved.
    """
    dx = _smaller(after.x1 - before.x1, after.x2 - before.x2) * aspect
    dy = _smaller(after.y1 - before.y1, after.y2 - before.y2)
    side = (max(before.width, after.width) * aspect + max(before.height, after.height)) / 2
    return math.hypot(dx, dy) / max(side, 1e-6)


def _smaller(a: float, b: float) -> float:
    if a * b <= 0:
        return 0.0
    return a if abs(a) < abs(b) else b
