"""Matches single crossings with the ground truth: which were missed, which are extra, and when.

If the truth has times, crossings are matched with it by an optimal assignment, which minimises the sum of the time
differences. What is left on both sides is matched once more, whatever its class: these were counted under a wrong name.
Precision, recall and F1 are those of the matches; if the truth has only numbers, the smaller of the true
and the counted number are taken as matches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from app.validation.truth import LineResult

TOLERANCE_S = 1.0
"""Largest time difference of a match: before the first or after the last frame of the true passage."""

_NEVER = 1e9


class CountedEvent(NamedTuple):
    """A counted crossing.

    Attributes:
        frame: 0-based index of the nearest frame of the clip.
        direction, road_user: as counted.
        track_id: of its track.
        area_px: of its box there, square pixels of the network's input; None if the track was not seen then.
        class_confidence: the probability that its class is right, as it was told; None if none was.
    """

    frame: int
    direction: str
    road_user: str
    track_id: int
    area_px: float | None = None
    class_confidence: float | None = None


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
        frames: number of frames of the clip, as far as known.
    """

    result: LineResult
    counted: tuple[CountedEvent, ...]
    frame_rate: float
    frames: int = 0

    @property
    def timed(self) -> bool:
        """Whether the truth has the time of every passage."""
        return len(self.result.truth.events) == self.result.truth.total

    @property
    def wrong(self) -> list[WrongEvent]:
        """The missed and extra crossings in order of time; empty if the truth has no times."""
        if not self.timed:
            return []
        truth, pairs = self.result.truth, self.pairs()
        found, used = {i for i, _ in pairs}, {j for _, j in pairs}
        wrong = [
            WrongEvent("missed", first, last, direction, self.true_class(i), None)
            for i, (first, last, direction, _) in enumerate(truth.events)
            if i not in found
        ]
        wrong += [
            WrongEvent("extra", each.frame, each.frame, each.direction, each.road_user, each.track_id)
            for j, each in enumerate(self.counted)
            if j not in used
        ]
        return sorted(wrong, key=lambda each: each.first)

    @property
    def named(self) -> bool:
        """Whether the truth has the time and the class, be it an ambiguous one, of every passage."""
        return self.timed and all(self.true_class(i) for i in range(len(self.result.truth.events)))

    def matched(self) -> Counter[tuple[str, str]]:
        """Number of matches per (direction, class), without those whose true class is ambiguous."""
        truth = self.result.truth
        if self.named:
            pairs = [self.counted[j] for i, j in self.pairs() if not self.is_ambiguous(i)]
            return Counter((each.direction, each.road_user) for each in pairs)
        keys = ((direction, name) for direction, name, _, _ in self.result.rows)
        return +Counter({key: min(truth.counts.get(key, 0), self.result.counted.get(key, 0)) for key in keys})

    def ambiguous(self) -> Counter[tuple[str, str]]:
        """Number of counted crossings per (direction, class) that stand for road users of an ambiguous class."""
        if self.named:
            pairs = [self.counted[j] for i, j in self.pairs() if self.is_ambiguous(i)]
            return Counter((each.direction, each.road_user) for each in pairs)
        left, found = dict(self.result.truth.either), Counter[tuple[str, str]]()
        for direction, road_user, true, counted in self.result.rows:
            found[direction, road_user] = min(left.get(direction, 0), max(0, counted - true))
            left[direction] = left.get(direction, 0) - found[direction, road_user]
        return found

    def pairs(self) -> list[tuple[int, int]]:
        """The matches: pairs of an index into the truth's events and one into `counted`."""
        return self._assigned(range(len(self.result.truth.events)), range(len(self.counted)), any_class=False)

    def misnamed(self) -> list[tuple[int, int]]:
        """Pairs, as in `pairs`, of those counted in time and direction under another class; without times none."""
        if not self.timed:
            return []
        pairs = self.pairs()
        found, used = {i for i, _ in pairs}, {j for _, j in pairs}
        left = [i for i in range(len(self.result.truth.events)) if i not in found]
        return self._assigned(left, [j for j in range(len(self.counted)) if j not in used], any_class=True)

    def true_class(self, event: int) -> str:
        """The class of a true event: as given, or the only one in its direction, else ""."""
        truth = self.result.truth
        _, _, direction, road_user = truth.events[event]
        possible = [name for (going, name), number in truth.counts.items() if going == direction and number]
        if road_user or truth.either.get(direction, 0) or len(possible) != 1:
            return road_user
        return possible[0]

    def is_ambiguous(self, event: int) -> bool:
        """Whether a true event may fairly be called more than one class."""
        return self.true_class(event) in self.result.truth.alternatives

    def _assigned(self, true: Sequence[int], counted: Sequence[int], *, any_class: bool) -> list[tuple[int, int]]:
        """The assignment of some true events to some counted crossings that is nearest in time."""
        tolerance = TOLERANCE_S * self.frame_rate
        cost = np.full((len(true), len(counted)), _NEVER)
        for row, i in enumerate(true):
            first, last, direction, _ = self.result.truth.events[i]
            for column, j in enumerate(counted):
                each = self.counted[j]
                frames_apart = max(first - each.frame, each.frame - last, 0)
                is_same = each.direction == direction and (any_class or self._is_right(i, each.road_user))
                if is_same and frames_apart <= tolerance:
                    cost[row, column] = frames_apart
        rows, columns = linear_sum_assignment(cost)
        return [
            (true[row], counted[column])
            for row, column in zip(rows, columns, strict=True)
            if cost[row, column] < _NEVER
        ]

    def _is_right(self, event: int, road_user: str) -> bool:
        name = self.true_class(event)
        right = self.result.truth.alternatives.get(name, frozenset({name} if name else ()))
        return not right or road_user in right


def class_scores(lines: Iterable[LineEvents]) -> dict[str, ClassScore]:
    """Scores per road user, all lines together, without road users whose true class is ambiguous."""
    true: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    for line in lines:
        pairs, ambiguous = line.matched(), line.ambiguous()
        for direction, road_user, t, c in line.result.rows:
            true[road_user] += t
            counted[road_user] += c - ambiguous[direction, road_user]
            matched[road_user] += pairs[direction, road_user]
    names = sorted(name for name in set(true) | set(counted) if true[name] or counted[name])
    return {name: ClassScore(true[name], counted[name], matched[name]) for name in names}


UNSTATED = "unstated"
"""Name, in a confusion matrix, of passages whose class the truth does not tell."""


def confusion(lines: Iterable[LineEvents]) -> Counter[tuple[str | None, str | None]]:
    """The confusion matrix of the lines whose truth has times: number of crossings by (true class, counted class).

    (class, None) was missed, (None, class) is extra. An ambiguous class stands under its own name.
    """
    cells: Counter[tuple[str | None, str | None]] = Counter()
    for line in lines:
        if not line.timed:
            continue
        pairs = line.pairs() + line.misnamed()
        found, used = {i for i, _ in pairs}, {j for _, j in pairs}
        true = [line.true_class(i) or UNSTATED for i in range(len(line.result.truth.events))]
        cells.update((true[i], line.counted[j].road_user) for i, j in pairs)
        cells.update((name, None) for i, name in enumerate(true) if i not in found)
        cells.update((None, each.road_user) for j, each in enumerate(line.counted) if j not in used)
    return cells
