"""From detections to tracklets: Roboflow's C-BIoU tracker, one per kind of object, driven by real time stamps.

C-BIoU (Yang et al., WACV 2023) is ByteTrack's two-stage association, in which low confidences continue a track but
never start one, with boxes grown before they are compared, so that small and fast objects still meet their prediction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import supervision as sv
from trackers import CBIoUTracker

from aforo.model import MICROSECONDS, Box, Observation
from track.suppression import kinds_of_classes, one_box_per_object
from track.tracklet import Kind, Tracklet

START_CONFIDENCE = 0.3
"""A detection less sure than this starts no track."""

HIGH_CONFIDENCE = 0.35
"""Detections at least this sure are associated first."""

BACKGROUND_CONFIDENCE = 0.12
"""Confidence given to boxes of labels that are no road users: enough to continue a track, never to start one."""

LOST_S = 1.0
"""How long a tracklet without detections waits for the next."""


class TrackletTracker:
    """Follows everything that one camera detects.

    Args:
        road_users: per class id of the detector the road user, or None for labels that are none.
        frame_rate: frames analysed per second; the real time stamps correct it frame by frame.
    """

    def __init__(self, road_users: Sequence[str | None], frame_rate: float) -> None:
        self._road_users = tuple(road_users)
        self._classes = kinds_of_classes(road_users)
        self._background = np.array([i for i, user in enumerate(road_users) if user is None], dtype=int)
        self._trackers = {
            kind: CBIoUTracker(
                lost_track_buffer=round(30 * LOST_S),
                frame_rate=frame_rate,
                track_activation_threshold=START_CONFIDENCE,
                high_conf_det_threshold=HIGH_CONFIDENCE,
                minimum_consecutive_frames=1,
                minimum_iou_threshold_first_assoc=0.2,
                minimum_iou_threshold_second_assoc=0.35,
                minimum_iou_threshold_unconfirmed_assoc=0.2,
                buffer_ratio_first=0.5,
                buffer_ratio_second=0.3,
            )
            for kind in Kind
        }
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
        seen: list[Tracklet] = []
        ended: list[int] = []
        for kind, tracker in self._trackers.items():
            tracker.frame_id = 0  # as on a first frame, every start gets its id at once: confirmation is ours
            result = tracker.update(self._of_kind(detections, kind), timestamp=at_us / MICROSECONDS)
            seen.extend(self._observed(kind, result, at_us, width, height))
            alive = {track.tracker_id for track in tracker.tracks}
            for key in [key for key in self._open if key[0] is kind and key[1] not in alive]:
                ended.append(self._open.pop(key).id)
        return seen, ended

    def _of_kind(self, detections: sv.Detections, kind: Kind) -> sv.Detections:
        assert detections.class_id is not None and detections.confidence is not None  # noqa: S101 (the Detector's promise)
        own = one_box_per_object(detections[np.isin(detections.class_id, self._classes[kind])])
        background = detections[np.isin(detections.class_id, self._background)]
        if kind is not Kind.VEHICLE or not len(background):
            return own
        background = sv.Detections(
            xyxy=background.xyxy,
            confidence=np.full(len(background), BACKGROUND_CONFIDENCE, dtype=np.float32),
            class_id=background.class_id,
        )
        return one_box_per_object(sv.Detections.merge([own, background]))

    def _observed(self, kind: Kind, result: sv.Detections, at_us: int, width: int, height: int) -> Iterator[Tracklet]:
        if result.tracker_id is None or result.confidence is None or result.class_id is None:
            return
        scale = np.array([width, height, width, height])
        for xyxy, confidence, class_id, key in zip(
            result.xyxy, result.confidence, result.class_id, result.tracker_id, strict=True
        ):
            if key < 0:
                continue
            box = Box(*(float(value) for value in xyxy / scale))
            tracklet = self._open.get((kind, int(key)))
            if tracklet is None:
                tracklet = Tracklet(self._next_id, kind, box, at_us, Observation(at_us, box))
                self._open[kind, int(key)] = tracklet
                self._next_id += 1
            tracklet.observe(box, at_us, float(confidence), width / height)
            road_user = self._road_users[int(class_id)]
            if road_user is not None:
                tracklet.votes.add(road_user, float(confidence))
            yield tracklet
