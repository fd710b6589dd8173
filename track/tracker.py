"""The tracking stage of one camera: detections in, `TrackedFrame` out.

    detections -> tracklets (one per detected object) -> joined into road users -> confirmed ones leave

A road user may have several tracklets: a rider's person and machine, or the pieces of an interrupted track. Its id is
that of the oldest one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import supervision as sv

from aforo.model import MICROSECONDS, Box, Frame, PastPosition, TrackedFrame, TrackedObject, TrackEnd
from track.association import TrackletTracker
from track.kept_scale import KeptScale
from track.pieces import PieceFinder
from track.rider_pairing import SECOND_BOX_OVERLAP, overlap_of_smaller
from track.riders import Join, Joiner, Tie
from track.riding import Machine
from track.road_user import LORRIES, RoadUser
from track.scene_scale import LARGEST_CAR, SceneScale
from track.tracklet import PartKind, Tracklet, kind_of

CONFIRMED_HITS = 3
"""Detections of a tracklet before its road user is confirmed."""

CONFIRMED_CONFIDENCE = 0.4
"""Least value of the highest confidence among them."""

MACHINE_MOTION = 1.0
"""Least displacement of a machine without a detected rider that is confirmed, in units of its mean side."""

MACHINE_STRIDES = 3
"""Least number of steps in which it was reached."""

LONGEST_SPAN_S = 2.0
"""Longest gap between analysed frames that still counts as observed."""

SURE_SHARE = 0.8
"""Least share of a class in the votes for a vehicle from whose size the scale of cars is learnt."""


class CameraTracker:
    """Tracks the road users of one session of one camera; a new session takes a new tracker.

    Args:
        road_users: per class id of the detector the road user, or None for labels that are none.
        frame_rate: nominal number of analysed frames per second.
        kept_scale: where the sizes of cars are kept over sessions; None to learn them anew.
    """

    def __init__(
        self, road_users: Sequence[str | None], frame_rate: float, kept_scale: KeptScale | None = None
    ) -> None:
        self._kept_scale = kept_scale
        self._road_users = tuple(road_users)
        self._is_machine = np.array([user is not None and kind_of(user) is PartKind.MACHINE for user in road_users])
        self._tracklets = TrackletTracker(road_users)
        self._nominal_us = round(MICROSECONDS / frame_rate)
        self._joiner: Joiner | None = None
        self._scale: SceneScale | None = None
        self._pieces = PieceFinder()
        self._owner: dict[int, RoadUser] = {}
        self._ended: list[TrackEnd] = []
        self._last_at_us: int | None = None

    def update(self, frame: Frame, detections: sv.Detections) -> TrackedFrame:
        """Track all road users into the next frame.

        Args:
            frame: later than the previous one, of the same session.
            detections: of that frame, as a `Detector` gives them; boxes in pixels.
        """
        height, width = frame.image.shape[:2]
        if self._joiner is None or self._scale is None:
            self._joiner, self._scale = Joiner(width / height), self._open_scale(width / height, frame.captured_at_us)
        seen, ended = self._tracklets.update(detections, frame.captured_at_us, width, height)
        self._observe_riding(seen, frame.captured_at_us, detections, width, height)
        for tracklet in seen:
            if tracklet.id not in self._owner:
                self._owner[tracklet.id] = RoadUser(tracklet.id, {tracklet.id: tracklet}, tracklet.kind)
        for join in self._joiner.observe(seen):
            self._join(join)
        self._pieces.observe([tracklet for tracklet in seen if tracklet.kind is PartKind.VEHICLE])
        objects = self._objects(seen)
        self._joiner.forget(ended)
        self._close(ended)
        self._pieces.forget(ended)
        if self._kept_scale is not None:
            self._kept_scale.save(self._scale, frame.captured_at_us)
        ends, self._ended = tuple(self._ended), []
        return TrackedFrame(
            camera=frame.camera,
            session=frame.session,
            index=frame.index,
            captured_at_us=frame.captured_at_us,
            span_us=self._span(frame.captured_at_us),
            width_px=width,
            height_px=height,
            objects=tuple(objects),
            ended=ends,
            dropped=frame.dropped,
        )

    def finish(self, last: TrackedFrame) -> TrackedFrame:
        """The message that closes the session after its last frame: every open track ends."""
        self._close(list(self._owner))
        if self._kept_scale is not None and self._scale is not None:
            self._kept_scale.save(self._scale, last.captured_at_us, now=True)
        ends, self._ended = tuple(self._ended), []
        return TrackedFrame(
            camera=last.camera,
            session=last.session,
            index=last.index + 1,
            captured_at_us=last.captured_at_us,
            span_us=0,
            width_px=last.width_px,
            height_px=last.height_px,
            ended=ends,
            last=True,
        )

    def _observe_riding(
        self, seen: list[Tracklet], at_us: int, detections: sv.Detections, width: int, height: int
    ) -> None:
        """Look whether the people in a frame ride machines, those too unsure to be tracked included."""
        persons = [tracklet for tracklet in seen if tracklet.kind is PartKind.PERSON]
        if not persons:
            return
        rows = np.flatnonzero(self._is_machine[detections.class_id])
        machines = [
            Machine(Box(*corners), self._road_users[class_id] or "", confidence)
            for corners, class_id, confidence in zip(
                (detections.xyxy[rows] / (width, height, width, height)).tolist(),
                detections.class_id[rows].tolist(),
                detections.confidence[rows].tolist(),
                strict=True,
            )
        ]
        for person in persons:
            person.riding.observe(at_us, person.box, width / height, machines)

    def _open_scale(self, aspect: float, at_us: int) -> SceneScale:
        return SceneScale(aspect) if self._kept_scale is None else self._kept_scale.open(aspect, at_us)

    def _span(self, at_us: int) -> int:
        previous, self._last_at_us = self._last_at_us, at_us
        if previous is None:
            return 0  # nothing was observed before the session began
        if at_us - previous > LONGEST_SPAN_S * MICROSECONDS:
            return self._nominal_us
        return at_us - previous

    def _join(self, join: Join) -> None:
        part, whole = self._owner[join.part], self._owner[join.whole]
        if join.tie is Tie.CARRIED and Tie.RIDES in (part.tie, whole.tie):
            return  # a rider of a machine is not a passenger
        if join.tie is not Tie.CARRIED and part.tie is Tie.CARRIED and part is not whole:
            whole.parts[join.part] = part.parts.pop(
                join.part
            )  # it was joined as a passenger before its machine was seen
            self._owner[join.part] = part = whole
        if part is not whole and _are_two(part, whole):
            return
        kind = whole.parts[join.whole].kind
        if join.tie is Tie.PUSHES:
            kind = PartKind.PERSON
        if part is not whole:
            older, younger = sorted((part, whole), key=lambda user: user.id)
            if younger.announced:
                self._ended.append(TrackEnd(younger.id, None))
            older.take_over(younger)
            for tracklet_id in younger.parts:
                self._owner[tracklet_id] = older
            part = older
        part.tie, part.whole_kind = join.tie, kind

    def _objects(self, seen: list[Tracklet]) -> list[TrackedObject]:
        boxes: dict[int, list[Tracklet]] = {}
        for tracklet in seen:
            boxes.setdefault(self._owner[tracklet.id].id, []).append(tracklet)
        objects: list[TrackedObject] = []
        for tracklets in boxes.values():
            user = self._owner[tracklets[0].id]
            user.confirmed = user.confirmed or _is_confirmable(user)
            road_user = user.road_user()
            if road_user in LORRIES and self._measure(user):
                road_user = user.road_user()
            if not user.confirmed or road_user is None:
                continue
            objects.append(
                TrackedObject(
                    track_id=user.id,
                    box=self._box(user, tracklets),
                    road_user=road_user,
                    confidence=max(tracklet.confidence for tracklet in tracklets),
                    first=not user.announced,
                    backfill=() if user.announced else _backfill(user),
                )
            )
            user.announced = True
        return objects

    @staticmethod
    def _box(user: RoadUser, tracklets: list[Tracklet]) -> Box:
        """The joined box; a passenger or a pushed bicycle adds nothing to it."""
        if user.tie in (Tie.CARRIED, Tie.PUSHES):
            tracklets = [tracklet for tracklet in tracklets if tracklet.kind is user.whole_kind] or tracklets
        if user.tie is Tie.CARRIED:
            return max((tracklet.box for tracklet in tracklets), key=lambda box: box.width * box.height)
        return Box(
            min(tracklet.box.x1 for tracklet in tracklets),
            min(tracklet.box.y1 for tracklet in tracklets),
            max(tracklet.box.x2 for tracklet in tracklets),
            max(tracklet.box.y2 for tracklet in tracklets),
        )

    def _close(self, ended: list[int]) -> None:
        for tracklet_id in ended:
            user = self._owner.pop(tracklet_id)
            user.only_pieces &= self._pieces.is_piece(user.parts[tracklet_id])
            user.lose(tracklet_id)
            if not user.parts and user.announced:
                self._measure(user)
                if user.only_pieces:
                    self._ended.append(TrackEnd(user.id, None))
                    continue
                self._learn_from(user)
                self._ended.append(TrackEnd(user.id, user.road_user(), user.class_confidence()))

    def _measure(self, user: RoadUser) -> bool:
        """Compare a vehicle's size with the cars seen before it; whether it had moved on since the last time."""
        sizes = user.sizes()
        if user.whole_kind is not PartKind.VEHICLE or self._scale is None or len(sizes.notes) == user.size[0]:
            return False
        user.size = len(sizes.notes), self._scale.size_in_cars(sizes)
        return True

    def _learn_from(self, user: RoadUser) -> None:
        """Learn the scale of cars from a vehicle that surely was one."""
        if user.whole_kind is PartKind.VEHICLE and self._scale is not None and user.road_user() == "car":
            size = user.size[1]
            if user.votes().share("car") >= SURE_SHARE and (size is None or abs(size) <= LARGEST_CAR):
                self._scale.learn(user.sizes(), self._last_at_us or 0)


