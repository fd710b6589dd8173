"""Matches single crossings with the ground truth: which were missed, which are extra, and when.

If the truth has times, crossings are matched with it by an optimal assignment, which minimises the sum of the time
differences. Precision, recall and F1 are those of the matches; if the truth has only numbers, the smaller of the true
and the counted number are taken as matches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from app.validation.truth import LineResult, LineTruth

TOLERANCE_S = 1.0
"""Largest time difference of a match: before the first or after the last frame of the true passage."""

_NEVER = 1e9


class CountedEvent(NamedTuple):
    """A counted crossing; `frame` is the 0-based index of the nearest frame of the clip."""

    frame: int
    direction: str
    road_user: str
    track_id: int


class WrongEvent(NamedTuple):
    """A missed or an extra crossing.

    Attributes:
        kind: "missed" or "extra".
        first, last: frames of the true passage, or of the counted crossing.
        direction: true or counted.
        road_user: the true class ("" if the truth has none), or the counted one.
        track_id: of an extra crossing, None for a missed one.
    """

    kind: str
    first: int
    last: int
    direction: str
    road_user: str
    track_id: int | None


class ClassScore(NamedTuple):
    """Numbers of true, counted and matched crossings of one class."""

    true: int
    counted: int
    matched: int

    @property
    def precision(self) -> float | None:
        """Matched share of the counted crossings, None if there are none."""
        return self.matched / self.counted if self.counted else None

    @property
    def recall(self) -> float | None:
        """Matched share of the true crossings, None if there are none."""
        return self.matched / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, None without true and counted crossings."""
        both = self.true + self.counted
        return 2 * self.matched / both if both else None


@dataclass(frozen=True, slots=True)
class LineEvents:
    """The counted crossings of one line of one clip, and its truth.

    Attributes:
        result: true and counted numbers.
        counted: every counted crossing.
        frame_rate: of the clip.
    """

    result: LineResult
    counted: tuple[CountedEvent, ...]
    frame_rate: float

    @property
    def timed(self) -> bool:
        """Whether the truth has the time of every passage."""
        return len(self.result.truth.events) == self.result.truth.total

    @property
    def wrong(self) -> list[WrongEvent]:
        """The missed and extra crossings in order of time; empty if the truth has no times."""
        if not self.timed:
            return []
        truth, pairs = self.result.truth, self._pairs()
        found, used = {i for i, _ in pairs}, {j for _, j in pairs}
        wrong = [
            WrongEvent("missed", first, last, direction, _class_of(truth, i), None)
            for i, (first, last, direction, _) in enumerate(truth.events)
            if i not in found
        ]
        wrong += [
            WrongEvent("extra", each.frame, each.frame, each.direction, each.road_user, each.track_id)
            for j, each in enumerate(self.counted)
            if j not in used
        ]
        return sorted(wrong, key=lambda each: each.first)

    def matched(self) -> Counter[tuple[str, str]]:
        """Number of matches per (direction, class)."""
        truth = self.result.truth
        known = {(direction, name) for direction, name, _, _ in self.result.rows}
        if self.timed and all(_class_of(truth, i) for i in range(len(truth.events))):
            counted = [self.counted[j] for _, j in self._pairs()]
            return Counter((each.direction, each.road_user) for each in counted)
        return +Counter({key: min(truth.counts.get(key, 0), self.result.counted.get(key, 0)) for key in known})

    def _pairs(self) -> list[tuple[int, int]]:
        """The matches: pairs of an index into the truth's events and one into `counted`."""
        truth, tolerance = self.result.truth, TOLERANCE_S * self.frame_rate
        cost = np.full((len(truth.events), len(self.counted)), _NEVER)
        for i, (first, last, direction, _) in enumerate(truth.events):
            for j, each in enumerate(self.counted):
                frames_apart = max(first - each.frame, each.frame - last, 0)
                is_same = each.direction == direction and _class_of(truth, i) in ("", each.road_user)
                if is_same and frames_apart <= tolerance:
                    cost[i, j] = frames_apart
        rows, columns = linear_sum_assignment(cost)
        return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cost[i, j] < _NEVER]


def _class_of(truth: LineTruth, event: int) -> str:
    """The class of a true event: as given, or the only one in its direction, else ""."""
    _, _, direction, road_user = truth.events[event]
    possible = [name for (going, name), number in truth.counts.items() if going == direction and number]
    if road_user or truth.either.get(direction, 0) or len(possible) != 1:
        return road_user
    return possible[0]


def class_scores(lines: Iterable[LineEvents]) -> dict[str, ClassScore]:
    """Scores per road user, all lines together, without road users whose true class is ambiguous."""
    true: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    for line in lines:
        either = dict(line.result.truth.either)
        pairs = line.matched()
        for direction, road_user, t, c in line.result.rows:
            ambiguous = min(either.get(direction, 0), max(0, c - t))
            if ambiguous:
                either[direction] -= ambiguous
            true[road_user] += t
            counted[road_user] += c - ambiguous
            matched[road_user] += pairs[direction, road_user]
    names = sorted(name for name in set(true) | set(counted) if true[name] or counted[name])
    return {name: ClassScore(true[name], counted[name], matched[name]) for name in names}
