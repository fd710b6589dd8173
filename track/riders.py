"""Joining what belongs together: riders and their machines, passengers and their vehicles. Pure.

A detector sees a cyclist as a person and a bicycle. Whether two tracklets are one road user shows only over time: they
overlap as a rider overlaps a machine, and they move together. Parked machines never move, so they join nobody.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass

from aforo.model import Box
from track.tracklet import Kind, Tracklet, displacement

MINIMUM_FRAMES = 3
"""Frames in which both were seen together before anything is decided."""

TOGETHER_SHARE = 0.6
"""Share of the frames with both in view in which they must fit each other."""

MINIMUM_MOTION = 0.5
"""How far the machine must have gone meanwhile, in units of its mean side."""

RIDER_OVERLAP = 0.15
"""Smallest shared area of a rider and a machine, as a share of the smaller box."""

CARRIED_OVERLAP = 0.8
"""Smallest share of a passenger's box inside the vehicle's."""

CARRIER_AREA = 2.5
"""A vehicle's box is at least so many times larger than its passenger's."""

CARRIED_HEIGHT = 0.1
"""A passenger's lower end is this share of the vehicle's height above the ground: who rides before it is lower."""

RIDING_HEIGHT = 0.1
"""A rider's feet are this share of the machine's height above the ground, on average; a pusher's are on it."""


class Tie(enum.Enum):
    """How two tracklets belong together."""

    RIDES = "rides"
    PUSHES = "pushes"
    CARRIED = "carried"


@dataclass(frozen=True, slots=True)
class Join:
    """Two tracklets that are one road user: `part` is the person or passenger, `whole` the machine or vehicle."""

    part: int
    whole: int
    tie: Tie


@dataclass(slots=True)
class _Pair:
    part_origin: Box
    whole_origin: Box
    fitting: int = 0
    apart: int = 0
    height: float = 0.0
    tie: Tie | None = None


class Joiner:
    """Watches pairs of tracklets of one camera and says which are one road user, again when it knows better how.

    Args:
        aspect: the frame's width over its height.
    """

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._pairs: dict[tuple[int, int], _Pair] = {}

    def observe(self, seen: list[Tracklet]) -> list[Join]:
        """Take in the tracklets of one frame; returns the joins that are new, or tied in another way."""
        joins: list[Join] = []
        for part, whole in _candidates(seen):
            join = self._weigh(part, whole)
            if join is not None:
                joins.append(join)
        return joins

    def forget(self, ended: Iterable[int]) -> None:
        """Drop what is known of tracklets that ended."""
        gone = set(ended)
        if gone:
            self._pairs = {key: pair for key, pair in self._pairs.items() if not gone & set(key)}

    def _weigh(self, part: Tracklet, whole: Tracklet) -> Join | None:
        carried = whole.kind is Kind.VEHICLE
        fits = _inside(part.box, whole.box) if carried else _astride(part.box, whole.box)
        pair = self._pairs.get((part.id, whole.id))
        if pair is None:
            if fits:
                self._pairs[part.id, whole.id] = _Pair(part.box, whole.box, fitting=1)
            return None
        if not fits:
            pair.apart += 1
            return None
        pair.fitting += 1
        pair.height += (whole.box.y2 - part.box.y2) / max(whole.box.height, 1e-6)
        if pair.tie is None and not self._certain(pair, part, whole):
            return None
        tie = self._tie(pair, part, whole)
        if tie is pair.tie:
            return None
        pair.tie = tie
        return Join(part.id, whole.id, tie)

    def _certain(self, pair: _Pair, part: Tracklet, whole: Tracklet) -> bool:
        if pair.fitting < MINIMUM_FRAMES or pair.fitting < TOGETHER_SHARE * (pair.fitting + pair.apart):
            return False
        if whole.kind is Kind.VEHICLE and whole.best_confidence < part.best_confidence:
            return False  # a doubtful vehicle around a sure person is nothing
        moved = displacement(pair.whole_origin, whole.box, self._aspect)
        return moved >= MINIMUM_MOTION and self._same_motion(pair, part.box, whole.box)

    def _same_motion(self, pair: _Pair, part: Box, whole: Box) -> bool:
        ax, ay = self._step(pair.part_origin, part)
        bx, by = self._step(pair.whole_origin, whole)
        return math.hypot(ax - bx, ay - by) <= 0.5 * max(math.hypot(ax, ay), math.hypot(bx, by))

    def _step(self, before: Box, after: Box) -> tuple[float, float]:
        a, b = before.centre, after.centre
        return (b.x - a.x) * self._aspect, b.y - a.y

    @staticmethod
    def _tie(pair: _Pair, part: Tracklet, whole: Tracklet) -> Tie:
        if whole.kind is Kind.VEHICLE:
            return Tie.CARRIED
        height = pair.height / max(pair.fitting - 1, 1)
        if part.kind is Kind.PERSON and whole.votes.best == "cyclist" and height < RIDING_HEIGHT:
            return Tie.PUSHES
        return Tie.RIDES


def _candidates(seen: list[Tracklet]) -> Iterable[tuple[Tracklet, Tracklet]]:
    """Pairs that could be one road user: person and machine, person and vehicle, a vehicle and a piece of it."""
    for whole in seen:
        if whole.kind is Kind.PERSON:
            continue
        for part in seen:
            if part is whole:
                continue
            if part.kind is Kind.PERSON or part.kind is whole.kind is Kind.VEHICLE:
                yield part, whole


def _astride(person: Box, machine: Box) -> bool:
    """Whether a person is over a machine, rather than beside it: they overlap, and so do their middles sideways."""
    reach = max(person.width, machine.width) / 2
    return abs(person.centre.x - machine.centre.x) <= reach and shared_of_smaller(person, machine) >= RIDER_OVERLAP


def _inside(part: Box, vehicle: Box) -> bool:
    """Whether a passenger, or a piece of the vehicle, is in it: well inside its box and off the ground."""
    if _area(vehicle) < CARRIER_AREA * _area(part) or vehicle.y2 - part.y2 < CARRIED_HEIGHT * vehicle.height:
        return False
    return shared_of_smaller(part, vehicle) >= CARRIED_OVERLAP


def _area(box: Box) -> float:
    return max(box.width, 0.0) * max(box.height, 0.0)


def shared_of_smaller(a: Box, b: Box) -> float:
    """Shared area of two boxes as a share of the smaller one, 0..1."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(min(_area(a), _area(b)), 1e-12)
