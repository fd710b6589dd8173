"""Tracked frames in, rows out: the counting stage.

One `Aggregator` serves any number of cameras. Its state is the open tracks only; it ends with each track, and replaying
the messages of a track from its beginning gives the same rows again. A track whose beginning is not replayed is left
alone: the reader of a bus goes back to the beginning of the oldest track that is open, so that one was over.

Frames come one by one (`observe`), or many at once from a bus (`observe_all`), with the same outcome.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aforo.kernel_cache import compiling
from aforo.model import PastPosition, Rows, TrackedFrame, Trajectory
from aforo.site import Camera
from aforo.tracked_batch import Ints, Messages, Observations, observations
from aggregate.counting import lines_and_zones
from aggregate.counting.lines_and_zones import shapes
from aggregate.counting.open_tracks import OpenTrack, Session, end, follow
from aggregate.counting.trajectories import finished, positions


def recount(way: Trajectory, camera: Camera) -> Rows:
    """What a track that is over did at lines and zones, from its trajectory, as live counts have it: final rows."""
    places = shapes([camera])
    track = Session(camera, way.session, 0, way.aspect).open(way.track_id, way.road_user)
    follow(places, [track], [way.points])
    end(places, [track])
    rows = Rows()
    track.tell(rows, final=True)
    return Rows(rows.crossings, rows.visits)


class Aggregator:
    """Counts the road users of any number of cameras.

    Args:
        cameras: what is counted; a camera that is not among them is observed (coverage) but counts nothing.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}
        self._cameras = {camera.id: (camera, number) for number, camera in enumerate(cameras)}
        self._shapes = shapes([*cameras, Camera("")])
        self._compile()

    def _compile(self) -> None:
        """Before the first frame comes, which would have to wait."""
        with compiling(lines_and_zones.__file__):
            follow(self._shapes, [], [])
            end(self._shapes, [])
            finished([])

    def observe(self, frame: TrackedFrame) -> Rows:
        """Take in one message; returns the rows that are new or have changed."""
        session = self._session(frame.camera, frame.session, frame.width_px, frame.height_px)
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
                (*each.backfill, PastPosition(frame.captured_at_us, each.box))
            )
        tracks = [session.tracks[track_id] for track_id in seen]
        follow(self._shapes, tracks, list(seen.values()))
        if frame.last:
            del self._sessions[frame.camera, frame.session]
        return self._told(rows, tracks, session.close(frame.ended, rows, last=frame.last))

    def observe_all(self, messages: Messages) -> Rows:
        """Take in many messages, those of each session in order; nothing comes of a session after its last one.

        Returns:
            The rows that are new or have changed, as they are after the last message.
        """
        rows = Rows()
        _, firsts = np.unique(messages.session, return_index=True)
        shapes_px = messages.head[["width_px", "height_px"]][firsts].tolist()
        sessions = [self._session(*who, *shape) for who, shape in zip(messages.sessions, shapes_px, strict=True)]
        of_message = messages.session.tolist()
        last = messages.last.tolist()
        columns = (messages.head[name].tolist() for name in ("captured_at_us", "span_us", "dropped"))
        for number, *figures in zip(of_message, *columns, last, strict=True):
            rows.coverage += sessions[number].coverage.take(*figures)
        tracks, news = _by_track(sessions, messages.session, observations(messages))
        follow(self._shapes, tracks, news)
        over: list[OpenTrack] = []
        ended = messages.ended()
        for row in sorted(ended.keys() | np.flatnonzero(messages.last).tolist()):
            number = of_message[row]
            over += sessions[number].close(ended.get(row, []), rows, last=last[row])
            if last[row]:
                del self._sessions[messages.sessions[number]]
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

    def _session(self, camera: str, name: str, width_px: int, height_px: int) -> Session:
        session = self._sessions.get((camera, name))
        if session is None:
            counted, number = self._cameras.get(camera, (Camera(camera), len(self._cameras)))
            session = self._sessions[camera, name] = Session(counted, name, number, width_px / height_px)
        return session

    @property
    def open_tracks(self) -> int:
        """Tracks that are not over yet, of all cameras."""
        return sum(len(session.tracks) for session in self._sessions.values())


def _by_track(sessions: Sequence[Session], of_message: Ints, seen: Observations) -> tuple[list[OpenTrack], list[bytes]]:
    """The tracks that were seen, begun those that begin, and the bytes of each one's `POSITION`s.

    Args:
        sessions: all of them.
        of_message: of each message, which of these it is of.
        seen: the road users of the messages, those of a session in order.
    """
    session = of_message[seen.message]
    order, starts = lines_and_zones.grouped(session, seen.track_id)
    first, stops = seen.first[order], starts[1:]
    data, size = seen.position[order].tobytes(), seen.position.itemsize
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
        track = sessions[number].tracks.get(track_id)
        begin = start
        if track is None:
            begins = first[start:stop].tobytes().find(1)
            if begins < 0:
                continue  # its beginning was missed
            begin += begins
            track = sessions[number].open(track_id, seen.names[now])
        track.name(seen.names[now])
        tracks.append(track)
        news.append(data[begin * size : stop * size])
    return tracks, news
