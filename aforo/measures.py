"""Measures of traffic from counts and their coverage: buckets of local time, totals, peak hour, flow rate. Pure.

Buckets are local to the site: an hour begins when the clocks on the street show :00 and a day at their midnight, so
that a day has 23 or 25 hours when the clocks change. Quarter-hours and shorter intervals are the same in local time
and UTC, because every offset in use since 1972 is a whole number of quarter-hours.

The measures are those of the Highway Capacity Manual (TRB, 7th edition, chapter 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aforo.local_time import HOUR_US, QUARTER_US, Bucket

QUARTERS_PER_HOUR = 4


COMPLETE_SHARE = 0.99
"""From this observed share on an interval counts as complete: a reconnection of half a minute spoils no hour."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of one interval, or of several together.

    Attributes:
        count: road users seen; None where nothing was observed: unknown, not zero.
        provisional: those of them whose tracks are still open.
        observed_us: time observed within it.
        complete: the whole interval, or each of several, was observed (`COMPLETE_SHARE`).
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
    """The hour with the highest volume.

    Attributes:
        factor: the peak-hour factor, 0.25 (all in one quarter-hour) to 1 (even flow).
        peak_flow_rate: of its busiest quarter-hour, road users per hour.
        complete: all four quarter-hours were observed whole.
    """

    start_us: int
    end_us: int
    volume: int
    factor: float
    peak_flow_rate: float
    complete: bool


def measured(bucket: Bucket, count: int, provisional: int, observed_us: int) -> Measured:
    """A count of an interval in the light of how much of it was observed.

    Road users seen in an interval without any coverage (a passage interpolated back over its edge) stay counted.
    """
    share = observed_us / (bucket.end_us - bucket.start_us)
    known = observed_us > 0 or count > 0
    return Measured(*bucket, count if known else None, provisional, observed_us, share >= COMPLETE_SHARE)


def total(parts: Iterable[Measured]) -> Measured | None:
    """Consecutive intervals together: what is known of them; None of nothing.

    The sum leaves unknown intervals out, and is complete only when each of its parts is.
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
    """Equivalent hourly rate of a count, road users per hour."""
    return count * HOUR_US / duration_us


def peak_hour_factor(quarters: Sequence[int]) -> float | None:
    """V / (4 · V15): the hour's volume over four times that of its busiest quarter-hour; None when nobody passed."""
    busiest = max(quarters)
    return sum(quarters) / (QUARTERS_PER_HOUR * busiest) if busiest else None


def peak_hour(quarters: Sequence[Measured]) -> PeakHour | None:
    """The four consecutive quarter-hours with the highest volume, the earliest of equals.

    Args:
        quarters: 15-minute intervals in order; an hour with an unknown one is not considered.

    Returns:
        None when there is no such hour or nobody passed.
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
    """The clock hour with the highest known volume, the earliest of equals; None when nobody passed."""
    counted = [hour for hour in hours if hour.count]
    return max(counted, key=lambda hour: hour.count or 0, default=None)
