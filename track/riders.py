"""Joining what belongs together: riders and their machines, passengers and their vehicles. Pure.

A detector sees a cyclist as a person and a bicycle. Whether two tracklets are one road user shows only over time: they
overlap as a rider overlaps a machine, and they move together. Parked machines never move, so they join nobody. In each
frame a person rides one machine at most (`track.rider_pairing`); a machine that is detected only now and then comes in
several pieces, whose evidence adds up.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aforo.model import Box
from track.rider_pairing import area, seated, shared_of_smaller, touching
from track.tracklet import Kind, Tracklet, displacement

MINIMUM_FRAMES = 3
"""Frames in which both were seen together before anything is decided."""

TOGETHER_SHARE = 0.6
"""Share of the frames with both in view in which they must fit each other."""

PIECES_SHARE = 0.1
"""Share of a person's frames in which some piece of a machine must be under them, so that pieces make a rider."""

MINIMUM_MOTION = 0.5
"""How far the machine must have gone meanwhile, in units of its mean side."""

CARRIED_OVERLAP = 0.8
"""Smallest share of a passenger's box inside the vehicle's."""

CARRIER_AREA = 2.5
"""A vehicle's box is at least so many times larger than its passenger's."""

PIECE_SIDES = 0.15
"""A piece of a vehicle that is larger than that has the vehicle's own sides, within this share of its width."""

CARRIED_HEIGHT = 0.1
"""A passenger's lower end is this share of the vehicle's height above the ground: who rides before it is lower."""

RIDING_HEIGHT = 0.1
"""A rider's feet are this share of the machine's height above the ground, on average; a pusher's are on it."""

_PIECES = 0
"""Stands for the machine where the evidence of all pieces is added up; no tracklet has this id."""


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
    tie: Tie | None = None


@dataclass(slots=True)
class _Footing:
    """How high a person's feet were above the ground, over all frames on any machine.

    A machine comes in several pieces, each seen for a while; who is on one of them early on, when little was seen yet,
    must not be judged by that piece for good. So the evidence belongs to the person, and all pieces are tied alike.
    """

    frames: int = 0
    height: float = 0.0

    def add(self, person: Box, machine: Box) -> None:
        """Take in one frame, in which the person was on the machine."""
        self.frames += 1
        self.height += (machine.y2 - person.y2) / max(machine.height, 1e-6)

    @property
    def mean_height(self) -> float:
        """In heights of the machine."""
        return self.height / max(self.frames, 1)


