"""The arithmetic of following boxes from frame to frame, compiled: it knows nothing but its arguments.

Boxes are (N, 4) xyxy in pixels unless told otherwise; what the numbers mean is told in `track.suppression`,
`track.motion` and `track.association`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.compiled import compiled, compiling

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

SMALLEST_PX = 2.0
"""No box is expected to be narrower or lower."""


class Filters(NamedTuple):
    """The filters of tracks (`track.motion`): of each centre x, centre y, width and height, pixels and seconds.

    Attributes:
        place: (N, 4).
        speed: (N, 4).
        variance: (N, 4) of the place.
        covariance: (N, 4) of both.
        speed_variance: (N, 4).
    """

    place: Floats
    speed: Floats
    variance: Floats
    covariance: Floats
    speed_variance: Floats


class Motion(NamedTuple):
    """How road users move and detectors err; sizes are those of the box.

    Attributes:
        acceleration: standard deviation, sizes per s².
        perspective: the same that the speed adds, per s: who comes near grows faster, whatever the size.
        measurement: standard deviation of a detector's box, sizes.
        outlier: the same for what a detector does now and then, where one thing hides part of another.
        calm_speed: what moves slower than so many of its sizes per second is calm.
        size_memory_s: a box's growth is forgotten within this time: it is mostly noise.
        of_acceleration, of_measurement: share of centre x, centre y, width and height in these.
    """

    acceleration: float
    perspective: float
    measurement: float
    outlier: float
    calm_speed: float
    size_memory_s: float
    of_acceleration: tuple[float, float, float, float]
    of_measurement: tuple[float, float, float, float]


class Rules(NamedTuple):
    """What may continue what; see `track.association`."""

    start: float
    high: float
    low: float
    growth: float
    unsure_growth: float
    new_speed: float
    least: float
    unsure_least: float
    leap: float
    doubt: float
    lost_s: float
    new_lost_s: float
    settled_hits: int


@compiled
def overlap(ax1: float, ay1: float, ax2: float, ay2: float, bx1: float, by1: float, bx2: float, by2: float) -> float:
    """Intersection over union of two boxes."""
    shared = max(min(ax2, bx2) - max(ax1, bx1), 0.0) * max(min(ay2, by2) - max(ay1, by1), 0.0)
    area_a = max(ax2 - ax1, 0.0) * max(ay2 - ay1, 0.0)
    area_b = max(bx2 - bx1, 0.0) * max(by2 - by1, 0.0)
    return shared / max(area_a + area_b - shared, 1e-9)


@compiled
def overlap_of(a: Floats, b: Floats) -> float:
    """The same of two boxes in arrays."""
    return overlap(a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3])


@compiled
def surest_apart(boxes: Floats, confidence: Floats, most: float) -> Indices:
    """Indices, surest first, of those that no surer one left in overlaps by more than `most`."""
    order = np.argsort(-confidence, kind="mergesort")
    kept = np.empty(len(order), np.intp)
    count = 0
    for i in order:
        alone = True
        for at in range(count):
            j = kept[at]
            if overlap_of(boxes[i], boxes[j]) > most:
                alone = False
                break
        if alone:
            kept[count] = i
            count += 1
    return kept[:count]


@compiled
def mean_side(width: float, height: float) -> float:
    """Geometric mean of a box's sides, at least a pixel."""
    return math.sqrt(max(width * height, 1.0))


@compiled
def by_kind(
    boxes: Floats, confidence: Floats, kinds: Indices, others: Indices, low: float, most: float
) -> tuple[Indices, Indices]:
    """The detections of each kind, one on each object, surest first.

    Args:
        boxes: (N, 4).
        confidence: (N,).
        kinds: (N,), those that are looked for from 0.
        others: of each of these another one that may be it, too; it comes after it.
        low: what is less sure is left out.
        most: boxes of a kind overlap by so much at most.

    Returns:
        The rows of all kinds, one kind after the other; (kinds,) where each ends.
    """
    every, stops = np.empty(len(others) * len(boxes), np.intp), np.empty(len(others), np.intp)
    count = 0
    usable = confidence >= low
    for row in range(len(boxes)):
        usable[row] &= np.isfinite(boxes[row]).all()  # a network that goes astray gives no numbers
    for kind in range(len(others)):
        rows = np.flatnonzero(usable & ((kinds == kind) | (kinds == others[kind])))
        order = confidence[rows]
        for at in range(len(rows)):
            if kinds[rows[at]] != kind:
                order[at] -= 1
        for at in surest_apart(boxes[rows], order, most):
            every[count] = rows[at]
            count += 1
        stops[kind] = count
    return every[:count], stops