def _are_two(a: RoadUser, b: RoadUser) -> bool:
    """Whether both have a machine or vehicle in view now, in different places: then they are two road users."""
    return any(
        mine.kind is theirs.kind is not PartKind.PERSON
        and mine.last_at_us == theirs.last_at_us
        and overlap_of_smaller(mine.box, theirs.box) < SECOND_BOX_OVERLAP
        for mine in a.parts.values()
        for theirs in b.parts.values()
    )


def _is_confirmable(user: RoadUser) -> bool:
    """Whether a road user has enough detections of enough confidence, and is not a parked machine."""
    parts = user.parts.values()
    sure = any(part.hits >= CONFIRMED_HITS and part.best_confidence >= CONFIRMED_CONFIDENCE for part in parts)
    if all(part.kind is PartKind.MACHINE for part in parts):
        return sure and any(part.moved >= MACHINE_MOTION and part.strides >= MACHINE_STRIDES for part in parts)
    return sure


def _backfill(user: RoadUser) -> tuple[PastPosition, ...]:
    """Positions of a road user before it was confirmed: the path of its longest tracklet, without this frame's."""
    longest = max(user.parts.values(), key=lambda part: len(part.path))
    path = tuple(longest.path[:-1])
    for part in user.parts.values():
        part.path.clear()
    return path
