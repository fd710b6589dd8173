"""Turning movements: who came in through one gate and left through another. Pure."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass

from aforo.geometry import MovementRule


@dataclass(frozen=True, slots=True)
class Turn:
    """A movement that is complete."""

    rule: MovementRule
    ordinal: int
    entered_at_us: int
    at_us: int


class MovementFinder:
    """Puts the gates that one track passes together to movements.

    Passages come when they are certain, which need not be the order of their times; the times decide. A passage that
    comes late may change a movement's times, but never takes one away.

    Args:
        rules: of the camera.
    """

    def __init__(self, rules: tuple[MovementRule, ...]) -> None:
        self._rules = rules
        self._passages: list[tuple[int, str, str, str]] = []
        self._turns: list[Turn] = []

    def passed(self, kind: str, place: str, direction: str, at_us: int) -> list[Turn]:
        """Take in one more passage; returns the movements that it completes or changes."""
        if not self._rules:
            return []
        bisect.insort(self._passages, (at_us, kind, place, direction), key=lambda passage: passage[0])
        known, self._turns = self._turns, [turn for rule in self._rules for turn in self._turns_of(rule)]
        return [turn for turn in self._turns if turn not in known]

    def _turns_of(self, rule: MovementRule) -> Iterator[Turn]:
        """Every passage of the origin starts the movement anew: who goes round and round counts each time once."""
        entered_at_us: int | None = None
        ordinal = 0
        for at_us, *passage in self._passages:
            if entered_at_us is not None and rule.destination.opens_for(*passage):
                yield Turn(rule, ordinal, entered_at_us, at_us)
                ordinal += 1
                entered_at_us = None
            if rule.origin.opens_for(*passage):
                entered_at_us = at_us
