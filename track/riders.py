"""Joins tracklets into road users: riders and their machines, passengers and their vehicles. Pure.

A detector sees a cyclist as a person and a bicycle. Two tracklets are joined when they overlap as a rider and a machine
do, over several frames, and move together; so parked machines are never joined. In each frame a person rides at most
one machine (`track.rider_pairing`). A machine that is detected only now and then comes as several tracklets ("pieces"),
whose evidence is added up.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aforo.model import Box
from track.rider_pairing import RIDING_HEIGHT, area_of, overlap_of_smaller, pair_riders, sharing_area
from track.tracklet import PartKind, Tracklet, displacement

MINIMUM_FRAMES = 3
"""Frames in which two tracklets fit each other before they can be joined."""

TOGETHER_SHARE = 0.6
"""Of the frames with both in view, the share in which they must fit each other."""

PIECES_SHARE = 0.1
"""The same share where the evidence of all pieces of a machine is added up."""

MINIMUM_MOTION = 0.5
"""Least displacement of the machine since the pair was first seen, in units of its mean side."""

CARRIED_OVERLAP = 0.8
"""Smallest share of a passenger's box inside the vehicle's."""

CARRIER_AREA = 2.5
"""Least ratio of the areas of a vehicle's and its passenger's box."""

PIECE_SIDES = 0.15
"""A larger box inside a vehicle is a part of it if left and right edges agree within this share of the width."""

CARRIED_HEIGHT = 0.1
"""Least height of a passenger's lower edge above the vehicle's, share of its height: a cyclist before it is lower."""

_PIECES = 0
"""In place of a tracklet's id: all pieces of a machine together; no tracklet has this id."""


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
class _FootHeight:
    """Mean height of a person's feet above the ground, over all frames on any machine.

    It tells riders from people who push a bicycle. It is kept per person, not per pair: the box of one piece may be
    cut, and must not decide for good.
    """

    frames: int = 0
    height: float = 0.0

    def add(self, person: Box, machine: Box) -> None:
        """Add a frame in which the person is on the machine."""
        self.frames += 1
        self.height += (machine.y2 - person.y2) / max(machine.height, 1e-6)

    @property
    def mean_height(self) -> float:
        """In units of the machine's height."""
        return self.height / max(self.frames, 1)


