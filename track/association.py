"""From detections to tracklets: which box continues which.

ByteTrack's idea (Zhang et al., ECCV 2022): sure detections are associated first, to everything that is followed or was
lost a moment ago; unsure ones may only continue what was seen in the last frame, and never start anything. Boxes are
grown before they are compared (C-BIoU, Yang et al., WACV 2023), so that small and fast things still meet their
prediction. `docs/adr/0004` tells why this is not one of the libraries' trackers, with figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import supervision as sv
from scipy.optimize import linear_sum_assignment

from aforo.model import MICROSECONDS, Box, Observation
from track.kernels import Floats, Indices
from track.motion import MotionBank
from track.suppression import UNKNOWN, kinds_of_classes, one_box_per_object
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
"""Detections less sure than this are not used at all."""

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
    """

    def __init__(self, limits: Confidence) -> None:
        self._limits = limits
        self._bank = MotionBank()
        self._ids = np.zeros(0, dtype=int)
        self._hits = np.zeros(0, dtype=int)
        self._seen_s = np.zeros(0)
        self._now_s: float | None = None
        self._next_id = 1

    @property
    def ids(self) -> set[int]:
        """Of everything that is followed, also what is lost just now."""
        return {int(value) for value in self._ids}

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
        self._now_s = now_s
        ids = np.zeros(len(boxes), dtype=int)
        if len(self._bank):
            self._bank.predict(step)
            self._forget(now_s, step)
        if not len(boxes):
            return ids
        is_sure = confidence >= self._limits.high
        sure, unsure = np.flatnonzero(is_sure), np.flatnonzero(~is_sure & (confidence >= LOW_CONFIDENCE))
        every = np.arange(len(self._bank))
        similarity = self._similarity(every, boxes[sure], GROWTH)
        new = np.flatnonzero(self._hits == 1)  # of unknown speed
        if len(new) and len(sure):
            similarity[new] = np.maximum(similarity[new], self._nearness(new, boxes[sure], NEW_SPEED * step))
        similarity *= 1 - DOUBT + DOUBT * confidence[sure]
        rows, columns = _best_pairs(similarity, LEAST_SIMILARITY)
        matched = sure[columns]
        if len(unsure):
            is_current = now_s - self._seen_s < 1.5 * step + 1e-6
            is_current[rows] = False
            current = np.flatnonzero(is_current)
            more, columns = _best_pairs(
                self._similarity(current, boxes[unsure], UNSURE_GROWTH), UNSURE_LEAST_SIMILARITY
            )
            rows, matched = np.concatenate([rows, current[more]]), np.concatenate([matched, unsure[columns]])
        self._bank.correct(rows, boxes[matched])
        self._hits[rows] += 1
        self._seen_s[rows] = now_s
        ids[matched] = self._ids[rows]
        starts = is_sure & (confidence >= self._limits.start)
        starts[matched] = False
        if starts.any():
            ids[starts] = self._start(boxes[starts], now_s)
        return ids

    def _similarity(self, rows: Indices, boxes: Floats, growth: float) -> Floats:
        return self._bank.overlap(rows, boxes, growth, self._hits >= SETTLED_HITS, LEAP)

    def _nearness(self, rows: Indices, boxes: Floats, reach: float) -> Floats:
        """For what was seen only once: 1 where a box is the same, 0 where it is too far or too large to be."""
        before, now = (_place_and_size(each) for each in (self._bank.boxes[rows], boxes))
        away = np.hypot(*np.moveaxis(now[None, :, :2] - before[:, None, :2], -1, 0))
        alike = np.minimum(now[None, :, 2], before[:, None, 2]) / np.maximum(now[None, :, 2], before[:, None, 2])
        nearness: Floats = alike * (1 - away / np.maximum(reach * before[:, None, 2], 1e-9)).clip(0)
        return nearness

    def _start(self, boxes: Floats, now_s: float) -> Indices:
        new = np.arange(self._next_id, self._next_id + len(boxes))
        self._next_id += len(boxes)
        self._bank.add(boxes)
        self._ids = np.concatenate([self._ids, new])
        self._hits = np.concatenate([self._hits, np.ones(len(boxes), dtype=int)])
        self._seen_s = np.concatenate([self._seen_s, np.full(len(boxes), now_s)])
        return new

    def _forget(self, now_s: float, step: float) -> None:
        patience = np.where(self._hits >= SETTLED_HITS, LOST_S, max(NEW_LOST_S, 2.5 * step))
        mask = now_s - self._seen_s <= patience
        if not mask.all():
            self._bank.keep(mask)
            self._ids, self._hits, self._seen_s = self._ids[mask], self._hits[mask], self._seen_s[mask]


def _best_pairs(similarity: Floats, least: float) -> tuple[Indices, Indices]:
    """Rows and columns of the assignment with the largest sum, without pairs below the least similarity."""
    if not similarity.size:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    enough = similarity[rows, columns] >= least
    return rows[enough], columns[enough]


def _place_and_size(boxes: Floats) -> Floats:
    """(N, 3): centre x, centre y and the geometric mean of width and height of boxes (N, 4)."""
    sides = boxes[:, 2:] - boxes[:, :2]
    return np.column_stack([(boxes[:, :2] + boxes[:, 2:]) / 2, np.sqrt(sides.prod(axis=1))])


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
        usable = detections.confidence >= LOW_CONFIDENCE
        every_box = np.array(detections.xyxy, dtype=float, order="C")
        every_confidence = detections.confidence.astype(float)
        seen: list[Tracklet] = []
        ended: list[int] = []
        for number, (kind, associator) in enumerate(self._associators.items()):
            wanted = usable & (kinds == number)
            if kind is Kind.VEHICLE:  # unknown things may be vehicles, seen from an odd angle
                wanted |= usable & (kinds == UNKNOWN)
            rows = np.flatnonzero(wanted)
            boxes, confidence = every_box[rows], every_confidence[rows]
            kept = one_box_per_object(boxes, confidence - (kinds[rows] == UNKNOWN))  # the unknown ones come last
            boxes, confidence, classes = boxes[kept], confidence[kept], detections.class_id[rows[kept]]
            ids = associator.update(boxes, confidence, at_us / MICROSECONDS)
            scaled = (boxes / (width, height, width, height)).tolist()
            for row in np.flatnonzero(ids).tolist():
                box = Box(*scaled[row])
                tracklet = self._tracklet(kind, int(ids[row]), box, at_us)
                tracklet.observe(at_us, box, float(confidence[row]), self._road_users[classes[row]], width / height)
                seen.append(tracklet)
            ended.extend(self._gone(kind, associator.ids))
        return seen, ended

    def _tracklet(self, kind: Kind, key: int, box: Box, at_us: int) -> Tracklet:
        tracklet = self._open.get((kind, key))
        if tracklet is None:
            tracklet = Tracklet(self._next_id, kind, box, at_us, Observation(at_us, box))
            self._open[kind, key] = tracklet
            self._next_id += 1
        return tracklet

    def _gone(self, kind: Kind, alive: set[int]) -> Iterator[int]:
        for key in [key for key in self._open if key[0] is kind and key[1] not in alive]:
            yield self._open.pop(key).id
