"""Tracked frames in, rows out: the counting stage.

One `Aggregator` serves any number of cameras. Its state is the open tracks only; it ends with each track, and replaying
the messages of a track from its beginning gives the same rows again. A track whose beginning is not replayed is left
alone: the reader of a bus goes back to the beginning of the oldest track that is open, so that one was over.

Frames come one by one (`observe`), or many at once from a bus (`observe_all`): then `aggregate.decisive` finds the few
positions at which anything can happen, and only these come to the code that counts, which is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aforo.model import Rows, TrackedFrame, TrackedObject, TrackEnd, Trajectory
from aforo.observations import observations
from aforo.wire import Message
from aggregate.batches import see_all
from aggregate.crossings import CountingLine
from aggregate.decisive import Places
from aggregate.movements import MovementRule
from aggregate.tracks import Session
from aggregate.trajectories import finished
from aggregate.visits import CountingZone


@dataclass(frozen=True, slots=True)
class CameraGeometry:
    """What is counted in one camera's picture."""

    lines: tuple[CountingLine, ...] = ()
    zones: tuple[CountingZone, ...] = ()
    movements: tuple[MovementRule, ...] = ()


def recount(way: Trajectory, geometry: CameraGeometry) -> Rows:
    """What a track that is over did at lines and zones, from its trajectory, as live counts have it: final rows."""
    session = Session(way.camera, way.session, 0, geometry, way.aspect)
    *before, last = way.points
    session.see(
        TrackedObject(way.track_id, last.box, way.road_user, 1.0, first=True, backfill=tuple(before)), last.at_us
    )
    rows = Rows()
    session.end([TrackEnd(way.track_id, way.road_user)], rows)
    return Rows(rows.crossings, rows.visits)


class Aggregator:
    """Counts the road users of any number of cameras.

    Args:
        geometry: per camera id; a camera that is not in it is observed (coverage) but counts nothing.
    """

    def __init__(self, geometry: Mapping[str, CameraGeometry]) -> None:
        self._geometry = geometry
        self._sessions: dict[tuple[str, str], Session] = {}
        self._numbers = {camera: number for number, camera in enumerate(geometry)}
        self._places = Places([*((each.lines, each.zones) for each in geometry.values()), ((), ())])

    def observe(self, frame: TrackedFrame) -> Rows:
        """Take in one message; returns the rows that are new or have changed."""
        session = self._session(frame)
        rows = Rows(coverage=list(session.coverage.observe(frame)))
        seen = [session.see(each, frame.captured_at_us) for each in frame.objects]
        over = session.end(session.endings(frame), rows)
        for track in seen:
            if track is not None:
                track.tell(rows, final=False)
        rows.trajectories += finished([(track.key, track.road_user, track.recorder) for track in over])
        return rows

    def observe_all(self, messages: Sequence[Message]) -> Rows:
        """Take in many messages, those of each session in order.

        Returns:
            The rows that are new or have changed, as they are after the last message.
        """
        rows = Rows()
        sessions = []
        for message in messages:
            session = self._session(message)
            sessions.append(session)
            rows.coverage += session.coverage.observe(message)
        seen = see_all(sessions, observations(messages), self._places)
        over = []
        for session, message in zip(sessions, messages, strict=True):
            if message.end_count or message.last:
                over += session.end(session.endings(message), rows)
        for track in seen:
            track.tell(rows, final=False)
        rows.trajectories += finished([(track.key, track.road_user, track.recorder) for track in over])
        return rows

    def _session(self, frame: TrackedFrame | Message) -> Session:
        """The session of a frame; with its last frame it is forgotten."""
        key = frame.camera, frame.session
        session = self._sessions.get(key)
        if session is None:
            number = self._numbers.get(frame.camera, len(self._numbers))
            geometry = self._geometry.get(frame.camera, CameraGeometry())
            session = self._sessions[key] = Session(*key, number, geometry, frame.width_px / frame.height_px)
        if frame.last:
            del self._sessions[key]
        return session

    @property
    def open_tracks(self) -> int:
        """Tracks that are not over yet, of all cameras."""
        return sum(len(session.tracks) for session in self._sessions.values())
