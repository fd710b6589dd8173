"""How well counts agree with those that people made, and what follows from it. Pure.

WAPE, mean percentage deviations and correlation are those of NCHRP Report 797 (volume-weighted, because over- and
undercounts cancel otherwise); GEH is that of the Design Manual for Roads and Bridges, of volumes of whole hours; the
interval of the ratio is that of the ratio estimator (Cochran, *Sampling Techniques*, 1977, section 6.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from statistics import fmean

import numpy as np
from scipy.special import stdtrit

from aforo.local_time import HOUR_US

LEAST_INTERVALS = 12
LEAST_COUNTED = 100
"""Intervals and road users of a manual count that says enough; with fewer, figures are shown and nothing follows."""

GEH_ACCEPTED = 5.0
FACTOR_RANGE = (0.8, 1.4)
"""A camera whose counts need a factor beyond is to be repaired and counted again, never corrected (City of Toronto)."""

_VALIDATED = (0.10, 0.05)
_WITH_RESERVATIONS = (0.25, 0.15)
_LEVEL = 0.95


class State(StrEnum):
    """What a validation says of counts, from best to worst."""

    VALIDATED = "validated"
    RESERVATIONS = "with_reservations"
    NOT_VALIDATED = "not_validated"
    DO_NOT_USE = "do_not_use"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Counts beside those of people, over the same intervals.

    Attributes:
        intervals: how many.
        manual: road users that people counted.
        counted: road users that Aforo counted.
        wape: Σ|counted − manual| / Σ manual; None where people counted nobody.
        bias: Σ(counted − manual) / Σ manual; None likewise.
        mape: mean of |counted − manual| / manual over intervals in which people counted somebody; None without any.
        rmse: root of the mean squared difference, road users per interval.
        correlation: Pearson's r; None where either side never changes.
        geh_share: share of the intervals whose hourly volumes have a GEH below 5.
        ratio: Σ manual / Σ counted; None where Aforo counted nobody.
        ratio_low: lower end of its 95 % interval (Student's t); None with fewer than two intervals.
        ratio_high: its upper end.
    """

    intervals: int
    manual: int
    counted: int
    wape: float | None
    bias: float | None
    mape: float | None
    rmse: float
    correlation: float | None
    geh_share: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None

    @property
    def enough(self) -> bool:
        """Whether the sample is large enough for anything to follow from it."""
        return self.intervals >= LEAST_INTERVALS and self.manual >= LEAST_COUNTED

    @property
    def state(self) -> State:
        """What it says of the counts."""
        if not self.enough or self.wape is None or self.bias is None:
            return State.NOT_VALIDATED
        low, high = FACTOR_RANGE
        if self.ratio is None or not low <= self.ratio <= high:
            return State.DO_NOT_USE
        for state, (wape, bias) in ((State.VALIDATED, _VALIDATED), (State.RESERVATIONS, _WITH_RESERVATIONS)):
            if self.wape <= wape and abs(self.bias) <= bias:
                return state
        return State.DO_NOT_USE

    @property
    def offered_factor(self) -> float | None:
        """The ratio where a person may accept it as a factor: the sample is enough, and 1 lies outside its interval."""
        if self.state not in (State.VALIDATED, State.RESERVATIONS) or self.ratio_low is None or self.ratio_high is None:
            return None
        return None if self.ratio_low <= 1 <= self.ratio_high else self.ratio


def worst(states: Sequence[State]) -> State:
    """What is said of counts whose parts differ; of none: not validated."""
    order = list(State)
    return max(states, key=order.index, default=State.NOT_VALIDATED)


def geh(one: float, other: float) -> float:
    """The GEH of two hourly volumes, √(2(a−b)²/(a+b)); 0 where both are 0."""
    return sqrt(2 * (one - other) ** 2 / (one + other)) if one + other else 0.0


def agreement(manual: Sequence[int], counted: Sequence[int], interval_us: Sequence[int]) -> Agreement:
    """How well counts agree with a manual count.

    Args:
        manual: what people counted in each interval.
        counted: what Aforo counted in the same.
        interval_us: the lengths of the intervals, microseconds.

    Raises:
        ValueError: there is no interval.
    """
    if not manual:
        raise ValueError("expected one interval or more")
    differences = [own - reference for own, reference in zip(counted, manual, strict=True)]
    shares = [abs(each) / reference for each, reference in zip(differences, manual, strict=True) if reference]
    hourly = [
        geh(reference * HOUR_US / length, own * HOUR_US / length)
        for reference, own, length in zip(manual, counted, interval_us, strict=True)
    ]
    total, own_total = sum(manual), sum(counted)
    ratio_low, ratio_high = _ratio_interval(manual, counted)
    return Agreement(
        intervals=len(manual),
        manual=total,
        counted=own_total,
        wape=sum(map(abs, differences)) / total if total else None,
        bias=sum(differences) / total if total else None,
        mape=fmean(shares) if shares else None,
        rmse=sqrt(fmean(each**2 for each in differences)),
        correlation=correlation(manual, counted),
        geh_share=sum(each < GEH_ACCEPTED for each in hourly) / len(hourly),
        ratio=total / own_total if own_total else None,
        ratio_low=ratio_low,
        ratio_high=ratio_high,
    )


def correlation(one: Sequence[int], other: Sequence[int]) -> float | None:
    """Pearson's r; None where either side never changes."""
    if min(one) == max(one) or min(other) == max(other):
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _ratio_interval(manual: Sequence[int], counted: Sequence[int]) -> tuple[float | None, float | None]:
    size, own_total = len(manual), sum(counted)
    if size < 2 or not own_total:  # noqa: PLR2004 -- one difference has no spread
        return None, None
    ratio = sum(manual) / own_total
    squares = sum((reference - ratio * own) ** 2 for reference, own in zip(manual, counted, strict=True))
    error = sqrt(squares / (size * (size - 1))) / fmean(counted)
    half = float(stdtrit(size - 1, (1 + _LEVEL) / 2)) * error
    return ratio - half, ratio + half
