"""Tracked frames in, rows out: the counting stage.

One `Aggregator` serves any number of cameras. Its state is the open tracks only; it ends with each track, and replaying
the messages of a track from its beginning gives the same rows again. A track whose beginning is not replayed is left
alone: the reader of a bus goes back to the beginning of the oldest track that is open, so that one was over.

Frames come one by one (`observe`), or many at once from a bus (`observe_all`), with the same outcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from aforo.model import Observation, Rows, TrackedFrame, Trajectory
from aforo.observations import Observations, observations
from aforo.wire import Message
from aggregate import kernels
from aggregate.places import CameraGeometry, shapes
from aggregate.tracks import OpenTrack, Session, end, follow
from aggregate.trajectories import finished, positions


def recount(way: Trajectory, geometry: CameraGeometry) -> Rows:
    """What a track that is over did at lines and zones, from its trajectory, as live counts have it: final rows."""
    places = shapes([geometry])
    track = Session(way.camera, way.session, 0, geometry, way.aspect).open(way.track_id, way.road_user)
    follow(places, [track], [way.points])
    end(places, [track])
    rows = Rows()
    track.tell(rows, final=True)
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
        self._shapes = shapes([*geometry.values(), CameraGeometry()])
        follow(self._shapes, [], [])  # compiled before the first frame comes, which would have to wait
        end(self._shapes, [])

    def observe(self, frame: TrackedFrame) -> Rows:
        """Take in one message; returns the rows that are new or have changed."""
        session = self._session(frame)
        rows = Rows(coverage=list(session.coverage.observe(frame)))
        seen: dict[int, bytes] = {}
        for each in frame.objects:
            track = session.tracks.get(each.track_id)
            if track is None:
                if not each.first:
                    continue  # a replay that begins inside the track's life: its rows were final before
                track = session.open(each.track_id, each.road_user)
            track.name(each.road_user)
            seen[each.track_id] = seen.get(each.track_id, b"") + positions(
                (*each.backfill, Observation(frame.captured_at_us, each.box))
            )
        tracks = [session.tracks[track_id] for track_id in seen]
        follow(self._shapes, tracks, list(seen.values()))
        return self._told(rows, tracks, session.close(session.endings(frame), rows))

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
        tracks, news = _by_track(sessions, observations(messages))
        follow(self._shapes, tracks, news)
        over = [
            track
            for session, message in zip(sessions, messages, strict=True)
            if message.end_count or message.last
            for track in session.close(session.endings(message), rows)
        ]
        return self._told(rows, tracks, over)

    def _told(self, rows: Rows, seen: Sequence[OpenTrack], over: Sequence[OpenTrack]) -> Rows:
        """The rows, with those of the tracks that were seen, and of those that are over."""
        if over:
            end(self._shapes, over)
            rows.trajectories += finished([(track.key, track.road_user, track.recorder) for track in over])
        for track in over:
            track.tell(rows, final=True)
        for track in seen:
            track.tell(rows, final=False)
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


def _by_track(sessions: Sequence[Session], seen: Observations) -> tuple[list[OpenTrack], list[bytes]]:
    """The tracks that were seen, begun those that begin, and the bytes of each one's `POSITION`s.

    Args:
        sessions: of each message.
        seen: the road users of the messages, those of a session in order.
    """
    numbers: dict[Session, int] = {}
    session = np.array([numbers.setdefault(each, len(numbers)) for each in sessions], np.int64)[seen.message]
    order, starts = kernels.grouped(session, seen.track_id)
    first, stops = seen.first[order], starts[1:]
    data, size = seen.position[order].tobytes(), seen.position.itemsize
    distinct = list(numbers)
    tracks: list[OpenTrack] = []
    news: list[bytes] = []
    columns = (
        starts[:-1],
        stops,
        session[order[starts[:-1]]],
        seen.track_id[order[starts[:-1]]],
        seen.road_user[order[stops - 1]],
    )
    for start, stop, number, track_id, now in zip(*(column.tolist() for column in columns), strict=True):
        track = distinct[number].tracks.get(track_id)
        begin = start
        if track is None:
            begins = first[start:stop].tobytes().find(1)
            if begins < 0:
                continue  # its beginning was missed
            begin += begins
            track = distinct[number].open(track_id, seen.names[now])
        track.name(seen.names[now])
        tracks.append(track)
        news.append(data[begin * size : stop * size])
    return tracks, news
