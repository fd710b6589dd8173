"""A manual count beside what the store has: per place, direction and class, over intervals complete on both sides."""

from __future__ import annotations

from bisect import bisect_right
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
        left_out: intervals of the reference that no camera observed whole.
        provisional: road users among Aforo's whose tracks were still open: they may change.
        observers_wape: of further observers, or campaigns, against the first, over intervals of both; None without.
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
    spans: dict[CountedPlace, set[Span]] = defaultdict(set)
    for row in rows:
        groups[row.place, row.direction, row.road_user].append(row)
        spans[row.place].add((row.start_us, row.end_us))
    minutes = {place: _read_minutes(reader, place, found) for place, found in spans.items()}
    return [_compare(minutes[key[0]], *key, found) for key, found in groups.items()]


def _read_minutes(reader: CountReader, place: CountedPlace, spans: Iterable[Span]) -> list[Series]:
    """The series by minute of each stretch of time that the spans cover, in order; what lies between is not read."""
    stretches: list[Span] = []
    for start_us, end_us in sorted(spans):
        if stretches and start_us <= stretches[-1][1]:
            stretches[-1] = stretches[-1][0], max(stretches[-1][1], end_us)
        else:
            stretches.append((start_us, end_us))
    found = []
    for start_us, end_us in stretches:
        buckets = [Bucket(at_us, at_us + MINUTE_US) for at_us in range(start_us, end_us, MINUTE_US)]
        found += read_series(reader, [place], buckets, "1m")
    return found


def _compare(
    stretches: Sequence[Series], place: CountedPlace, direction: str, road_user: str, rows: Sequence[ManualRow]
) -> PlaceValidation:
    observers: dict[tuple[str, str], dict[Span, int]] = defaultdict(dict)
    for row in rows:
        observers[row.count_id, row.observer][row.start_us, row.end_us] = row.count
    first, *others = observers.values()
    manual = _reference(first, others)
    sums = [series.sums(direction or None, None if road_user == ALL else road_user) for series in stretches]
    starts_us = [series.buckets[0].start_us for series in stretches]
    matched: dict[Span, tuple[int, int]] = {}
    provisional = 0
    for span in sorted(manual):
        at = bisect_right(starts_us, span[0]) - 1
        minutes = slice(*((at_us - starts_us[at]) // MINUTE_US for at_us in span))
        observed = np.minimum(stretches[at].observed_us[minutes], MINUTE_US).sum() / (span[1] - span[0])
        if observed >= COMPLETE_SHARE:
            matched[span] = manual[span], int(sums[at][0, minutes].sum())
            provisional += int(sums[at][1, minutes].sum())
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


def _reference(first: Mapping[Span, int], others: Iterable[Mapping[Span, int]]) -> dict[Span, int]:
    """The first observer's intervals, and those of others that share no time with any before: nobody counts twice."""
    reference, taken = dict(first), sorted(first)
    for other in others:
        for span, count in other.items():
            at = bisect_right(taken, span)
            is_free = at == 0 or taken[at - 1][1] <= span[0]
            if is_free and (at == len(taken) or span[1] <= taken[at][0]):
                taken.insert(at, span)
                reference[span] = count
    return reference


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
