"""The effectiveness score of vehicle counting of the AI City Challenge.

M. Naphade et al., "The 4th AI City Challenge", CVPR Workshops 2020 (arXiv:2004.14619), Track 1, and the 5th of 2021:
every video is cut into k segments of equal length. For each movement and class, x_i true and x̂_i counted road users
have passed by the end of segment i, n altogether, and

    wRMSE = √ Σ w_i (x̂_i − x_i)²,  w_i = 2i / (k (k + 1)),  score = max(0, 1 − wRMSE / n).

The score of all is their mean weighted by n. A movement here is a direction of a line.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

from app.validation.event_matching import LineEvents

SEGMENTS = 10
"""k. The paper leaves it open."""

_Group = tuple[str, str]
"""(direction, class); class "" where the truth does not tell all classes, and all are taken together."""


def ai_city_score(lines: Iterable[LineEvents]) -> float | None:
    """The score of all lines whose truth has times, 1 for counts that are always right; None if nobody passed there.

    As in the challenge, who is counted in a direction and class in which nobody passed costs nothing by himself.
    """
    total, weight = 0.0, 0
    for line in lines:
        if not line.timed:
            continue
        true, counted = _times(line)
        latest = max((last for _, last, _, _ in line.result.truth.events), default=0)
        end = max(line.frames, latest + 1, *(each.frame + 1 for each in line.counted), 1)
        for group, times in true.items():
            total += len(times) * max(0.0, 1 - _weighted_rmse(times, counted[group], end) / len(times))
            weight += len(times)
    return total / weight if weight else None


def _times(line: LineEvents) -> tuple[dict[_Group, list[float]], dict[_Group, list[float]]]:
    """Frames at which true and counted road users passed, without those of an ambiguous class.

    A passage takes a while: the true one is taken at the frame within it that is nearest to its counted crossing.
    """
    true, counted = defaultdict[_Group, list[float]](list), defaultdict[_Group, list[float]](list)
    at = dict(line.pairs())
    left_out = set()
    for i, (first, last, direction, _) in enumerate(line.result.truth.events):
        if line.named and line.is_ambiguous(i):
            left_out.add(at.get(i))
            continue
        group = direction, line.true_class(i) if line.named else ""
        true[group].append(min(max(line.counted[at[i]].frame, first), last) if i in at else (first + last) / 2)
    for j, each in enumerate(line.counted):
        if j not in left_out:
            counted[each.direction, each.road_user if line.named else ""].append(each.frame)
    return true, counted


def _weighted_rmse(true: list[float], counted: list[float], end: int) -> float:
    squares = 0.0
    for segment in range(1, SEGMENTS + 1):
        until = end * segment / SEGMENTS
        wrong = sum(frame < until for frame in counted) - sum(frame < until for frame in true)
        squares += 2 * segment / (SEGMENTS * (SEGMENTS + 1)) * wrong**2
    return math.sqrt(squares)
