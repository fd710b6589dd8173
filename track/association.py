"""From detections to tracklets: which box continues which.

As in ByteTrack (Zhang et al., ECCV 2022), detections of high confidence are associated first, with all open tracklets;
those of low confidence may only continue a tracklet seen in the previous frame, and never start one. Boxes are enlarged
before they are compared (C-BIoU, Yang et al., WACV 2023), so that small and fast objects still overlap their
prediction. Last, a box with three edges where those of a settled tracklet are predicted continues it: a post, the
frame's border or another road user hid its fourth side, or no longer does. `docs/adr/0004` explains, with figures, why
this is not a tracker of a library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import supervision as sv

from aforo.kernel_cache import compiled, compiling
from aforo.model import LOWEST_CONFIDENCE, MICROSECONDS, Box, PastPosition
from track.assignment import best_assignment, match_pairs
from track.boxes import THREE_EDGES, Floats, Indices, Mask, edges_in_common, grown, iou, mean_side
from track.kinds import ALSO_OF_KIND, SAME_OBJECT_IOU, kinds_of_classes, split_by_kind
from track.motion import (
    MOTION,
    Filters,
    Motion,
    centre_deviation,
    centres_and_sizes,
    correct,
    empty_filters,
    predict,
    selected,
    with_tracks_added,
)
from track.tracklet import PartKind, Tracklet


@dataclass(frozen=True, slots=True)
class Confidence:
    """Thresholds of detection confidence, 0..1.

    Attributes:
        start: lowest confidence that starts a tracklet.
        high: lowest confidence in the first round of association.
    """

    start: float
    high: float


CONFIDENCE = {
    PartKind.PERSON: Confidence(start=0.35, high=0.35),
    # Bicycles and motorcycles are small and half hidden by their riders, so their threshold is low; such a tracklet is
    # confirmed only once it moves or is joined to a rider.
    PartKind.MACHINE: Confidence(start=0.25, high=0.25),
    PartKind.VEHICLE: Confidence(start=0.25, high=0.25),
}

GROWTH, UNSURE_GROWTH = 0.25, 0.125
"""Enlargement of boxes on each side before they are compared, as a share of width and height."""

NEW_SPEED = 10.0
"""Highest speed of an object detected only once, in mean box sides per second: its velocity is not known yet."""

LEAST_SIMILARITY, UNSURE_LEAST_SIMILARITY = 0.15, 0.45
"""Lowest IoU of enlarged boxes, weighted by the detection's confidence, for an association."""

CALM_DEVIATIONS = 5.0
"""Of slow objects: greatest distance between prediction and detection, in standard deviations of the filter."""

CONFIDENCE_WEIGHT = 0.4
"""Weight of the detection's confidence in the similarity, 0..1."""

LOST_S = 2.0
"""Time without a detection after which a settled tracklet ends, seconds."""

NEW_LOST_S = 0.3
"""The same for a tracklet not settled yet; at low frame rates, two and a half frames."""

SETTLED_HITS = 3
"""Detections after which a tracklet is settled: its velocity is known."""


