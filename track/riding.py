"""Whether a person rides a machine that the network hardly sees. Pure.

By far, by night and between cars the network often finds the rider and not the machine. Two things still tell a rider
from a pedestrian, and are added up as log-odds:

* boxes of bicycles and motorcycles too unsure to be tracked that keep their place under the person while it moves. A
  walker who passes a row of parked machines meets them too, but they were there before the person came;
* the speed, in heights of the person's own box. Perspective shortens it, so slowness says little; nobody walks at two
  body heights a second (people walk at 1.34 ± 0.26 m/s, Weidmann 1993: 0.8 heights; joggers make 1.5 to 1.8).

Both are looked at once per stride, after the person has moved by a share of its height: frames in between show the
same picture again, and standing people tell nothing.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from aforo.model import MICROSECONDS, Box
from track.rider_pairing import RIDING_HEIGHT, area_of, riding_fit, shared_area

STRIDE_HEIGHTS = 0.4
"""Displacement after which a person is looked at again, in heights of its box."""

PRIOR = -2.5
"""Log-odds that a person without a tracked machine is a rider."""

MACHINE_STAYS = 1.5
"""Log-odds of a stride in which a machine kept its place under the person."""

NO_MACHINE = -0.75
"""Log-odds of a stride without a machine under the person, or with another one."""

PLACE_HEIGHTS = 0.2
"""Greatest change of the machine's place under the person from stride to stride, in heights: half a stride."""

PARKED_IOU = 0.5
"""IoU of two boxes, strides apart, that are one machine at rest; a ridden one is further on by then."""

RUNNING_SPEED = 1.7
"""Speed, in heights per second, that is as likely of a runner as of a rider."""

SPEED_WEIGHT = 4.0
"""Log-odds for each height per second above that."""

SPEED_BOUNDS = (-1.5, 4.0)
"""Least and greatest log-odds of the speed."""

LEAST_WITHOUT_MACHINE = -1.0
"""Least log-odds of all strides together: that the network finds no machine tells little of far and hidden ones."""

LEAST_STRIDES = 3
"""Strides before anything is said."""

LEAST_STRIDES_ALONE = 5
"""Strides before speed alone makes a rider: boxes that others hide jump now and then."""

MOTORCYCLE_SPEED = 4.0
"""Speed from which a rider whose machine was never seen is a motorcyclist, heights per second: 24 km/h."""

_MOST_MACHINES = 64
"""Boxes of machines kept of a stride, the newest: who stands before parked machines for hours makes no stride."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A bicycle or motorcycle that a network found, however unsure."""

    box: Box
    road_user: str
    confidence: float


def _no_machines() -> deque[Box]:
    return deque(maxlen=_MOST_MACHINES)