@compiled
def places(boxes: Floats) -> Floats:
    """Centre x, centre y, width and height of boxes (N, 4)."""
    found = np.empty_like(boxes)
    for at in range(len(boxes)):
        x1, y1, x2, y2 = boxes[at]
        found[at, 0], found[at, 1] = (x1 + x2) / 2, (y1 + y2) / 2
        found[at, 2], found[at, 3] = max(x2 - x1, SMALLEST_PX), max(y2 - y1, SMALLEST_PX)
    return found


@compiled
def predict(filters: Filters, seconds: float, motion: Motion) -> None:
    """Move everything on by so much time."""
    if seconds <= 0:
        return
    place, speed, variance, covariance, speed_variance = filters
    second, third, fourth = seconds**2, seconds**3, seconds**4
    kept_growth = math.exp(-seconds / motion.size_memory_s)
    for row in range(len(place)):
        pace = math.hypot(speed[row, 0], speed[row, 1])
        shaken = motion.acceleration * mean_side(place[row, 2], place[row, 3]) + motion.perspective * pace
        for k in range(4):
            noise = (shaken * motion.of_acceleration[k]) * (shaken * motion.of_acceleration[k])
            place[row, k] += speed[row, k] * seconds
            cov, var_speed = covariance[row, k], speed_variance[row, k]
            variance[row, k] = variance[row, k] + 2 * seconds * cov + second * var_speed + noise * fourth / 4
            covariance[row, k] = cov + seconds * var_speed + noise * third / 2
            speed_variance[row, k] = var_speed + noise * second
        for k in range(2, 4):
            speed[row, k] *= kept_growth
            place[row, k] = max(place[row, k], SMALLEST_PX)


@compiled
def correct(filters: Filters, rows: Indices, boxes: Floats, motion: Motion) -> None:
    """Take in the boxes (M, 4) that were found for some rows (M,)."""
    place, speed, variance, covariance, speed_variance = filters
    seen = places(boxes)
    for at in range(len(rows)):
        row = rows[at]
        size = mean_side(place[row, 2], place[row, 3])
        for k in range(4):
            var, cov = variance[row, k], covariance[row, k]
            doubt = motion.measurement * size * motion.of_measurement[k]
            noise = doubt * doubt
            gain, gain_speed = var / (var + noise), cov / (var + noise)
            error = seen[at, k] - place[row, k]
            place[row, k] += gain * error
            speed[row, k] += gain_speed * error
            variance[row, k] = (1 - gain) * var
            covariance[row, k] = (1 - gain) * cov
            speed_variance[row, k] -= gain_speed * cov


@compiled
def surprise(place: Floats, variance: Floats, row: int, x: float, y: float, outlier: float) -> float:
    """How far a centre lies from where the filter of a row expects it, standard deviations."""
    doubt = outlier * mean_side(place[row, 2], place[row, 3])
    return math.hypot(
        (x - place[row, 0]) / math.sqrt(variance[row, 0] + doubt * doubt),
        (y - place[row, 1]) / math.sqrt(variance[row, 1] + doubt * doubt),
    )