class Joiner:
    """Observes the pairs of tracklets of one camera and decides which are one road user; a decision may be revised.

    Args:
        aspect: the frame's width over its height.
    """

    def __init__(self, aspect: float) -> None:
        self._aspect = aspect
        self._pairs: dict[tuple[int, int], _Pair] = {}
        self._foot_heights: dict[int, _FootHeight] = {}

    def observe(self, seen: list[Tracklet]) -> list[Join]:
        """Observe the tracklets of one frame; returns the joins that are new or whose tie has changed."""
        persons = [tracklet for tracklet in seen if tracklet.kind is PartKind.PERSON]
        machines = [tracklet for tracklet in seen if tracklet.kind is PartKind.MACHINE]
        vehicles = [tracklet for tracklet in seen if tracklet.kind is PartKind.VEHICLE]
        joins = [*self._riding_joins(persons, machines), *self._carried_joins(persons, vehicles)]
        return [join for join in joins if join is not None]

    def _riding_joins(self, persons: list[Tracklet], machines: list[Tracklet]) -> list[Join | None]:
        on = pair_riders([person.box for person in persons], [machine.box for machine in machines])
        self._note_apart(persons, machines, on)
        joins: list[Join | None] = []
        for i, person in enumerate(persons):
            ridden = [machine for j, machine in enumerate(machines) if (i, j) in on]
            for machine in ridden:
                self._foot_heights.setdefault(person.id, _FootHeight()).add(person.box, machine.box)
            joins += [self._observe_pair(person, machine) for machine in ridden]
            joins.append(self._observe_pieces(person, ridden))
        return joins

    def _carried_joins(self, persons: list[Tracklet], vehicles: list[Tracklet]) -> list[Join | None]:
        """People in vehicles, and vehicles that are a piece of another."""
        parts = [*persons, *vehicles]
        if not vehicles or len(parts) < 2:  # noqa: PLR2004 (a vehicle and a second tracklet)
            return []
        near = sharing_area([vehicle.box for vehicle in vehicles], [part.box for part in parts])
        pairs = [(int(i), int(j)) for j, i in zip(*np.nonzero(near), strict=True)]
        inside = [(i, j) for i, j in pairs if parts[i] is not vehicles[j] and _is_carried_by(parts[i], vehicles[j])]
        self._note_apart(parts, vehicles, set(inside))
        return [self._observe_pair(parts[i], vehicles[j]) for i, j in inside]

    def _note_apart(self, parts: list[Tracklet], wholes: list[Tracklet], fitting: set[tuple[int, int]]) -> None:
        """Count a frame for the known pairs that are both in view and do not fit each other."""
        row_of = {part.id: i for i, part in enumerate(parts)}, {whole.id: j for j, whole in enumerate(wholes)}
        for (part, whole), pair in self._pairs.items():
            i, j = row_of[0].get(part), row_of[1].get(whole)
            if i is not None and j is not None and (i, j) not in fitting:
                pair.apart += 1

    def forget(self, ended: Iterable[int]) -> None:
        """Drop the state of tracklets that ended."""
        gone = set(ended)
        if gone:
            self._pairs = {key: pair for key, pair in self._pairs.items() if not gone & set(key)}
            self._foot_heights = {person: height for person, height in self._foot_heights.items() if person not in gone}

    def _observe_pair(self, part: Tracklet, whole: Tracklet) -> Join | None:
        """Count a frame in which two tracklets fit each other; returns their join if it is new or changed."""
        pair = self._pairs.get((part.id, whole.id))
        if pair is None:
            self._pairs[part.id, whole.id] = _Pair(part.box, whole.box, fitting=1)
            return None
        pair.fitting += 1
        if pair.tie is None and not self._is_certain(pair, part, whole, TOGETHER_SHARE):
            return None
        tie = self._tie_of(part, whole)
        if tie is pair.tie:
            return None
        pair.tie = tie
        return Join(part.id, whole.id, tie)

    def _observe_pieces(self, person: Tracklet, machines: list[Tracklet]) -> Join | None:
        """The same for all pieces of machines that a person was on, taken as one machine; only moving pieces count."""
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
        if pair.tie is not None or not self._is_certain(pieces, person, whole, PIECES_SHARE):
            return None
        pair.tie = self._tie_of(person, whole)
        return Join(person.id, whole.id, pair.tie)

    def _is_certain(self, pair: _Pair, part: Tracklet, whole: Tracklet, share: float) -> bool:
        if pair.fitting < MINIMUM_FRAMES or pair.fitting < share * (pair.fitting + pair.apart):
            return False
        if whole.kind is PartKind.VEHICLE and whole.best_confidence < part.best_confidence:
            return False  # probably no vehicle at all
        moved = displacement(pair.whole_origin, whole.box, self._aspect)
        return moved >= MINIMUM_MOTION and self._same_motion(pair, part.box, whole.box)

    def _tie_of(self, part: Tracklet, whole: Tracklet) -> Tie:
        if whole.kind is PartKind.VEHICLE:
            return Tie.CARRIED
        is_on_foot = self._foot_heights[part.id].mean_height < RIDING_HEIGHT
        return Tie.PUSHES if whole.votes.best == "cyclist" and is_on_foot else Tie.RIDES

    def _same_motion(self, pair: _Pair, part: Box, whole: Box) -> bool:
        ax, ay = self._motion_since(pair.part_origin, part)
        bx, by = self._motion_since(pair.whole_origin, whole)
        return math.hypot(ax - bx, ay - by) <= 0.5 * max(math.hypot(ax, ay), math.hypot(bx, by))

    def _motion_since(self, before: Box, after: Box) -> tuple[float, float]:
        a, b = before.centre, after.centre
        return (b.x - a.x) * self._aspect, b.y - a.y


def _is_carried_by(part: Tracklet, vehicle: Tracklet) -> bool:
    """Whether a tracklet is a passenger or a second box of a vehicle: well inside its box and above the ground."""
    small, large = part.box, vehicle.box
    if area_of(small) > area_of(large) or large.y2 - small.y2 < CARRIED_HEIGHT * large.height:
        return False
    if area_of(large) < CARRIER_AREA * area_of(small) and not (
        part.kind is PartKind.VEHICLE and _same_sides(small, large)
    ):
        return False
    return overlap_of_smaller(small, large) >= CARRIED_OVERLAP


def _same_sides(a: Box, b: Box) -> bool:
    return max(abs(a.x1 - b.x1), abs(a.x2 - b.x2)) <= PIECE_SIDES * b.width