@dataclass(slots=True)
class RidingEvidence:
    """What speaks for and against a person being a rider; of one tracklet, or of several added up.

    Attributes:
        log_odds: of the machines seen under the person, without the prior and the speed.
        strides: looked at so far.
        moving_s: time of these strides, seconds.
        machines: per class of rider, the confidence of the machines that kept their place.
        foot_height: of the person's feet above the lower edge of these, in heights of the machine, times confidence.
    """

    log_odds: float = 0.0
    strides: int = 0
    moving_s: float = 0.0
    machines: dict[str, float] = field(default_factory=dict)
    foot_height: float = 0.0
    _from: tuple[int, Box] | None = None
    _place: tuple[float, float] | None = None
    _best: tuple[Machine, Box] | None = None
    _machines: deque[Box] = field(default_factory=_no_machines)
    _earlier: tuple[deque[Box], ...] = ()

    def observe(self, at_us: int, person: Box, aspect: float, machines: Iterable[Machine]) -> None:
        """Look at one frame.

        Args:
            at_us: event time.
            person: fractions of the frame.
            aspect: the frame's width over its height.
            machines: of that frame, whoever rides them.
        """
        if person.touches_border:
            self._from = self._best = None
            self._machines = _no_machines()
            return
        for machine in machines:
            self._machines.append(machine.box)
            if machine.box.x2 < person.x1 or machine.box.x1 > person.x2:
                continue
            is_better = self._best is None or machine.confidence > self._best[0].confidence
            if (
                is_better
                and machine.box.centre.y > person.centre.y
                and riding_fit(person, machine.box) > 0
                and not self._was_there(machine.box)
            ):
                self._best = machine, person
        if self._from is None:
            self._from = at_us, person
            return
        height = (self._from[1].height + person.height) / 2
        before, now = self._from[1], person
        away = math.hypot((now.centre.x - before.centre.x) * aspect, now.y2 - before.y2) / max(
            height, 2 * aspect * (before.width + now.width) / 2, 1e-6
        )
        if away >= STRIDE_HEIGHTS:
            self._end_stride((at_us - self._from[0]) / MICROSECONDS, away, aspect)
            self._from = at_us, person

    def _was_there(self, machine: Box) -> bool:
        """Whether a machine stood there two or three strides ago, when the person's own was elsewhere."""
        width = machine.width
        return any(
            abs(before.x1 - machine.x1) < width and _iou(machine, before) >= PARKED_IOU
            for boxes in self._earlier[:-1]
            for before in boxes
        )

    def _end_stride(self, seconds: float, away: float, aspect: float) -> None:
        self.strides += 1
        self.moving_s += seconds * STRIDE_HEIGHTS / away
        best, self._best = self._best, None
        self._earlier, self._machines = (*self._earlier, self._machines)[-3:], _no_machines()
        if best is None:
            self.log_odds += NO_MACHINE
            return
        machine, person = best
        before, self._place = self._place, _place_under(person, machine.box, aspect)
        if before is None:
            return
        if math.dist(before, self._place) > PLACE_HEIGHTS:
            self.log_odds += NO_MACHINE
            return
        self.log_odds += MACHINE_STAYS
        self.machines[machine.road_user] = self.machines.get(machine.road_user, 0.0) + machine.confidence
        feet = (machine.box.y2 - person.y2) / max(machine.box.height, 1e-6)
        self.foot_height += feet * machine.confidence

    def add(self, other: RidingEvidence) -> None:
        """Add the evidence of another tracklet of the same person."""
        self.log_odds += other.log_odds
        self.strides += other.strides
        self.moving_s += other.moving_s
        self.foot_height += other.foot_height
        for road_user, confidence in other.machines.items():
            self.machines[road_user] = self.machines.get(road_user, 0.0) + confidence

    @property
    def speed(self) -> float:
        """Mean speed while moving, heights per second; 0 before the first stride."""
        return self.strides * STRIDE_HEIGHTS / self.moving_s if self.moving_s else 0.0

    @property
    def all_log_odds(self) -> float:
        """Log-odds of a rider, of all there is; those of the prior alone before `LEAST_STRIDES`."""
        if self.strides < LEAST_STRIDES:
            return PRIOR
        of_speed = min(max(SPEED_WEIGHT * (self.speed - RUNNING_SPEED), SPEED_BOUNDS[0]), SPEED_BOUNDS[1])
        return PRIOR + max(self.log_odds, LEAST_WITHOUT_MACHINE) + of_speed

    @property
    def probability(self) -> float:
        """The probability of a rider, 0..1."""
        return 1 / (1 + math.exp(-self.all_log_odds))

    @property
    def rider(self) -> str | None:
        """The class of rider that the person is, or None for a pedestrian."""
        speed = self.speed
        if self.all_log_odds <= 0:
            return None
        if not self.machines:
            if self.strides < LEAST_STRIDES_ALONE:
                return None
            return "motorcyclist" if speed >= MOTORCYCLE_SPEED else "cyclist"
        rider = max(self.machines, key=lambda road_user: self.machines[road_user])
        on_foot = self.foot_height < RIDING_HEIGHT * sum(self.machines.values()) and speed < RUNNING_SPEED
        return None if rider == "cyclist" and on_foot else rider


def _iou(a: Box, b: Box) -> float:
    shared = shared_area(a, b)
    return shared / max(area_of(a) + area_of(b) - shared, 1e-12)


def _place_under(person: Box, machine: Box, aspect: float) -> tuple[float, float]:
    """Where the machine's centre is, from the person's, in heights of the person."""
    height = max(person.height, 1e-6)
    a, b = person.centre, machine.centre
    return (b.x - a.x) * aspect / height, (b.y - a.y) / height
