"""From detections to tracklets: which box continues which.

ByteTrack's idea (Zhang et al., ECCV 2022): sure detections are associated first, to everything that is followed or was
lost a moment ago; unsure ones may only continue what was seen in the last frame, and never start anything. Boxes are
grown before they are compared (C-BIoU, Yang et al., WACV 2023), so that small and fast things still meet their
prediction. `docs/adr/0004` tells why this is not one of the libraries' trackers, with figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import supervision as sv

from aforo.kernel_cache import compiled, compiling
from aforo.model import MICROSECONDS, Box, Observation
from track.assignment import assigned, pair
from track.boxes import Floats, Indices, Mask, grown, mean_side, overlap
from track.kinds import MAY_BE, SAME_OBJECT_IOU, by_kind, kinds_of_classes
from track.motion import MOTION, Filters, Motion, correct, no_filters, only, places, predict, surprise, with_new
from track.tracklet import Kind, Tracklet


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure a detection has to be.

    Attributes:
        start: to start a track.
        high: to be associated first.
    """

    start: float
    high: float


CONFIDENCE = {
    Kind.PERSON: Confidence(start=0.35, high=0.35),
    # Machines are small and half hidden by who rides them; what they start is believed only once it moves or is joined.
    Kind.MACHINE: Confidence(start=0.25, high=0.25),
    Kind.VEHICLE: Confidence(start=0.25, high=0.25),
}

LOW_CONFIDENCE = 0.15
"""Detections less sure than this are not used at all; nor does the detector tell of them."""

GROWTH, UNSURE_GROWTH = 0.25, 0.125
"""How much boxes are grown on each side before they are compared, as a share of width and height."""

NEW_SPEED = 10.0
"""How fast something may be that was seen only once, in its sizes per second: nobody knows yet where it goes."""

LEAST_SIMILARITY, UNSURE_LEAST_SIMILARITY = 0.15, 0.45
"""Overlap of grown boxes, weakened by doubt about the detection, that an association needs at least."""

LEAP = 5.0
"""Calm things do not leap: an association may surprise their filter by so many standard deviations."""

DOUBT = 0.4
"""How much a detection's confidence weighs in the similarity."""

LOST_S = 2.0
"""How long a track that was believed waits for its next detection."""

NEW_LOST_S = 0.3
"""How long one that was not yet believed waits; at low frame rates, two and a half frames."""

SETTLED_HITS = 3


class Associator:
    """Follows the things of one kind in one camera; ids begin at 1 and are never used again.

    Args:
        limits: how sure its detections have to be.

    Attributes:
        given_up: ids of what was given up in the last update.
    """

    def __init__(self, limits: Confidence) -> None:
        self._rules = Rules(
            start=limits.start,
            high=limits.high,
            low=LOW_CONFIDENCE,
            growth=GROWTH,
            unsure_growth=UNSURE_GROWTH,
            new_speed=NEW_SPEED,
            least=LEAST_SIMILARITY,
            unsure_least=UNSURE_LEAST_SIMILARITY,
            leap=LEAP,
            doubt=DOUBT,
            lost_s=LOST_S,
            new_lost_s=NEW_LOST_S,
            settled_hits=SETTLED_HITS,
        )
        self.given_up: list[int] = []
        self._filters = no_filters()
        self._ids = np.zeros(0, np.intp)
        self._hits = np.zeros(0, np.intp)
        self._seen_s = np.zeros(0)
        self._now_s: float | None = None
        self._next_id = 1

    def update(self, boxes: Floats, confidence: Floats, now_s: float) -> Indices:
        """Associate the detections of one frame.

        Args:
            boxes: (N, 4) xyxy, pixels.
            confidence: (N,), 0..1.
            now_s: event time, seconds; later than the last.

        Returns:
            (N,) the id of each, 0 for those that belong to nothing.
        """
        step = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s, self.given_up = now_s, []
        if not len(boxes) and not len(self._ids):
            return np.zeros(0, np.intp)
        known = self._filters, self._ids, self._hits, self._seen_s
        ids, starts, waits = follow(*known, boxes, confidence, now_s, step, self._rules, MOTION)
        if not waits.all():
            self.given_up = self._ids[~waits].tolist()
            self._filters = only(self._filters, waits)
            self._ids, self._hits, self._seen_s = self._ids[waits], self._hits[waits], self._seen_s[waits]
        if len(starts):
            ids[starts] = self._start(boxes[starts], now_s)
        return ids

    def _start(self, boxes: Floats, now_s: float) -> Indices:
        new = np.arange(self._next_id, self._next_id + len(boxes))
        self._next_id += len(boxes)
        self._filters = with_new(self._filters, boxes)
        self._ids = np.concatenate([self._ids, new])
        self._hits = np.concatenate([self._hits, np.ones(len(boxes), np.intp)])
        self._seen_s = np.concatenate([self._seen_s, np.full(len(boxes), now_s)])
        return new


class TrackletTracker:
    """Follows everything that one camera detects.

    Args:
        road_users: per class id of the detector the road user, or None for labels that are none.
    """

    def __init__(self, road_users: Sequence[str | None]) -> None:
        self._road_users = tuple(road_users)
        self._kind_of_class = kinds_of_classes(road_users)
        self._associators = {kind: Associator(CONFIDENCE[kind]) for kind in Kind}
        self._open: dict[tuple[Kind, int], Tracklet] = {}
        self._next_id = 1

    def update(
        self, detections: sv.Detections, at_us: int, width: int, height: int
    ) -> tuple[list[Tracklet], list[int]]:
        """Associate one frame's detections.

        Args:
            detections: in pixels, class ids as in `road_users`.
            at_us: event time, later than the last.
            width: of the frame, pixels.
            height: of the frame, pixels.

        Returns:
            The tracklets seen in this frame, and the ids of those that ended.
        """
        assert detections.class_id is not None and detections.confidence is not None  # noqa: S101 (the Detector's promise)
        kinds = self._kind_of_class[detections.class_id]
        boxes = np.array(detections.xyxy, dtype=float, order="C")
        confidence = detections.confidence.astype(float)
        rows, stops = by_kind(boxes, confidence, kinds, MAY_BE, LOW_CONFIDENCE, SAME_OBJECT_IOU)
        boxes, confidence = boxes[rows], confidence[rows]
        corners, sure = (boxes / (width, height, width, height)).tolist(), confidence.tolist()
        labels = detections.class_id[rows].tolist()
        seen: list[Tracklet] = []
        ended: list[int] = []
        start = 0
        for (kind, associator), stop in zip(self._associators.items(), stops.tolist(), strict=True):
            ids = associator.update(boxes[start:stop], confidence[start:stop], at_us / MICROSECONDS)
            for at, key in enumerate(ids.tolist(), start):
                if key:
                    box = Box(*corners[at])
                    tracklet = self._tracklet(kind, key, box, at_us)
                    tracklet.observe(at_us, box, sure[at], self._road_users[labels[at]], width / height)
                    seen.append(tracklet)
            ended += [self._open.pop((kind, key)).id for key in associator.given_up]
            start = stop
        return seen, ended

    def _tracklet(self, kind: Kind, key: int, box: Box, at_us: int) -> Tracklet:
        tracklet = self._open.get((kind, key))
        if tracklet is None:
            tracklet = Tracklet(self._next_id, kind, box, at_us, Observation(at_us, box))
            self._open[kind, key] = tracklet
            self._next_id += 1
        return tracklet


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
