"""Which person rides which machine (bicycle, motorcycle), in one frame. Pure.

In dense traffic a rider also overlaps the machines of the neighbours. So riders and machines are paired by an optimal
assignment of all of them; then passengers, and second boxes of one machine, are added.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aforo.model import Box
from track.assignment import best_assignment

RIDER_OVERLAP = 0.15
"""Smallest shared area of a rider and a machine, as a share of the smaller box."""

PILLION_OVERLAP = 0.25
"""Smallest shared area of two people on one machine, as a share of the smaller box."""

SECOND_BOX_OVERLAP = 0.5
"""Smallest shared area of two boxes of one machine, as a share of the smaller box."""

RIDING_HEIGHT = 0.1
"""Least mean height of a rider's feet above the ground, share of the machine's height; a person who pushes is lower."""


def pair_riders(persons: list[Box], machines: list[Box]) -> set[tuple[int, int]]:
    """Pairs (index of the person, index of the machine) of everybody who is on a machine in this frame.

    A person may be paired with several boxes of one machine, and a machine with several people.
    """
    if not persons or not machines:
        return set()
    fit = np.zeros((len(persons), len(machines)))
    for i, j in zip(*np.nonzero(sharing_area(persons, machines)), strict=True):
        fit[i, j] = riding_fit(persons[i], machines[j])
    if not fit.any():
        return set()
    rider_of = {j: i for i, j in enumerate(best_assignment(fit).tolist()) if j >= 0 and fit[i, j] > 0}
    machine_of = {i: j for j, i in rider_of.items()}
    pairs = set(machine_of.items())
    for i, person in enumerate(persons):
        if i not in machine_of and fit[i].max() > 0:
            j = int(fit[i].argmax())  # already paired with its rider: this may be a passenger
            if overlap_of_smaller(person, persons[rider_of[j]]) >= PILLION_OVERLAP:
                pairs.add((i, j))
    for j, machine in enumerate(machines):
        if j not in rider_of and fit[:, j].max() > 0:
            i = int(fit[:, j].argmax())
            if i in machine_of and overlap_of_smaller(machine, machines[machine_of[i]]) >= SECOND_BOX_OVERLAP:
                pairs.add((i, j))
    return pairs


def sharing_area(a: Sequence[Box], b: Sequence[Box]) -> npt.NDArray[np.bool_]:
    """Whether the boxes of `a` (N) and of `b` (M) share area, pair by pair: (N, M)."""
    ax1, ay1, ax2, ay2 = np.array(a, dtype=float).reshape(-1, 4).T[:, :, None]
    bx1, by1, bx2, by2 = np.array(b, dtype=float).reshape(-1, 4).T[:, None]
    return np.asarray((ax1 < bx2) & (bx1 < ax2) & (ay1 < by2) & (by1 < ay2))


def riding_fit(person: Box, machine: Box) -> float:
    """How well a person's box fits a rider of the machine, 0..1: high if they overlap and are aligned horizontally."""
    reach = max(person.width, machine.width) / 2
    aside, shared = abs(person.centre.x - machine.centre.x), overlap_of_smaller(person, machine)
    if aside > reach or shared < RIDER_OVERLAP:
        return 0.0
    return shared * (1 - aside / reach) + 1e-3


def area_of(box: Box) -> float:
    """Area of a box as a share of the frame's; 0 if its corners are swapped."""
    return max(box.width, 0.0) * max(box.height, 0.0)


def overlap_of_smaller(a: Box, b: Box) -> float:
    """Shared area of two boxes as a share of the smaller one, 0..1."""
    return shared_area(a, b) / max(min(area_of(a), area_of(b)), 1e-12)


def shared_area(a: Box, b: Box) -> float:
    """Area that two boxes share, as a share of the frame's."""
    return max(min(a.x2, b.x2) - max(a.x1, b.x1), 0.0) * max(min(a.y2, b.y2) - max(a.y1, b.y1), 0.0)
