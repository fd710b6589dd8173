"""Turning movements: who came in through one gate and left through another. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from aforo.model import PlaceKind
from aforo.site import TurningMovement


@dataclass(frozen=True, slots=True)
class CompletedMovement:
    """A movement that is complete."""

    movement: TurningMovement
    ordinal: int
    entered_at_us: int
    at_us: int


class MovementFinder:
    """Puts the gates that one track passes together to movements.

    Passages come when they are certain, which need not be the order of their times; the times decide. A passage that
    comes late may change a movement's times, but never takes one away.

    Args:
        movements: of the camera.
    """

    def __init__(self, movements: tuple[TurningMovement, ...]) -> None:
        self._movements = movements
        self._passages: list[tuple[int, PlaceKind, str, str]] = []
        self._completed: list[CompletedMovement] = []

    def passed(self, kind: PlaceKind, place: str, direction: str, at_us: int) -> list[CompletedMovement]:
        """Take in one more passage; returns the movements that it completes or changes."""
        if not self._movements:
            return []
        bisect.insort(self._passages, (at_us, kind, place, direction), key=lambda passage: passage[0])
        known = self._completed
        self._completed = [each for movement in self._movements for each in self._completions(movement)]
        return [each for each in self._completed if each not in known]

    def _completions(self, movement: TurningMovement) -> Iterator[CompletedMovement]:
        """Every passage of the origin starts the movement anew: who goes round and round counts each time once."""
        entered_at_us: int | None = None
        ordinal = 0
        for at_us, kind, place, direction in self._passages:
            if entered_at_us is not None and movement.destination.opens_for(kind, place, direction):
                yield CompletedMovement(movement, ordinal, entered_at_us, at_us)
                ordinal += 1
                entered_at_us = None
            if movement.origin.opens_for(kind, place, direction):
                entered_at_us = at_us
