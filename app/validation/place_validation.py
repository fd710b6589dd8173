"""A manual count beside what the store has: per place, direction and class, over intervals complete on both sides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aforo.local_time import Bucket
from aforo.model import MINUTE_US
from aforo.ports import CountReader
from aforo.traffic_measures import COMPLETE_SHARE
from api.place_series import CountedPlace, Series, read_series
from app.validation.count_agreement import Agreement, State, agreement, correlation
from app.validation.manual_count import ALL, ManualRow

OBSERVERS_AGREE = 0.05
"""Largest WAPE between two observers whose count is a reference."""

_CLOCK_GAIN = 0.1
_LEAST_FOR_CLOCK = 6
"""A shift by one interval that raises r by so much, over so many intervals, tells of a wrong clock."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PlaceValidation:
    """One place, direction and class: what people counted, and what Aforo did.

    Attributes:
        place: the line, zone or movement.
        direction: "" for all together.
        road_user: a class, or `ALL`.
        agreement: over the matched intervals; None where there is none.
        left_out: intervals that people counted and that no camera observed whole.
        provisional: road users among Aforo's whose tracks were still open: they may change.
        observers_wape: of a second observer against the first, over intervals of both; None with one observer.
        shift: +1 where the counts fit one interval later better, −1 earlier, 0 else: a clock may be wrong.
    """

    place: CountedPlace
    direction: str
    road_user: str
    agreement: Agreement | None
    left_out: int
    provisional: int
    observers_wape: float | None
    shift: int

    @property
    def state(self) -> State:
        """What it says of the counts; nothing where observers differ too much among themselves."""
        if self.agreement is None or (self.observers_wape or 0.0) > OBSERVERS_AGREE:
            return State.NOT_VALIDATED
        return self.agreement.state

    @property
    def offered_factor(self) -> float | None:
        """The factor that a person may accept; see `Agreement.offered_factor`."""
        return None if self.agreement is None or self.state == State.NOT_VALIDATED else self.agreement.offered_factor


def compare_with_store(reader: CountReader, rows: Iterable[ManualRow]) -> list[PlaceValidation]:
    """Compare a manual count with the store, in the order of the file.

    Raises:
        StoreError: the store cannot be read.
    """
    groups: dict[tuple[CountedPlace, str, str], list[ManualRow]] = defaultdict(list)
    for row in rows:
        groups[row.place, row.direction, row.road_user].append(row)
    ranges: dict[CountedPlace, tuple[int, int]] = {}
    for (place, _, _), found in groups.items():
        first_us, last_us = ranges.get(place, (found[0].start_us, found[0].end_us))
        ranges[place] = (
            min(first_us, *(row.start_us for row in found)),
            max(last_us, *(row.end_us for row in found)),
        )
    series = {place: _minutes(reader, place, *span) for place, span in ranges.items()}
    return [_compare(series[key[0]], *key, found) for key, found in groups.items()]


def _minutes(reader: CountReader, place: CountedPlace, start_us: int, end_us: int) -> Series:
    spans = [Bucket(at_us, at_us + MINUTE_US) for at_us in range(start_us, end_us, MINUTE_US)]
    (series,) = read_series(reader, [place], spans, "1m")
    return series


def _compare(
    series: Series, place: CountedPlace, direction: str, road_user: str, rows: Sequence[ManualRow]
) -> PlaceValidation:
    observers: dict[str, dict[Span, int]] = defaultdict(dict)
    for row in rows:
        counted = observers[row.observer]
        counted[row.start_us, row.end_us] = counted.get((row.start_us, row.end_us), 0) + row.count
    first, *others = observers.values()
    manual = dict(first)
    for other in others:
        manual = other | manual
    sums = series.sums(direction or None, None if road_user == ALL else road_user)
    matched: dict[Span, tuple[int, int]] = {}
    provisional = 0
    for span in sorted(manual):
        minutes = slice(*((at_us - series.buckets[0].start_us) // MINUTE_US for at_us in span))
        observed = np.minimum(series.observed_us[minutes], MINUTE_US).sum() / (span[1] - span[0])
        if observed >= COMPLETE_SHARE:
            matched[span] = manual[span], int(sums[0, minutes].sum())
            provisional += int(sums[1, minutes].sum())
    spans = list(matched)
    pairs = list(matched.values())
    lengths_us = [end_us - start_us for start_us, end_us in spans]
    return PlaceValidation(
        place,
        direction,
        road_user,
        agreement([one for one, _ in pairs], [own for _, own in pairs], lengths_us) if pairs else None,
        left_out=len(manual) - len(matched),
        provisional=provisional,
        observers_wape=_wape_between(first, others),
        shift=_better_shift(spans, pairs),
    )


def _wape_between(first: Mapping[Span, int], others: Sequence[Mapping[Span, int]]) -> float | None:
    pairs = [(first[span], other[span]) for other in others for span in other if span in first]
    total = sum(one for one, _ in pairs)
    if not pairs:
        return None
    difference = sum(abs(one - two) for one, two in pairs)
    return difference / total if total else float(difference > 0)


def _better_shift(spans: Sequence[Span], pairs: Sequence[tuple[int, int]]) -> int:
    """By how many intervals the counts would have to come earlier to fit much better; only told, never done."""
    if len(pairs) < _LEAST_FOR_CLOCK or any(one[1] != two[0] for one, two in pairwise(spans)):
        return 0
    manual, counted = zip(*pairs, strict=True)
    plain = correlation(manual[1:-1], counted[1:-1])
    if plain is None:
        return 0
    shifted = {1: correlation(manual[1:-1], counted[2:]), -1: correlation(manual[1:-1], counted[:-2])}
    gains = [(gain, shift) for shift, gain in shifted.items() if gain is not None]
    gain, shift = max(gains, default=(plain, 0))
    return shift if gain > plain + _CLOCK_GAIN else 0
