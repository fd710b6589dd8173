"""Who sits on which machine, in one frame. Pure.

In a bunch of cyclists or motorcyclists every rider overlaps the neighbours' machines too. So the riders are shared out
among the machines, all at once, the best fits first of all; then come pillions, and second boxes on one machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aforo.model import Box
from track.assignment import assigned

RIDER_OVERLAP = 0.15
"""Smallest shared area of a rider and a machine, as a share of the smaller box."""

PILLION_OVERLAP = 0.25
"""Smallest shared area of two people on one machine, as a share of the smaller box."""

SECOND_BOX_OVERLAP = 0.5
"""Smallest shared area of two boxes of one machine, as a share of the smaller box."""


def seated(persons: list[Box], machines: list[Box]) -> set[tuple[int, int]]:
    """Which persons are on which machines, as pairs of positions in the two lists."""
    if not persons or not machines:
        return set()
    fit = np.zeros((len(persons), len(machines)))
    for i, j in zip(*np.nonzero(touching(persons, machines)), strict=True):
        fit[i, j] = _astride(persons[i], machines[j])
    if not fit.any():
        return set()
    rider_of = {j: i for i, j in enumerate(assigned(fit).tolist()) if j >= 0 and fit[i, j] > 0}
    machine_of = {i: j for j, i in rider_of.items()}
    pairs = set(machine_of.items())
    for i, person in enumerate(persons):
        if i not in machine_of and fit[i].max() > 0:
            j = int(fit[i].argmax())  # its rider is somebody else, or it would be this person's own
            if shared_of_smaller(person, persons[rider_of[j]]) >= PILLION_OVERLAP:
                pairs.add((i, j))
    for j, machine in enumerate(machines):
        if j not in rider_of and fit[:, j].max() > 0:
            i = int(fit[:, j].argmax())
            if i in machine_of and shared_of_smaller(machine, machines[machine_of[i]]) >= SECOND_BOX_OVERLAP:
                pairs.add((i, j))
    return pairs


def touching(a: Sequence[Box], b: Sequence[Box]) -> npt.NDArray[np.bool_]:
    """Whether each box of `a` shares area with each of `b`: shape (N, M)."""
    ax1, ay1, ax2, ay2 = np.array(a, dtype=float).reshape(-1, 4).T[:, :, None]
    bx1, by1, bx2, by2 = np.array(b, dtype=float).reshape(-1, 4).T[:, None]
    return np.asarray((ax1 < bx2) & (bx1 < ax2) & (ay1 < by2) & (by1 < ay2))


def _astride(person: Box, machine: Box) -> float:
    """How well a person is over a machine, not beside it, 0..1: they overlap, and so do their middles sideways."""
    reach = max(person.width, machine.width) / 2
    aside, shared = abs(person.centre.x - machine.centre.x), shared_of_smaller(person, machine)
    if aside > reach or shared < RIDER_OVERLAP:
        return 0.0
    return shared * (1 - aside / reach) + 1e-3


def area(box: Box) -> float:
    """Area of a box as a share of the frame's; 0 for one turned inside out."""
    return max(box.width, 0.0) * max(box.height, 0.0)


def shared_of_smaller(a: Box, b: Box) -> float:
    """Shared area of two boxes as a share of the smaller one, 0..1."""
    width = min(a.x2, b.x2) - max(a.x1, b.x1)
    height = min(a.y2, b.y2) - max(a.y1, b.y1)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / max(min(area(a), area(b)), 1e-12)
