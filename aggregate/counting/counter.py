"""Tracked frames in, rows out: the counting stage.

One `CountingStage` serves any number of cameras. Its state is the open tracks only; it ends with each track, and
replaying the messages of a track from its beginning gives the same rows again. A track whose beginning is not replayed
is left alone: the reader of a bus goes back to the beginning of the oldest track that is open, so that one was over.

Messages come in batches of one or many, as the bus has them; into which batches a log is split makes no difference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aforo.kernel_cache import compiling
from aforo.model import Rows, Trajectory
from aforo.site import Camera
from aforo.tracked_batch import TrackedBatch
from aggregate.counting import lines_and_zones
from aggregate.counting.lines_and_zones import shapes
from aggregate.counting.open_tracks import OpenTrack, Session, end, follow
from aggregate.counting.trajectories import finished

_UNLISTED = Camera("unlisted")
"""Has the shapes of every camera that is not configured: none."""


def recount(trajectory: Trajectory, camera: Camera) -> Rows:
    """What a track that is over did at lines and zones, from its trajectory, as live counts have it: final rows."""
    places = shapes([camera])
    track = Session(camera, trajectory.session, 0, trajectory.aspect).open(trajectory.track_id, trajectory.road_user)
    follow(places, [track], [trajectory.points])
    end(places, [track])
    rows = Rows()
    track.emit_rows(rows, final=True)
    return Rows(rows.crossings, rows.visits)


class CountingStage:
    """Counts the road users of any number of cameras.

    Args:
        cameras: what is counted; a camera that is not among them is observed (coverage) but counts nothing.
    """

    def __init__(self, cameras: Sequence[Camera]) -> None:
        self._sessions: dict[tuple[str, str], Session] = {}
        self._cameras = {camera.id: (camera, number) for number, camera in enumerate(cameras)}
        self._shapes = shapes([*cameras, _UNLISTED])
        self._compile()

    def _compile(self) -> None:
        """Before the first frame comes, which would have to wait."""
        with compiling(lines_and_zones.__file__):
            follow(self._shapes, [], [])
            end(self._shapes, [])
            finished([])

    def add(self, batch: TrackedBatch) -> Rows:
        """Take in messages, those of each session in order; nothing comes of a session after its last one.

        Returns:
            The rows that are new or have changed, as they are after the last message.
        """
        rows = Rows()
        of_message = batch.session.tolist()
        sessions: dict[int, Session] = {}
        last: dict[int, int] = {}
        for row, (number, head) in enumerate(zip(of_message, batch.heads(), strict=True)):
            session = sessions.get(number)
            if session is None:
                session = sessions[number] = self._session(batch.sessions[number], head.width_px / head.height_px)
            rows.coverage += session.coverage.add(head.captured_at_us, head.span_us, head.dropped, head.last)
            if head.last:
                last[row] = number
        tracks, new_positions = _by_track(sessions, batch)
        follow(self._shapes, tracks, new_positions)
        over: list[OpenTrack] = []
        if last or len(batch.end_message):
            ended = batch.ended()
            for row in sorted(ended.keys() | last.keys()):
                over += sessions[of_message[row]].close(ended.get(row, []), rows, last=row in last)
            for number in set(last.values()):
                del self._sessions[batch.sessions[number]]
        self._emit_rows(rows, tracks, over)
        return rows

    def _emit_rows(self, rows: Rows, seen: Sequence[OpenTrack], over: Sequence[OpenTrack]) -> None:
        """Add the rows of the tracks that were seen, and of those that are over."""
        if over:
            end(self._shapes, over)
            rows.trajectories += finished([(track.key, track.road_user, track.recorder) for track in over])
            for track in over:
                track.emit_rows(rows, final=True)
        for track in seen:
            if track.changed:
                track.emit_rows(rows, final=False)

    def _session(self, who: tuple[str, str], aspect: float) -> Session:
        session = self._sessions.get(who)
        if session is None:
            camera, name = who
            counted, number = self._cameras.get(camera, (Camera(camera), len(self._cameras)))
            session = self._sessions[who] = Session(counted, name, number, aspect)
        return session

    @property
    def open_tracks(self) -> int:
        """Tracks that are not over yet, of all cameras."""
        return sum(len(session.tracks) for session in self._sessions.values())


def _by_track(sessions: Mapping[int, Session], batch: TrackedBatch) -> tuple[list[OpenTrack], list[bytes]]:
    """The tracks that were seen, begun those that begin, and the bytes of each one's new `POSITION`s.

    Args:
        sessions: by their numbers in the batch.
        batch: the messages.
    """
    session = batch.session[batch.message]
    order, starts = lines_and_zones.grouped(session, batch.track_id)
    heads = order[starts[:-1]]
    data, size = batch.position[order].tobytes(), batch.position.itemsize
    first, road_users = batch.first[order].tobytes(), batch.road_user[order].tolist()
    tracks: list[OpenTrack] = []
    new_positions: list[bytes] = []
    bounds = starts.tolist()
    for start, stop, number, track_id in zip(
        bounds, bounds[1:], session[heads].tolist(), batch.track_id[heads].tolist(), strict=False
    ):
        road_user = batch.names[road_users[stop - 1]]
        track = sessions[number].tracks.get(track_id)
        begin = start
        if track is None:
            begin = first.find(1, start, stop)
            if begin < 0:
                continue  # a replay that begins inside the track's life: its rows were final before
            track = sessions[number].open(track_id, road_user)
        else:
            track.name(road_user)
        tracks.append(track)
        new_positions.append(data[begin * size : stop * size])
    return tracks, new_positions
