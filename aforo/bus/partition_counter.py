"""One partition of the log: its messages in, rows out, and the position from which a replay would give the same. Pure.

A replay from `replay_from` meets every track that was open from its first message on, and each camera's current minute
of coverage whole; all else it meets was written for good before, is written again unchanged, or is left alone
(`TrackedObject.first`). That is why no state has to be kept anywhere but in the log.

A session whose worker died never says that it ended. The next session of the same camera closes it, or else the time
that passes in the log: not the wall clock, so that a replay decides alike, and an outage of the broker does not count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from aforo.bus.message_order import START_WAIT, Released, Resequencer
from aforo.bus.wire import decode, encode, joined
from aforo.model import MINUTE_US, Rows, TrackedFrame
from aforo.tracked_batch import Ints, Message, Messages

IDLE_MS = 300_000
"""Broker time without a message, after which a session is over."""

LONGEST_STEP_MS = 5_000
"""What a pause of the whole partition counts as at most: an outage of the broker ends no session."""

_REMEMBERED = 32
_CHECK_EVERY_MS = 10_000


@dataclass(slots=True)
class _Session:
    """One session: its order, its open tracks, and where a replay of its current minute begins.

    Attributes:
        tracks: position from which a replay meets the whole of each open track.
    """

    order: Resequencer[Message] = field(default_factory=Resequencer)
    last: Message | None = None
    tracks: dict[int, int] = field(default_factory=dict)
    minute_us: int = -1
    minute_from: int = 0
    seen_ms: int = 0

    def take(self, message: Message, replay_from: int) -> None:
        """Note what a message opens and ends."""
        self.last = message
        if message.begins:
            for track_id in message.first_ids:
                self.tracks.setdefault(track_id, replay_from)
        if message.end_count:
            for end in message.ended:
                self.tracks.pop(end.track_id, None)
        minute_us = message.captured_at_us // MINUTE_US
        if minute_us != self.minute_us:
            self.minute_us, self.minute_from = minute_us, replay_from

    def go_on(self, messages: Messages, rows: Ints, positions: Sequence[int]) -> None:
        """Note those messages, which come next; not which tracks they open and end."""
        minutes = messages.head["captured_at_us"][rows] // MINUTE_US
        turns = np.flatnonzero(np.diff(minutes, prepend=self.minute_us))
        if len(turns):
            self.minute_us, self.minute_from = int(minutes[-1]), positions[rows[turns[-1]]]
        self.last = messages.message(int(rows[-1]))
        self.order.pass_by(len(rows), positions[rows[-1]])

    def replay_from(self) -> int | None:
        """The earliest position that it needs again; None when it needs none."""
        needed = [] if self.last is None else [self.minute_from]
        if self.tracks:
            needed.append(min(self.tracks.values()))
        if (held := self.order.held_from) is not None:
            needed.append(held)
        return min(needed, default=None)


@dataclass(slots=True)
class _Camera:
    """The sessions of one camera: one that counts, others that may be beginning, and some that are over."""

    current: str | None = None
    sessions: dict[str, _Session] = field(default_factory=dict)
    over: deque[str] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))


class PartitionCounter:
    """Counts one partition from some position on.

    Args:
        count: counts messages; those of a session come to it in order, each once, and the last one ends every track.
    """

    def __init__(self, count: Callable[[Messages], Rows]) -> None:
        self._count = count
        self._cameras: dict[str, _Camera] = {}
        self._at_ms: int | None = None
        self._active_ms = 0
        self._checked_ms = 0
        self.next_position = 0
        self.lost = 0

    def take(self, records: Iterable[tuple[int, int, Message]]) -> Rows:
        """Take in the next messages of the partition.

        Args:
            records: of each its offset, the broker's time of it in milliseconds, and the message.

        Returns:
            The rows that are new or have changed.
        """
        rows = Rows()
        ready: list[Message] = []
        for position, at_ms, message in records:
            self.next_position = position + 1
            if at_ms != self._at_ms and self._pass_time(at_ms, ready):
                rows.extend(
                    self._count(joined(ready)) if ready else Rows()
                )  # before a session that was closed comes again
                ready.clear()
            camera = self._cameras.get(message.camera)
            if camera is None:
                camera = self._cameras[message.camera] = _Camera()
            session = camera.sessions.get(message.session)
            if session is None:
                if message.session in camera.over:
                    continue
                session = camera.sessions[message.session] = _Session()
            session.seen_ms = self._active_ms
            released = session.order.push(message.sequence, message, position)
            if not session.order.started and self._may_begin(camera, message, session):
                released = session.order.begin()
            if released and camera.current != message.session:
                self._supersede(camera, message.session, ready)
            self._release(camera, session, released, ready)
        if ready:
            rows.extend(self._count(joined(ready)))
        return rows

    def take_all(self, positions: Sequence[int], at_ms: Sequence[int], messages: Messages) -> Rows:
        """`take`, in columns where each session just goes on, as nearly always.

        Args:
            positions: of each message its offset.
            at_ms: the broker's time of it in milliseconds.
            messages: the messages.
        """
        if not positions:
            return Rows()
        steps_ms = np.diff(np.array(at_ms, np.int64), prepend=at_ms[0] if self._at_ms is None else self._at_ms)
        active_ms = self._active_ms + np.cumsum(np.clip(steps_ms, 0, LONGEST_STEP_MS))
        sessions = [self._steady(*who) for who in messages.sessions]
        order = np.argsort(messages.session, kind="stable")
        counts = np.bincount(messages.session, minlength=len(sessions))
        starts = np.cumsum(counts) - counts
        expected = np.array([-1 if session is None else session.order.next for session in sessions], np.int64)
        in_order = np.repeat(expected - starts, counts) + np.arange(len(order)) == messages.head["sequence"][order]
        if not in_order.all() or messages.last.any() or self._any_idle(int(active_ms[-1])):
            return self.take(
                (position, time, messages.message(row))
                for row, (position, time) in enumerate(zip(positions, at_ms, strict=True))
            )
        self._at_ms, self._active_ms, self.next_position = at_ms[-1], int(active_ms[-1]), positions[-1] + 1
        while self._active_ms - self._checked_ms >= _CHECK_EVERY_MS:
            self._checked_ms = int(active_ms[np.searchsorted(active_ms, self._checked_ms + _CHECK_EVERY_MS)])
        for session, rows in zip(sessions, np.split(order, starts[1:]), strict=True):
            if session is not None:
                session.go_on(messages, rows, positions)
                session.seen_ms = int(active_ms[rows[-1]])
        session_of, objects, ends = messages.session, messages.objects, messages.ends
        begin = np.flatnonzero(objects["first"])
        begun = session_of[messages.owner[begin]], messages.owner[begin], objects["track_id"][begin]
        for number, row, track_id in zip(*(column.tolist() for column in begun), strict=True):
            if (session := sessions[number]) is not None:
                session.tracks.setdefault(track_id, positions[row])
        for number, track_id in zip(session_of[messages.end_owner].tolist(), ends["track_id"].tolist(), strict=True):
            if (session := sessions[number]) is not None:
                session.tracks.pop(track_id, None)
        return self._count(messages)

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
    def _may_begin(camera: _Camera, message: Message, session: _Session) -> bool:
        """Whether to take up a session whose first message is not here.

        A reader that begins inside a session's life does so at once. Near the session's beginning, or while another
        session of the camera counts, it may be a matter of order: then a few messages must have come.
        """
        if camera.current is None and message.sequence >= START_WAIT:
            return True
        return message.last or len(session.order) >= START_WAIT

    def _supersede(self, camera: _Camera, session: str, ready: list[Message]) -> None:
        """A session begins: the one before it is over, whatever may still come of it."""
        if camera.current is not None:
            self._close(camera, camera.current, ready)
        camera.current = session

    def _release(
        self, camera: _Camera, session: _Session, released: list[Released[Message]], ready: list[Message]
    ) -> None:
        for message, replay_from in released:
            session.take(message, replay_from)
            ready.append(message)
            if message.last:
                self._forget(camera, message.session)
                return

    def _close(self, camera: _Camera, name: str, ready: list[Message]) -> None:
        session = camera.sessions[name]
        if name == camera.current:
            self._release(camera, session, session.order.finish(), ready)
            if name in camera.sessions and session.last is not None:
                ready.append(_closing(session.last))
        self._forget(camera, name)

    def _forget(self, camera: _Camera, name: str) -> None:
        session = camera.sessions.pop(name, None)
        if session is None:
            return
        self.lost += session.order.lost
        camera.over.append(name)
        if camera.current == name:
            camera.current = None

    def _steady(self, camera: str, name: str) -> _Session | None:
        """The session, if it is the one that counts, and none of its messages is missing."""
        known = self._cameras.get(camera)
        if known is None or known.current != name:
            return None
        session = known.sessions[name]
        return None if len(session.order) else session

    def _any_idle(self, active_ms: int) -> bool:
        return any(
            active_ms - session.seen_ms >= IDLE_MS
            for camera in self._cameras.values()
            for session in camera.sessions.values()
        )

    def _pass_time(self, at_ms: int, ready: list[Message]) -> bool:
        """Let the time of the log go on; returns whether a session ended by that."""
        if self._at_ms is not None:
            self._active_ms += min(max(at_ms - self._at_ms, 0), LONGEST_STEP_MS)
        self._at_ms = at_ms
        if self._active_ms - self._checked_ms < _CHECK_EVERY_MS:
            return False
        self._checked_ms = self._active_ms
        closed = False
        for camera in self._cameras.values():
            for name, session in list(camera.sessions.items()):
                if self._active_ms - session.seen_ms >= IDLE_MS:
                    self._close(camera, name, ready)
                    camera.over.remove(name)  # its worker may only have been cut off for long
                    closed = True
        return closed


def _closing(last: Message) -> Message:
    """The message that closes a session after its last one, when whoever sent it does so no more."""
    frame = TrackedFrame(
        last.camera,
        last.session,
        last.frame_index + 1,
        last.captured_at_us,
        0,
        last.width_px,
        last.height_px,
        last=True,
    )
    return decode(encode(frame, last.sequence))
