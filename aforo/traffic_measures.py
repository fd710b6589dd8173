"""Measures of traffic from counts and their coverage: volume of intervals, flow rate, peak hour. Pure.

They are those of the Highway Capacity Manual (TRB, 7th edition, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aforo.local_time import HOUR_US, QUARTER_US, Bucket

QUARTERS_PER_HOUR = 4

COMPLETE_SHARE = 0.99
"""Least observed share of a complete interval: an hour with a reconnection of half a minute is complete."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The count and the coverage of one interval, or of several together.

    >>> Measured(0, 100, 3, 1, 50, False).coverage
    0.5

    Attributes:
        start_us: start, inclusive.
        end_us: end, exclusive.
        count: road users counted; None if nothing was observed: unknown, not zero.
        provisional: those of them whose tracks are still open.
        observed_us: observed time in it, microseconds.
        complete: whether the interval, or each of several, was observed (`COMPLETE_SHARE`).
    """

    start_us: int
    end_us: int
    count: int | None
    provisional: int
    observed_us: int
    complete: bool

    @property
    def coverage(self) -> float:
        """Observed share of the interval, 0..1."""
        return min(1.0, self.observed_us / (self.end_us - self.start_us))


@dataclass(frozen=True, slots=True)
class PeakHour:
    """The hour with the highest volume; see `peak_hour`.

    >>> PeakHour(0, 3_600_000_000, volume=100, factor=0.625, peak_flow_rate=160.0, complete=True).volume
    100

    Attributes:
        start_us: start, inclusive.
        end_us: end, exclusive.
        volume: road users in the hour.
        factor: the peak-hour factor, 0.25 (all in one quarter-hour) to 1 (even flow).
        peak_flow_rate: of its busiest quarter-hour, road users per hour.
        complete: whether all four quarter-hours are complete.
    """

    start_us: int
    end_us: int
    volume: int
    factor: float
    peak_flow_rate: float
    complete: bool


def measured(bucket: Bucket, count: int, provisional: int, observed_us: int) -> Measured:
    """The count of an interval together with its coverage.

    Road users counted in an interval without coverage (a crossing interpolated back over its edge) stay counted.

    >>> measured(Bucket(0, 100), count=0, provisional=0, observed_us=0).count is None
    True

    Args:
        bucket: the interval.
        count: road users counted.
        provisional: those of them whose tracks are still open.
        observed_us: observed time in it, microseconds.
    """
    share = observed_us / (bucket.end_us - bucket.start_us)
    known = observed_us > 0 or count > 0
    return Measured(*bucket, count if known else None, provisional, observed_us, share >= COMPLETE_SHARE)


def total(parts: Iterable[Measured]) -> Measured | None:
    """The sum of consecutive intervals; None if there are none.

    Unknown intervals are left out of the sum, which is complete only if each interval is.

    >>> hours = [measured(Bucket(0, 100), 2, 0, 100), measured(Bucket(100, 200), 3, 1, 100)]
    >>> total(hours).count
    5
    """
    parts = list(parts)
    if not parts:
        return None
    known = [part.count for part in parts if part.count is not None]
    return Measured(
        start_us=parts[0].start_us,
        end_us=parts[-1].end_us,
        count=sum(known) if known else None,
        provisional=sum(part.provisional for part in parts),
        observed_us=sum(part.observed_us for part in parts),
        complete=all(part.complete for part in parts),
    )


def flow_rate(count: int, duration_us: int) -> float:
    """Equivalent hourly rate of a count, road users per hour.

    >>> flow_rate(40, QUARTER_US)
    160.0
    """
    return count * HOUR_US / duration_us


def peak_hour_factor(quarters: Sequence[int]) -> float | None:
    """V / (4 · V15): the hour's volume over four times that of its busiest quarter-hour; None if it is 0.

    >>> peak_hour_factor([40, 20, 20, 20])
    0.625
    """
    busiest = max(quarters)
    return sum(quarters) / (QUARTERS_PER_HOUR * busiest) if busiest else None


def peak_hour(quarters: Sequence[Measured]) -> PeakHour | None:
    """The four consecutive quarter-hours with the highest volume, the earliest of equal ones.

    >>> quarters = [measured(Bucket(at, at + QUARTER_US), 10, 0, QUARTER_US) for at in range(0, HOUR_US, QUARTER_US)]
    >>> peak_hour(quarters).factor
    1.0

    Args:
        quarters: 15-minute intervals in order; an hour with an unknown one is not considered.

    Returns:
        None if there is no such hour or its volume is 0.
    """
    best: PeakHour | None = None
    for first in range(len(quarters) - QUARTERS_PER_HOUR + 1):
        window = quarters[first : first + QUARTERS_PER_HOUR]
        counts = [quarter.count for quarter in window if quarter.count is not None]
        factor = peak_hour_factor(counts) if len(counts) == QUARTERS_PER_HOUR else None
        contiguous = window[-1].end_us - window[0].start_us == HOUR_US
        if factor is None or not contiguous or (best is not None and sum(counts) <= best.volume):
            continue
        best = PeakHour(
            start_us=window[0].start_us,
            end_us=window[-1].end_us,
            volume=sum(counts),
            factor=factor,
            peak_flow_rate=flow_rate(max(counts), QUARTER_US),
            complete=all(quarter.complete for quarter in window),
        )
    return best


def peak_clock_hour(hours: Sequence[Measured]) -> Measured | None:
    """The clock hour with the highest known volume, the earliest of equal ones; None if all are 0 or unknown.

    >>> peak_clock_hour([measured(Bucket(0, HOUR_US), 7, 0, HOUR_US)]).count
    7
    """
    counted = [hour for hour in hours if hour.count]
    return max(counted, key=lambda hour: hour.count or 0, default=None)
