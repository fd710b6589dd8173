"""Every single crossing against the truth: which were missed, which are too many, and when.

Where the truth says when somebody passed, crossings are paired with it in time, all at once, so that the sum of the
distances is the smallest. Precision, recall and F1 are those of the pairs; where the truth gives only numbers, as many
as both have in common count as pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from app.validation.truth import LineResult, Truth

TOLERANCE_S = 1.0
"""A crossing may be so long before or after the frames in which somebody truly passed."""

_NEVER = 1e9


class CountedEvent(NamedTuple):
    """A crossing that was counted, with the 0-based frame of the clip that is nearest."""

    frame: int
    direction: str
    road_user: str
    track_id: int


class WrongEvent(NamedTuple):
    """A crossing that was missed or is too many.

    Attributes:
        kind: "missed" or "extra".
        first, last: frames in which somebody passed, or was counted.
        road_user: the true class ("" where the truth does not say), or the counted one.
        track_id: of what was counted, None for what was missed.
    """

    kind: str
    first: int
    last: int
    direction: str
    road_user: str
    track_id: int | None


class ClassScore(NamedTuple):
    """Events of one class; `matched` of them are both true and counted."""

    true: int
    counted: int
    matched: int

    @property
    def precision(self) -> float | None:
        """Share of the counted ones that are true, None when nothing was counted."""
        return self.matched / self.counted if self.counted else None

    @property
    def recall(self) -> float | None:
        """Share of the true ones that were counted, None when there were none."""
        return self.matched / self.true if self.true else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall, None when there were none and none was counted."""
        both = self.true + self.counted
        return 2 * self.matched / both if both else None


@dataclass(frozen=True, slots=True)
class LineEvents:
    """The crossings of one line of one clip beside its truth.

    Attributes:
        result: the numbers.
        counted: every crossing.
        frame_rate: of the clip.
    """

    result: LineResult
    counted: tuple[CountedEvent, ...]
    frame_rate: float

    @property
    def timed(self) -> bool:
        """Whether the truth says of everybody when they passed."""
        return len(self.result.truth.events) == self.result.truth.total

    @property
    def wrong(self) -> list[WrongEvent]:
        """What was missed or is too many, in order of time; nothing where the truth does not say when."""
        if not self.timed:
            return []
        truth, pairs = self.result.truth, self._pairs()
        hit, used = {i for i, _ in pairs}, {j for _, j in pairs}
        wrong = [
            WrongEvent("missed", first, last, direction, _class_of(truth, i), None)
            for i, (first, last, direction, _) in enumerate(truth.events)
            if i not in hit
        ]
        wrong += [
            WrongEvent("extra", each.frame, each.frame, each.direction, each.road_user, each.track_id)
            for j, each in enumerate(self.counted)
            if j not in used
        ]
        return sorted(wrong, key=lambda each: each.first)

    def matched(self) -> Counter[tuple[str, str]]:
        """How many of each (direction, class) are both true and counted."""
        truth = self.result.truth
        known = {(direction, name) for direction, name, _, _ in self.result.rows}
        if self.timed and all(_class_of(truth, i) for i in range(len(truth.events))):
            counted = [self.counted[j] for _, j in self._pairs()]
            return Counter((each.direction, each.road_user) for each in counted)
        return +Counter({key: min(truth.counts.get(key, 0), self.result.counted.get(key, 0)) for key in known})

    def _pairs(self) -> list[tuple[int, int]]:
        """Positions in the truth's events and in `counted` of what belongs together."""
        truth, tolerance = self.result.truth, TOLERANCE_S * self.frame_rate
        cost = np.full((len(truth.events), len(self.counted)), _NEVER)
        for i, (first, last, direction, _) in enumerate(truth.events):
            for j, each in enumerate(self.counted):
                away = max(first - each.frame, each.frame - last, 0)
                same = each.direction == direction and _class_of(truth, i) in ("", each.road_user)
                if same and away <= tolerance:
                    cost[i, j] = away
        rows, columns = linear_sum_assignment(cost)
        return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if cost[i, j] < _NEVER]


def _class_of(truth: Truth, event: int) -> str:
    """The class of a true event: as given, or the only one that passed in that direction, else ""."""
    _, _, direction, road_user = truth.events[event]
    possible = [name for (way, name), number in truth.counts.items() if way == direction and number]
    if road_user or truth.either.get(direction, 0) or len(possible) != 1:
        return road_user
    return possible[0]


def class_scores(lines: Iterable[LineEvents]) -> dict[str, ClassScore]:
    """Per road user, all lines together. Who may be called either class is left out, on both sides."""
    true: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    matched: Counter[str] = Counter()
    for line in lines:
        either = dict(line.result.truth.either)
        pairs = line.matched()
        for direction, road_user, t, c in line.result.rows:
            pardoned = min(either.get(direction, 0), max(0, c - t))
            if pardoned:
                either[direction] -= pardoned
            true[road_user] += t
            counted[road_user] += c - pardoned
            matched[road_user] += pairs[direction, road_user]
    names = sorted(name for name in set(true) | set(counted) if true[name] or counted[name])
    return {name: ClassScore(true[name], counted[name], matched[name]) for name in names}