@compiled
def similarity(
    filters: Filters, settled: Mask, rows: Indices, boxes: Floats, growth: float, leap: float, motion: Motion
) -> Floats:
    """Overlap of where some rows (N) are expected with boxes (M, 4), all grown by a share of their sides: (N, M).

    Calm things do not leap: a calm one of the `settled` (a mask of all rows) has no overlap with a box whose centre
    would surprise its filter by more than `leap` standard deviations.
    """
    place, speed, variance, _, _ = filters
    found = np.empty((len(rows), len(boxes)))
    for at in range(len(rows)):
        row = rows[at]
        x, y, half_width, half_height = place[row, 0], place[row, 1], place[row, 2] / 2, place[row, 3] / 2
        ax1, ay1, ax2, ay2 = grown(x - half_width, y - half_height, x + half_width, y + half_height, growth)
        pace = math.hypot(speed[row, 0], speed[row, 1]) / mean_side(place[row, 2], place[row, 3])
        is_calm = settled[row] and pace < motion.calm_speed
        for j in range(len(boxes)):
            x1, y1, x2, y2 = boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3]
            if is_calm and surprise(place, variance, row, (x1 + x2) / 2, (y1 + y2) / 2, motion.outlier) > leap:
                found[at, j] = 0.0
            else:
                bx1, by1, bx2, by2 = grown(x1, y1, x2, y2, growth)
                found[at, j] = overlap(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2)
    return found


@compiled
def nearness(place: Floats, box: Floats, reach: float) -> float:
    """Of what was seen once: 1 where a box is the same, 0 where it is further than `reach` sizes or has another size.

    Args:
        place: (4,) of a filter.
        box: (4,).
        reach: in sizes of the former.
    """
    x, y, half_width, half_height = place[0], place[1], place[2] / 2, place[3] / 2
    x1, y1, x2, y2 = x - half_width, y - half_height, x + half_width, y + half_height
    size, new_size = math.sqrt((x2 - x1) * (y2 - y1)), math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    away = math.hypot((box[0] + box[2]) / 2 - (x1 + x2) / 2, (box[1] + box[3]) / 2 - (y1 + y2) / 2)
    alike = min(new_size, size) / max(new_size, size)
    return alike * max(1 - away / max(reach * size, 1e-9), 0.0)


@compiled
def follow(
    filters: Filters,
    ids: Indices,
    hits: Indices,
    seen_s: Floats,
    boxes: Floats,
    confidence: Floats,
    now_s: float,
    step: float,
    rules: Rules,
    motion: Motion,
) -> tuple[Indices, Indices, Mask]:
    """Move tracks on to a frame and give them the boxes that continue them; see `track.association`.

    Args:
        filters: of N tracks; changed, as are hits and seen_s.
        ids: (N,) of the tracks.
        hits: (N,) how often they were seen.
        seen_s: (N,) when they were seen last.
        boxes: (M, 4) of the frame.
        confidence: (M,).
        now_s: time of the frame.
        step: since the last one.
        rules: of association.
        motion: of tracks.

    Returns:
        (M,) the track of each box, 0 for none; the boxes that begin one; (N,) False for tracks that are given up.
    """
    predict(filters, step, motion)
    settled, waits = hits >= rules.settled_hits, np.empty(len(hits), np.bool_)
    for row in range(len(hits)):
        patience = rules.lost_s if settled[row] else max(rules.new_lost_s, 2.5 * step)
        waits[row] = now_s - seen_s[row] <= patience
    track_of, box_of = np.full(len(boxes), -1, np.intp), np.full(len(hits), -1, np.intp)
    is_sure = confidence >= rules.high

    sure, rows = np.flatnonzero(is_sure), np.flatnonzero(waits)
    worth = similarity(filters, settled, rows, boxes[sure], rules.growth, rules.leap, motion)
    for at in range(len(rows)):
        for j in range(len(sure)):
            if hits[rows[at]] == 1:  # of unknown speed
                near = nearness(filters.place[rows[at]], boxes[sure[j]], rules.new_speed * step)
                worth[at, j] = max(worth[at, j], near)
            worth[at, j] *= 1 - rules.doubt + rules.doubt * confidence[sure[j]]
    pair(worth, rules.least, rows, sure, track_of, box_of)

    unsure = np.flatnonzero(~is_sure & (confidence >= rules.low))
    rows = np.flatnonzero(waits & (box_of < 0) & (now_s - seen_s < 1.5 * step + 1e-6))
    worth = similarity(filters, settled, rows, boxes[unsure], rules.unsure_growth, rules.leap, motion)
    pair(worth, rules.unsure_least, rows, unsure, track_of, box_of)

    found = np.flatnonzero(track_of >= 0)
    correct(filters, track_of[found], boxes[found], motion)
    named = np.zeros(len(boxes), np.intp)
    for box in found:
        named[box] = ids[track_of[box]]
        hits[track_of[box]] += 1
        seen_s[track_of[box]] = now_s
    return named, np.flatnonzero(is_sure & (confidence >= rules.start) & (track_of < 0)), waits