class Associator:
    """Associates the detections of one kind of one camera; ids begin at 1 and are never used again.

    Args:
        limits: thresholds of confidence.

    Attributes:
        given_up: ids of the tracklets that ended in the last update.
    """

    def __init__(self, limits: Confidence) -> None:
        self._rules = AssociationRules(
            start=limits.start,
            high=limits.high,
            low=LOWEST_CONFIDENCE,
            growth=GROWTH,
            unsure_growth=UNSURE_GROWTH,
            new_speed=NEW_SPEED,
            least_similarity=LEAST_SIMILARITY,
            unsure_least_similarity=UNSURE_LEAST_SIMILARITY,
            calm_deviations=CALM_DEVIATIONS,
            confidence_weight=CONFIDENCE_WEIGHT,
            lost_s=LOST_S,
            new_lost_s=NEW_LOST_S,
            settled_hits=SETTLED_HITS,
        )
        self.given_up: list[int] = []
        self._filters = empty_filters()
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
            (N,) the id of each detection's tracklet, 0 for none.

        Raises:
            ValueError: a box or a confidence is not a number.
        """
        step = 0.0 if self._now_s is None else now_s - self._now_s
        self._now_s, self.given_up = now_s, []
        if not len(boxes) and not len(self._ids):
            return np.zeros(0, np.intp)
        known = self._filters, self._ids, self._hits, self._seen_s
        ids, starts, is_open = associate(*known, boxes, confidence, now_s, step, self._rules, MOTION)
        if not is_open.all():
            self.given_up = self._ids[~is_open].tolist()
            self._filters = selected(self._filters, is_open)
            self._ids, self._hits, self._seen_s = self._ids[is_open], self._hits[is_open], self._seen_s[is_open]
        if len(starts):
            ids[starts] = self._start(boxes[starts], now_s)
        return ids

    def _start(self, boxes: Floats, now_s: float) -> Indices:
        new = np.arange(self._next_id, self._next_id + len(boxes))
        self._next_id += len(boxes)
        self._filters = with_tracks_added(self._filters, boxes)
        self._ids = np.concatenate([self._ids, new])
        self._hits = np.concatenate([self._hits, np.ones(len(boxes), np.intp)])
        self._seen_s = np.concatenate([self._seen_s, np.full(len(boxes), now_s)])
        return new


class TrackletTracker:
    """Tracks all detections of one camera as tracklets.

    Args:
        road_users: per class id of the detector the road user, or None for labels that are none.
    """

    def __init__(self, road_users: Sequence[str | None]) -> None:
        self._road_users = tuple(road_users)
        self._kind_of_class = kinds_of_classes(road_users)
        self._associators = {kind: Associator(CONFIDENCE[kind]) for kind in PartKind}
        self._open: dict[tuple[PartKind, int], Tracklet] = {}
        self._next_id = 1

    def update(
        self, detections: sv.Detections, at_us: int, width: int, height: int
    ) -> tuple[list[Tracklet], list[int]]:
        """Associate one frame's detections.

        Args:
            detections: boxes in pixels, class ids as in `road_users`.
            at_us: event time, later than that of the previous frame.
            width: of the frame, pixels.
            height: of the frame, pixels.

        Returns:
            The tracklets seen in this frame, and the ids of those that ended.
        """
        assert detections.class_id is not None and detections.confidence is not None  # noqa: S101 (part of the Detector protocol)
        kinds = self._kind_of_class[detections.class_id]
        boxes = np.array(detections.xyxy, dtype=float, order="C")
        confidence = detections.confidence.astype(float)
        rows, stops = split_by_kind(boxes, confidence, kinds, ALSO_OF_KIND, LOWEST_CONFIDENCE, SAME_OBJECT_IOU)
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

    def _tracklet(self, kind: PartKind, key: int, box: Box, at_us: int) -> Tracklet:
        tracklet = self._open.get((kind, key))
        if tracklet is None:
            tracklet = Tracklet(self._next_id, kind, box, at_us, PastPosition(at_us, box))
            self._open[kind, key] = tracklet
            self._next_id += 1
        return tracklet


class AssociationRules(NamedTuple):
    """The constants of association of one kind, as the compiled functions take them; see the constants above."""

    start: float
    high: float
    low: float
    growth: float
    unsure_growth: float
    new_speed: float
    least_similarity: float
    unsure_least_similarity: float
    calm_deviations: float
    confidence_weight: float
    lost_s: float
    new_lost_s: float
    settled_hits: int


@compiled
def similarity(
    filters: Filters, settled: Mask, rows: Indices, boxes: Floats, growth: float, calm_deviations: float, motion: Motion
) -> Floats:
    """IoU of the predicted boxes of some tracklets with detected boxes, all enlarged.

    A slow, settled tracklet gets 0 for a box whose centre is farther than `calm_deviations` from its prediction: a
    standing object does not jump to its neighbour.

    Args:
        filters: of all tracklets.
        settled: mask of all tracklets.
        rows: (N,) the tracklets to compare.
        boxes: (M, 4) xyxy, pixels.
        growth: enlargement on each side, share of width and height.
        calm_deviations: greatest distance for slow tracklets, standard deviations.
        motion: the motion model.

    Returns:
        (N, M), 0..1.
    """
    position, velocity, variance, _, _ = filters
    found = np.empty((len(rows), len(boxes)))
    for at in range(len(rows)):
        row = rows[at]
        x, y, half_width, half_height = position[row, 0], position[row, 1], position[row, 2] / 2, position[row, 3] / 2
        ax1, ay1, ax2, ay2 = grown(x - half_width, y - half_height, x + half_width, y + half_height, growth)
        pace = math.hypot(velocity[row, 0], velocity[row, 1]) / mean_side(position[row, 2], position[row, 3])
        is_calm = settled[row] and pace < motion.calm_speed
        for j in range(len(boxes)):
            x1, y1, x2, y2 = boxes[j, 0], boxes[j, 1], boxes[j, 2], boxes[j, 3]
            if (
                is_calm
                and centre_deviation(position, variance, row, (x1 + x2) / 2, (y1 + y2) / 2, motion.outlier)
                > calm_deviations
            ):
                found[at, j] = 0.0
            else:
                bx1, by1, bx2, by2 = grown(x1, y1, x2, y2, growth)
                found[at, j] = iou(ax1, ay1, ax2, ay2, bx1, by1, bx2, by2)
    return found


@compiled
def nearness(position: Floats, box: Floats, reach: float) -> float:
    """Similarity of a tracklet detected only once and a box: 1 if equal, less with distance and with the size ratio.

    Args:
        position: (4,) centre x, centre y, width and height of the tracklet, pixels.
        box: (4,) xyxy, pixels.
        reach: distance at which the similarity is 0, in mean sides of the tracklet's box.

    Returns:
        0..1.
    """
    x, y, half_width, half_height = position[0], position[1], position[2] / 2, position[3] / 2
    x1, y1, x2, y2 = x - half_width, y - half_height, x + half_width, y + half_height
    size, new_size = math.sqrt((x2 - x1) * (y2 - y1)), math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    away = math.hypot((box[0] + box[2]) / 2 - (x1 + x2) / 2, (box[1] + box[3]) / 2 - (y1 + y2) / 2)
    alike = min(new_size, size) / max(new_size, size)
    return alike * max(1 - away / max(reach * size, 1e-9), 0.0)


@compiled
def common_edges(position: Floats, box: Floats) -> int:
    """Edges in common of a tracklet (4,) centre x, centre y, width, height and a box (4,) xyxy: 0..4."""
    half_width, half_height = position[2] / 2, position[3] / 2
    return int(
        edges_in_common(
            position[0] - half_width,
            position[1] - half_height,
            position[0] + half_width,
            position[1] + half_height,
            box[0],
            box[1],
            box[2],
            box[3],
        )
    )


@compiled
def associate(
    filters: Filters,
    ids: Indices,
    hits: Indices,
    seen_s: Floats,
    boxes: Floats,
    confidence: Floats,
    now_s: float,
    step: float,
    rules: AssociationRules,
    motion: Motion,
) -> tuple[Indices, Indices, Mask]:
    """Predict all tracklets to the time of a frame and associate its detections with them, in two rounds.

    Args:
        filters: of N tracklets; updated in place, as are `hits` and `seen_s`.
        ids: (N,) of the tracklets.
        hits: (N,) number of detections so far.
        seen_s: (N,) event time of the last detection, seconds.
        boxes: (M, 4) xyxy of the frame's detections, pixels.
        confidence: (M,) 0..1.
        now_s: event time of the frame, seconds.
        step: seconds since the previous frame.
        rules: thresholds of association.
        motion: the motion model.

    Returns:
        (M,) the id of each detection's tracklet, 0 for none; the indices of the detections that start a tracklet;
        (N,) mask of the tracklets that stay open.
    """
    predict(filters, step, motion)
    settled, is_open = hits >= rules.settled_hits, np.empty(len(hits), np.bool_)
    for row in range(len(hits)):
        longest_gap = rules.lost_s if settled[row] else max(rules.new_lost_s, 2.5 * step)
        is_open[row] = now_s - seen_s[row] <= longest_gap
    track_of, box_of = np.full(len(boxes), -1, np.intp), np.full(len(hits), -1, np.intp)
    is_sure = confidence >= rules.high

    sure, rows = np.flatnonzero(is_sure), np.flatnonzero(is_open)
    worth = similarity(filters, settled, rows, boxes[sure], rules.growth, rules.calm_deviations, motion)
    for at in range(len(rows)):
        for j in range(len(sure)):
            if hits[rows[at]] == 1:  # its velocity is not known yet
                near = nearness(filters.position[rows[at]], boxes[sure[j]], rules.new_speed * step)
                worth[at, j] = max(worth[at, j], near)
            worth[at, j] *= 1 - rules.confidence_weight + rules.confidence_weight * confidence[sure[j]]
    match_pairs(worth, rules.least_similarity, rows, sure, track_of, box_of)

    unsure = np.flatnonzero(~is_sure & (confidence >= rules.low))
    rows = np.flatnonzero(is_open & (box_of < 0) & (now_s - seen_s < 1.5 * step + 1e-6))
    worth = similarity(filters, settled, rows, boxes[unsure], rules.unsure_growth, rules.calm_deviations, motion)
    match_pairs(worth, rules.unsure_least_similarity, rows, unsure, track_of, box_of)

    sure, rows = np.flatnonzero(is_sure & (track_of < 0)), np.flatnonzero(is_open & settled & (box_of < 0))
    worth = np.zeros((len(rows), len(sure)))
    for at in range(len(rows)):
        for j in range(len(sure)):
            if common_edges(filters.position[rows[at]], boxes[sure[j]]) >= THREE_EDGES:
                worth[at, j] = confidence[sure[j]]
    match_pairs(worth, 1e-6, rows, sure, track_of, box_of)

    found = np.flatnonzero(track_of >= 0)
    correct(filters, track_of[found], boxes[found], motion)
    named = np.zeros(len(boxes), np.intp)
    for box in found:
        named[box] = ids[track_of[box]]
        hits[track_of[box]] += 1
        seen_s[track_of[box]] = now_s
    return named, np.flatnonzero(is_sure & (confidence >= rules.start) & (track_of < 0)), is_open


def compile_all() -> None:
    """Compile every kernel of the tracker now, so that the first frame does not wait for it."""
    boxes, rows = np.zeros((0, 4)), np.zeros(0, np.intp)
    numbers, filters = np.zeros(0), Filters(boxes, boxes, boxes, boxes, boxes)
    nothing = (0.0, 0.0, 0.0, 0.0)
    motion = Motion(0.0, 0.0, 0.0, 0.0, 0.0, 1.0, nothing, nothing)
    rules = AssociationRules(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1)
    with compiling(__file__):
        split_by_kind(boxes, numbers, rows, rows, 0.0, 0.5)
        associate(filters, rows, rows, numbers, boxes, numbers, 0.0, 0.0, rules, motion)
        centres_and_sizes(boxes)
        best_assignment(boxes)
