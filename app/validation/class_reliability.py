"""Whether the probabilities of classes hold: of those told to be right with some probability, how many are right."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from app.validation.event_matching import LineEvents

LIMITS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 1.0)
"""Limits of the classes of probability in which crossings are told apart; the last one belongs to its class."""


class Reliability(NamedTuple):
    """Crossings whose stated probability lies in one range.

    Attributes:
        low, high: the range.
        crossings: matched with the truth in time and direction, of an unambiguous class.
        stated: their mean probability.
        right: those counted under their true class.
    """

    low: float
    high: float
    crossings: int
    stated: float
    right: int


def class_reliability(lines: Sequence[LineEvents]) -> list[Reliability]:
    """A row for each range that occurs. Who is double or was nobody has no true class, and is left out."""
    found: list[tuple[float, bool]] = []
    for line in lines:
        if line.named:
            for pairs, right in ((line.pairs(), True), (line.misnamed(), False)):
                told = [line.counted[j].class_confidence for i, j in pairs if not line.is_ambiguous(i)]
                found += [(share, right) for share in told if share is not None]
    rows = []
    for low, high in itertools.pairwise(LIMITS):
        own = [(share, right) for share, right in found if low <= share < high or share == high == 1.0]
        if own:
            stated = sum(share for share, _ in own) / len(own)
            rows.append(Reliability(low, high, len(own), stated, sum(right for _, right in own)))
    return rows