@compiled
def pair(worth: Floats, least: float, rows: Indices, columns: Indices, row_of: Indices, column_of: Indices) -> None:
    """Note the pairs of the best assignment that are worth at least so much, in `row_of[column]`, `column_of[row]`."""
    best = assigned(worth)
    for at in range(len(rows)):
        if best[at] >= 0 and worth[at, best[at]] >= least:
            row, column = rows[at], columns[best[at]]
            row_of[column], column_of[row] = row, column


@compiled
def assigned(worth: Floats) -> Indices:
    """The column of each row, -1 for none, with which the sum is largest.

    Of a table (N, M) everything of the shorter side is assigned, by shortest augmenting paths (D. F. Crouse, On
    implementing 2D rectangular assignment algorithms, IEEE Trans. Aerospace and Electronic Systems 52(4), 2016).
    """
    is_tall = len(worth) > worth.shape[1]
    cost = -worth.T.copy() if is_tall else -worth
    height, width = cost.shape
    of_row, of_column = np.full(height, -1, np.intp), np.full(width, -1, np.intp)
    price, paid = np.zeros(height), np.zeros(width)
    for first in range(height):
        column, before = free_column(cost, first, of_row, of_column, price, paid)
        while True:  # everybody on the path moves on by one
            row = before[column]
            of_column[column] = row
            of_row[row], column = column, of_row[row]
            if row == first:
                break
    return of_column if is_tall else of_row


@compiled
def free_column(
    cost: Floats, first: int, of_row: Indices, of_column: Indices, price: Floats, paid: Floats
) -> tuple[int, Indices]:
    """The column that is not taken and is cheapest to reach from a row, if others move on; prices are brought up to it.

    Returns:
        The column, and the row before each column on the way to it.

    Raises:
        ValueError: something in the table is no number.
    """
    height, width = cost.shape
    length, before = np.full(width, np.inf), np.full(width, -1, np.intp)
    reached, waiting = np.zeros(height, np.bool_), np.arange(width)[::-1].copy()
    row, shortest, left = first, 0.0, width
    while row >= 0:
        reached[row] = True
        nearest, lowest = -1, np.inf
        for at in range(left):
            j = waiting[at]
            through = shortest + cost[row, j] - price[row] - paid[j]
            if through < length[j]:
                length[j], before[j] = through, row
            if length[j] < lowest or (length[j] == lowest and of_column[j] < 0):
                nearest, lowest = at, length[j]
        if not lowest < np.inf:
            raise ValueError("what is assigned must be worth a number")
        left -= 1
        shortest, column = lowest, waiting[nearest]
        waiting[nearest], waiting[left] = waiting[left], column
        row = of_column[column]
    for i in np.flatnonzero(reached):
        price[i] += shortest if i == first else shortest - length[of_row[i]]
    for j in waiting[left:]:
        paid[j] -= shortest - length[j]
    return column, before


@compiled
def grown(x1: float, y1: float, x2: float, y2: float, share: float) -> tuple[float, float, float, float]:
    """A box with a share of its width and height added on each side."""
    wide, high = (x2 - x1) * share, (y2 - y1) * share
    return x1 - wide, y1 - high, x2 + wide, y2 + high


def compile_all() -> None:
    """Have everything compiled before the first frame comes, which would have to wait."""
    boxes, rows = np.zeros((0, 4)), np.zeros(0, np.intp)
    numbers, filters = np.zeros(0), Filters(boxes, boxes, boxes, boxes, boxes)
    nothing = (0.0, 0.0, 0.0, 0.0)
    motion = Motion(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, nothing, nothing)
    rules = Rules(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1)
    with compiling(__file__):
        by_kind(boxes, numbers, rows, rows, 0.0, 0.5)
        follow(filters, rows, rows, numbers, boxes, numbers, 0.0, 0.0, rules, motion)
        places(boxes)
        assigned(boxes)
