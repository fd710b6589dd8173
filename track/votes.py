"""Which road user a track is: a weighted vote over its life."""

from __future__ import annotations


class ClassVotes:
    """Votes for road users, one per detection, weighted by the detection's confidence.

    A sure look counts more than many doubtful ones, so the weight is the square of the confidence.
    """

    __slots__ = ("_weights",)

    def __init__(self) -> None:
        self._weights: dict[str, float] = {}

    def add(self, road_user: str, confidence: float) -> None:
        """Record one detection of that class, with its confidence 0..1."""
        self._weights[road_user] = self._weights.get(road_user, 0.0) + confidence * confidence

    def merge(self, other: ClassVotes) -> None:
        """Take over the votes of another track of the same road user."""
        for road_user, weight in other._weights.items():
            self._weights[road_user] = self._weights.get(road_user, 0.0) + weight

    @property
    def best(self) -> str | None:
        """The class with the most weight, None before the first vote; the first seen wins a draw."""
        return max(self._weights, key=lambda road_user: self._weights[road_user]) if self._weights else None
