"""How sure the WAPE of some clips is.

Crossings of one clip share camera, light and weather, and errors within a line may cancel, so single crossings are not
independent: whole clips are drawn with replacement (cluster bootstrap of a ratio; Davison and Hinkley, *Bootstrap
Methods and their Application*, 1997), and the interval lies between percentiles of the WAPEs of such draws.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.validation.truth import LineResult

LEVEL = 0.95
"""Probability with which the interval is meant to hold the WAPE over all clips of such kinds."""

FEWEST_CLIPS = 5
"""With fewer clips no interval is given: draws of so few hardly differ, and it would be far too narrow."""

_DRAWS = 10_000
_SEED = 0


class Interval(NamedTuple):
    """Bounds of a WAPE, as shares."""

    low: float
    high: float


def wape_interval(results: Sequence[LineResult]) -> Interval | None:
    """The interval of the WAPE of all lines together; the same for the same results in any order.

    Where no clip has an error, every draw is 0; the upper bound is then that of Clopper and Pearson (1934) for no error
    in so many independent crossings.

    Returns:
        None with fewer than `FEWEST_CLIPS` clips in which somebody passed.
    """
    errors: Counter[str] = Counter()
    true: Counter[str] = Counter()
    for result in results:
        errors[result.truth.clip] += result.error
        true[result.truth.clip] += result.truth.total
    if sum(number > 0 for number in true.values()) < FEWEST_CLIPS:
        return None
    outside = (1 - LEVEL) / 2
    if not any(errors.values()):
        return Interval(0.0, 1 - outside ** (1 / true.total()))
    # Sorted, so that the order of the clips changes nothing.
    clips = np.array(sorted((errors[clip], true[clip]) for clip in true))
    # A draw with replacement is how often each clip is in it.
    times = np.random.default_rng(_SEED).multinomial(len(clips), np.full(len(clips), 1 / len(clips)), size=_DRAWS)
    draws = times @ clips
    draws = draws[draws[:, 1] > 0]
    low, high = np.quantile(draws[:, 0] / draws[:, 1], (outside, 1 - outside))
    return Interval(float(low), float(high))
