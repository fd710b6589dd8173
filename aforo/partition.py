"""One partition of the log: its messages in, rows out, and the position from which a replay would give the same. Pure.

A replay from `replay_from` meets every track that was open from its first message on, and each camera's current minute
of coverage whole; all else it meets was written for good before, is written again unchanged, or is left alone
(`TrackedObject.first`). That is why no state has to be kept anywhere but in the log.

A session whose worker died never says that it ended. The next session of the same camera closes it, or else the time
that passes in the log: not the wall clock, so that a replay decides alike, and an outage of the broker does not count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aforo.model import MINUTE_US, Rows, TrackedFrame, TrackEnd
from aforo.resequencing import START_WAIT, Released, Resequencer

IDLE_MS = 300_000
"""Broker time without a message, after which a session is over."""

LONGEST_STEP_MS = 5_000
"""What a pause of the whole partition counts as at most: an outage of the broker ends no session."""

_REMEMBERED = 32
_CHECK_EVERY_MS = 10_000


@dataclass(slots=True)
class _Open:
    road_user: str
    replay_from: int


@dataclass(slots=True)
class _Session:
    """One session: its order, its open tracks, and where a replay of its current minute begins."""

    order: Resequencer = field(default_factory=Resequencer)
    last: TrackedFrame | None = None
    tracks: dict[int, _Open] = field(default_factory=dict)
    minute_us: int = -1
    minute_from: int = 0
    seen_ms: int = 0

    def take(self, released: Released) -> None:
        """Note what a message opens and ends."""
        frame = self.last = released.frame
        for seen in frame.objects:
            track = self.tracks.get(seen.track_id)
            if track is not None:
                track.road_user = seen.road_user
            elif seen.first:
                self.tracks[seen.track_id] = _Open(seen.road_user, released.replay_from)
        for end in frame.ended:
            self.tracks.pop(end.track_id, None)
        minute_us = frame.captured_at_us // MINUTE_US
        if minute_us != self.minute_us:
            self.minute_us, self.minute_from = minute_us, released.replay_from

    def replay_from(self) -> int | None:
        """The earliest position that it needs again; None when it needs none."""
        needed = [] if self.last is None else [self.minute_from]
        if self.tracks:
            needed.append(min(track.replay_from for track in self.tracks.values()))
        if (held := self.order.held_from) is not None:
            needed.append(held)
        return min(needed, default=None)

    def closing(self) -> TrackedFrame | None:
        """The message that its worker did not send any more: every open track ends as what it last was."""
        if self.last is None:
            return None
        return TrackedFrame(
            camera=self.last.camera,
            session=self.last.session,
            index=self.last.index + 1,
            captured_at_us=self.last.captured_at_us,
            span_us=0,
            width_px=self.last.width_px,
            height_px=self.last.height_px,
            ended=tuple(TrackEnd(track_id, track.road_user) for track_id, track in self.tracks.items()),
            last=True,
        )


@dataclass(slots=True)
class _Camera:
    """The sessions of one camera: one that counts, others that may be beginning, and some that are over."""

    current: str | None = None
    sessions: dict[str, _Session] = field(default_factory=dict)
    over: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


class PartitionCounter:
    """Counts one partition from some position on.

    Args:
        observe: counts one message; the messages of a session come to it in order, each once.
    """

    def __init__(self, observe: Callable[[TrackedFrame], Rows]) -> None:
        self._observe = observe
        self._cameras: dict[str, _Camera] = {}
        self._at_ms: int | None = None
        self._active_ms = 0
        self._checked_ms = 0
        self.next_position = 0
        self.lost = 0

    def take(self, position: int, at_ms: int, sequence: int, frame: TrackedFrame) -> Rows:
        """Take in the next message of the partition.

        Args:
            position: its offset.
            at_ms: the broker's time of it, milliseconds.
            sequence: its place in its session.
            frame: the message.

        Returns:
            The rows that are new or have changed.
        """
        self.next_position = position + 1
        rows = Rows()
        self._pass_time(at_ms, rows)
        camera = self._cameras.setdefault(frame.camera, _Camera())
        if frame.session in camera.over:
            return rows
        session = camera.sessions.setdefault(frame.session, _Session())
        session.seen_ms = self._active_ms
        released = session.order.push(sequence, frame, position)
        if not session.order.started and self._may_begin(camera, frame, sequence, session):
            released = session.order.begin()
        if released and camera.current != frame.session:
            self._supersede(camera, frame.session, rows)
        self._count(camera, session, released, rows)
        return rows

    def skip(self, position: int) -> None:
        """Pass over a message that cannot be read."""
        self.next_position = position + 1

    @property
    def replay_from(self) -> int:
        """The position from which a new reader has to begin."""
        needed = [
            position
            for camera in self._cameras.values()
            for session in camera.sessions.values()
            if (position := session.replay_from()) is not None
        ]
        return min(needed, default=self.next_position)

    @property
    def open_tracks(self) -> int:
        """Tracks that are not over yet."""
        return sum(len(session.tracks) for camera in self._cameras.values() for session in camera.sessions.values())

    @staticmethod
    def _may_begin(camera: _Camera, frame: TrackedFrame, sequence: int, session: _Session) -> bool:
        """Whether to take up a session whose first message is not here.

        A reader that begins inside a session's life does so at once. Near the session's beginning, or while another
        session of the camera counts, it may be a matter of order: then a few messages must have come.
        """
        if camera.current is None and sequence >= START_WAIT:
            return True
        return frame.last or len(session.order) >= START_WAIT

    def _supersede(self, camera: _Camera, session: str, rows: Rows) -> None:
        """A session begins: the one before it is over, whatever may still come of it."""
        if camera.current is not None:
            self._close(camera, camera.current, rows)
        camera.current = session

    def _count(self, camera: _Camera, session: _Session, released: list[Released], rows: Rows) -> None:
        for message in released:
            session.take(message)
            rows.extend(self._observe(message.frame))
            if message.frame.last:
                self._forget(camera, message.frame.session)
                return

    def _close(self, camera: _Camera, name: str, rows: Rows) -> None:
        session = camera.sessions[name]
        if name == camera.current:
            self._count(camera, session, session.order.finish(), rows)
            closing = session.closing()
            if name in camera.sessions and closing is not None:
                rows.extend(self._observe(closing))
        self._forget(camera, name)

    def _forget(self, camera: _Camera, name: str) -> None:
        session = camera.sessions.pop(name, None)
        if session is None:
            return
        self.lost += session.order.lost
        camera.over.append(name)
        if camera.current == name:
            camera.current = None

    def _pass_time(self, at_ms: int, rows: Rows) -> None:
        if self._at_ms is not None:
            self._active_ms += min(max(at_ms - self._at_ms, 0), LONGEST_STEP_MS)
        self._at_ms = at_ms
        if self._active_ms - self._checked_ms < _CHECK_EVERY_MS:
            return
        self._checked_ms = self._active_ms
        for camera in self._cameras.values():
            for name, session in list(camera.sessions.items()):
                if self._active_ms - session.seen_ms >= IDLE_MS:
                    self._close(camera, name, rows)
                    camera.over.remove(name)  # its worker may only have been cut off for long