class Joiner:
    """Watches pairs of tracklets of one camera and says which are one road user, again when it knows better how.

    Args:
        aspect: the frame's width over its height.
    """

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._pairs: dict[tuple[int, int], _Pair] = {}
        self._footings: dict[int, _Footing] = {}

    def observe(self, seen: list[Tracklet]) -> list[Join]:
        """Take in the tracklets of one frame; returns the joins that are new, or tied in another way."""
        persons = [tracklet for tracklet in seen if tracklet.kind is Kind.PERSON]
        machines = [tracklet for tracklet in seen if tracklet.kind is Kind.MACHINE]
        vehicles = [tracklet for tracklet in seen if tracklet.kind is Kind.VEHICLE]
        joins = [*self._riding(persons, machines), *self._carried(persons, vehicles)]
        return [join for join in joins if join is not None]

    def _riding(self, persons: list[Tracklet], machines: list[Tracklet]) -> list[Join | None]:
        on = seated([person.box for person in persons], [machine.box for machine in machines])
        self._part(persons, machines, on)
        joins: list[Join | None] = []
        for i, person in enumerate(persons):
            ridden = [machine for j, machine in enumerate(machines) if (i, j) in on]
            for machine in ridden:
                self._footings.setdefault(person.id, _Footing()).add(person.box, machine.box)
            joins += [self._weigh(person, machine) for machine in ridden]
            joins.append(self._add_up(person, ridden))
        return joins

    def _carried(self, persons: list[Tracklet], vehicles: list[Tracklet]) -> list[Join | None]:
        """People in vehicles, and vehicles that are a piece of another."""
        parts = [*persons, *vehicles]
        if not vehicles or len(parts) < 2:  # noqa: PLR2004 -- nobody to carry
            return []
        near = touching([vehicle.box for vehicle in vehicles], [part.box for part in parts])
        pairs = [(int(i), int(j)) for j, i in zip(*np.nonzero(near), strict=True)]
        inside = [(i, j) for i, j in pairs if parts[i] is not vehicles[j] and _inside(parts[i], vehicles[j])]
        self._part(parts, vehicles, set(inside))
        return [self._weigh(parts[i], vehicles[j]) for i, j in inside]

    def _part(self, parts: list[Tracklet], wholes: list[Tracklet], fitting: set[tuple[int, int]]) -> None:
        """Note which known pairs are both in view and do not fit each other."""
        places = {part.id: i for i, part in enumerate(parts)}, {whole.id: j for j, whole in enumerate(wholes)}
        for (part, whole), pair in self._pairs.items():
            i, j = places[0].get(part), places[1].get(whole)
            if i is not None and j is not None and (i, j) not in fitting:
                pair.apart += 1

    def forget(self, ended: Iterable[int]) -> None:
        """Drop what is known of tracklets that ended."""
        gone = set(ended)
        if gone:
            self._pairs = {key: pair for key, pair in self._pairs.items() if not gone & set(key)}
            self._footings = {person: footing for person, footing in self._footings.items() if person not in gone}

    def _weigh(self, part: Tracklet, whole: Tracklet) -> Join | None:
        """Take in that two tracklets fit each other in this frame."""
        pair = self._pairs.get((part.id, whole.id))
        if pair is None:
            self._pairs[part.id, whole.id] = _Pair(part.box, whole.box, fitting=1)
            return None
        pair.fitting += 1
        if pair.tie is None and not self._certain(pair, part, whole, TOGETHER_SHARE):
            return None
        tie = self._tie(part, whole)
        if tie is pair.tie:
            return None
        pair.tie = tie
        return Join(part.id, whole.id, tie)

    def _add_up(self, person: Tracklet, machines: list[Tracklet]) -> Join | None:
        """Weigh all pieces of machines that a person was on as if they were one; what stands is no evidence."""
        pieces = self._pairs.get((person.id, _PIECES))
        ridden = [
            (pair, machine)
            for machine in machines
            if (pair := self._pairs[person.id, machine.id]).fitting > 1
            and self._same_motion(pair, person.box, machine.box)
        ]
        if not ridden:
            if pieces is not None:
                pieces.apart += 1
            return None
        pair, whole = ridden[0]
        if pieces is None:
            self._pairs[person.id, _PIECES] = _Pair(pair.part_origin, pair.whole_origin, fitting=1)
            return None
        pieces.fitting += 1
        if pair.tie is not None or not self._certain(pieces, person, whole, PIECES_SHARE):
            return None
        pair.tie = self._tie(person, whole)
        return Join(person.id, whole.id, pair.tie)

    def _certain(self, pair: _Pair, part: Tracklet, whole: Tracklet, share: float) -> bool:
        if pair.fitting < MINIMUM_FRAMES or pair.fitting < share * (pair.fitting + pair.apart):
            return False
        if whole.kind is Kind.VEHICLE and whole.best_confidence < part.best_confidence:
            return False  # a doubtful vehicle around a sure person is nothing
        moved = displacement(pair.whole_origin, whole.box, self._aspect)
        return moved >= MINIMUM_MOTION and self._same_motion(pair, part.box, whole.box)

    def _tie(self, part: Tracklet, whole: Tracklet) -> Tie:
        if whole.kind is Kind.VEHICLE:
            return Tie.CARRIED
        is_on_foot = self._footings[part.id].mean_height < RIDING_HEIGHT
        return Tie.PUSHES if whole.votes.best == "cyclist" and is_on_foot else Tie.RIDES

    def _same_motion(self, pair: _Pair, part: Box, whole: Box) -> bool:
        ax, ay = self._step(pair.part_origin, part)
        bx, by = self._step(pair.whole_origin, whole)
        return math.hypot(ax - bx, ay - by) <= 0.5 * max(math.hypot(ax, ay), math.hypot(bx, by))

    def _step(self, before: Box, after: Box) -> tuple[float, float]:
        a, b = before.centre, after.centre
        return (b.x - a.x) * self._aspect, b.y - a.y


def _inside(part: Tracklet, vehicle: Tracklet) -> bool:
    """Whether a passenger, or a piece of the vehicle, is in it: well inside its box and off the ground."""
    small, large = part.box, vehicle.box
    if area(small) > area(large) or large.y2 - small.y2 < CARRIED_HEIGHT * large.height:
        return False
    if area(large) < CARRIER_AREA * area(small) and not (part.kind is Kind.VEHICLE and _same_sides(small, large)):
        return False
    return shared_of_smaller(small, large) >= CARRIED_OVERLAP


def _same_sides(a: Box, b: Box) -> bool:
    return max(abs(a.x1 - b.x1), abs(a.x2 - b.x2)) <= PIECE_SIDES * b.width
