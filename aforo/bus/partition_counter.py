"""One partition of the log: its messages in, rows out, and the position from which a replay would give the same. Pure.

A replay from `replay_from` meets every track that was open from its first message on, and each camera's current minute
of coverage whole; all else it meets was written for good before, is written again unchanged, or is left alone
(`TrackedObject.first`). That is why no state has to be kept anywhere but in the log.

A session whose worker died never says that it ended. The next session of the same camera closes it, or else the time
that passes in the log: not the wall clock, so that a replay decides alike, and an outage of the broker does not count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from aforo.bus.message_order import START_WAIT, Released, Resequencer
from aforo.model import MINUTE_US, Rows, TrackedFrame
from aforo.ports import BatchCounter
from aforo.session_names import is_outdated
from aforo.tracked_batch import FrameHead, Ints, TrackedBatch, joined

IDLE_MS = 300_000
"""Broker time without a message, after which a session is over."""

LONGEST_STEP_MS = 5_000
"""What a pause of the whole partition counts as at most: an outage of the broker ends no session."""

_REMEMBERED = 32
_CHECK_EVERY_MS = 10_000


class LogRecords(NamedTuple):
    """Messages of one partition, one after another.

    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> records = LogRecords([41], [1_700_000_000_250], np.array([0]), TrackedBatch.of([frame]))
    >>> records.positions, len(records.batch)
    ([41], 1)

    Attributes:
        positions: of each message its offset in the log.
        at_ms: the broker's time of it in milliseconds.
        sequence: (N,) its place among the messages of its session.
        batch: the messages.
    """

    positions: Sequence[int]
    at_ms: Sequence[int]
    sequence: Ints
    batch: TrackedBatch


class _Message(NamedTuple):
    """One message: a row of a batch."""

    batch: TrackedBatch
    row: int

    def alone(self) -> _Message:
        """The same, without the rest of its batch."""
        return self if len(self.batch) == 1 else _Message(self.batch.select([self.row]), 0)

    @property
    def head(self) -> FrameHead:
        """Its numbers."""
        return FrameHead._make(self.batch.head[self.row].tolist())


@dataclass(slots=True)
class _Session:
    """One session: its order, its open tracks, and where a replay of its current minute begins.

    Attributes:
        order: puts its messages in order.
        last: its newest message that was counted.
        tracks: position from which a replay meets the whole of each open track.
        minute_us: number of the minute of its newest message.
        minute_from: position from which a replay meets that minute whole.
        seen_ms: the log's active time of its newest message.
    """

    order: Resequencer[_Message] = field(default_factory=Resequencer)
    last: FrameHead | None = None
    tracks: dict[int, int] = field(default_factory=dict)
    minute_us: int = -1
    minute_from: int = 0
    seen_ms: int = 0

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

    def is_over(self, session: str) -> bool:
        """Whether nothing more of a session counts.

        An earlier reading of the recording that is read now comes from a worker that was cut off for a while.
        """
        if session == self.current:
            return False
        return session in self.over or (self.current is not None and is_outdated(session, by=self.current))


class PartitionCounter:
    """Counts one partition from some position on.

    >>> from types import SimpleNamespace
    >>> frame = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> counter = PartitionCounter(SimpleNamespace(add=lambda batch: Rows()))
    >>> bool(counter.add(LogRecords([41], [1_700_000_000_250], np.array([0]), TrackedBatch.of([frame]))))
    False
    >>> counter.next_position, counter.replay_from  # the current minute would be needed again
    (42, 41)

    Args:
        counter: takes the messages of each session in order, each once; the last one ends every track.
    """

    def __init__(self, counter: BatchCounter) -> None:
        self._counter = counter
        self._cameras: dict[str, _Camera] = {}
        self._at_ms: int | None = None
        self._active_ms = 0
        self._checked_ms = 0
        self.next_position = 0
        self.lost = 0

    def add(self, records: LogRecords) -> Rows:
        """Take in the next messages of the partition; returns the rows that are new or have changed.

        Nearly always each session just goes on, and the batch is counted as it is. Where messages are missing, double
        or out of order, or sessions begin and end, it is put in order first, and then counted alike.
        """
        if not records.positions:
            return Rows()
        active_ms = self._active_times(records.at_ms)
        if self._is_steady(records, int(active_ms[-1])):
            self._advance(records, active_ms)
            return self._count(records.batch, records.positions)
        rows = Rows()
        for ready in self._in_order(records):
            if ready:
                rows.extend(self._count(_collected(ready), [each.replay_from for each in ready]))
        return rows

    def _active_times(self, at_ms: Sequence[int]) -> Ints:
        """(N,) the log's active time at each message: the broker's, with every pause cut to `LONGEST_STEP_MS`."""
        steps_ms = np.diff(np.array(at_ms, np.int64), prepend=at_ms[0] if self._at_ms is None else self._at_ms)
        return np.asarray(self._active_ms + np.cumsum(np.clip(steps_ms, 0, LONGEST_STEP_MS)), np.int64)

    def _is_steady(self, records: LogRecords, active_ms: int) -> bool:
        """Whether every session just goes on: its next messages, all of them, in order, and no end of any session."""
        batch = records.batch
        if batch.head["last"].any() or self._any_idle(active_ms):
            return False
        sessions = [self._steady(*who) for who in batch.sessions]
        expected = np.array([-1 if session is None else session.order.next for session in sessions], np.int64)
        order, starts = _by_session(batch)
        place = np.arange(len(order)) - starts[batch.session[order]]  # of each message among those of its session
        return bool((records.sequence[order] == expected[batch.session[order]] + place).all())

    def _advance(self, records: LogRecords, active_ms: Ints) -> None:
        """Let the time of the log and the order of the sessions go on past steady messages."""
        self._at_ms, self._active_ms = records.at_ms[-1], int(active_ms[-1])
        self.next_position = records.positions[-1] + 1
        while self._active_ms - self._checked_ms >= _CHECK_EVERY_MS:
            self._checked_ms = int(active_ms[np.searchsorted(active_ms, self._checked_ms + _CHECK_EVERY_MS)])
        order, starts = _by_session(records.batch)
        for who, rows in zip(records.batch.sessions, np.split(order, starts[1:]), strict=True):
            if (session := self._steady(*who)) is not None:
                session.order.advance(len(rows), records.positions[rows[-1]])
                session.seen_ms = int(active_ms[rows[-1]])

    def _count(self, batch: TrackedBatch, replay_from: Sequence[int]) -> Rows:
        """Count messages that are in order, and note what each session will need again.

        Args:
            batch: the messages.
            replay_from: of each the position from which a reader gets it again, in its place.
        """
        sessions = [self._open_session(*who) for who in batch.sessions]
        order, starts = _by_session(batch)
        for session, rows in zip(sessions, np.split(order, starts[1:]), strict=True):
            if session is not None and len(rows):
                minutes = batch.head["captured_at_us"][rows] // MINUTE_US
                begun = np.flatnonzero(np.diff(minutes, prepend=session.minute_us))
                if len(begun):
                    session.minute_us, session.minute_from = int(minutes[-1]), replay_from[rows[begun[-1]]]
                session.last = FrameHead._make(batch.head[rows[-1]].tolist())
        of_message = batch.session.tolist()
        first = np.flatnonzero(batch.first)
        for row, track_id in zip(batch.message[first].tolist(), batch.track_id[first].tolist(), strict=True):
            if (session := sessions[of_message[row]]) is not None:
                session.tracks.setdefault(track_id, replay_from[row])
        for row, track_id in zip(batch.end_message.tolist(), batch.end_track_id.tolist(), strict=True):
            if (session := sessions[of_message[row]]) is not None:
                session.tracks.pop(track_id, None)
        return self._counter.add(batch)

    def _in_order(self, records: LogRecords) -> Iterator[list[Released[_Message]]]:
        """The messages that may be counted, in order, each once; in parts, as a session may begin again after one."""
        ready: list[Released[_Message]] = []
        batch, last = records.batch, records.batch.head["last"].tolist()
        for row, (position, at_ms, sequence, number) in enumerate(
            zip(records.positions, records.at_ms, records.sequence.tolist(), batch.session.tolist(), strict=True)
        ):
            self.next_position = position + 1
            if at_ms != self._at_ms and self._pass_time(at_ms, ready):
                yield ready  # before a session that was closed comes again
                ready = []
            camera_id, name = batch.sessions[number]
            camera = self._cameras.get(camera_id)
            if camera is None:
                camera = self._cameras[camera_id] = _Camera()
            if camera.is_over(name):
                continue
            session = camera.sessions.get(name)
            if session is None:
                session = camera.sessions[name] = _Session()
            session.seen_ms = self._active_ms
            released = session.order.push(sequence, _Message(batch, row), position)
            if not session.order.started and self._may_begin(camera, sequence, session, last=last[row]):
                released = session.order.begin()
            if released and camera.current != name:
                self._supersede(camera_id, camera, name, ready)
            self._release(camera, name, session, released, ready)
        yield ready
        for camera in self._cameras.values():
            for session in camera.sessions.values():
                session.order.replace_held(_Message.alone)

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
    def _may_begin(camera: _Camera, sequence: int, session: _Session, *, last: bool) -> bool:
        """Whether to take up a session whose first message is not here.

        A reader that begins inside a session's life does so at once. Near the session's beginning, or while another
        session of the camera counts, it may be a matter of order: then a few messages must have come.
        """
        if camera.current is None and sequence >= START_WAIT:
            return True
        return last or len(session.order) >= START_WAIT

    def _supersede(self, camera_id: str, camera: _Camera, session: str, ready: list[Released[_Message]]) -> None:
        """A session begins: the one before it is over, whatever may still come of it."""
        if camera.current is not None:
            self._close(camera_id, camera, camera.current, ready)
        camera.current = session

    def _release(
        self,
        camera: _Camera,
        name: str,
        session: _Session,
        released: list[Released[_Message]],
        ready: list[Released[_Message]],
    ) -> None:
        """Hand on messages whose turn it is; nothing of a session comes after its last one."""
        for each in released:
            ready.append(each)
            session.last = each.message.head
            if session.last.last:
                self._forget(camera, name)
                return

    def _close(self, camera_id: str, camera: _Camera, name: str, ready: list[Released[_Message]]) -> None:
        """End a session that did not say so itself, with a message that ends its tracks."""
        session = camera.sessions[name]
        if name == camera.current:
            self._release(camera, name, session, session.order.finish(), ready)
            if name in camera.sessions and session.last is not None:
                ready.append(Released(_Message(_closing(camera_id, name, session.last), 0), self.next_position))
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

    def _open_session(self, camera: str, name: str) -> _Session | None:
        """The session; None when it is over."""
        known = self._cameras.get(camera)
        return None if known is None else known.sessions.get(name)

    def _any_idle(self, active_ms: int) -> bool:
        return any(
            active_ms - session.seen_ms >= IDLE_MS
            for camera in self._cameras.values()
            for session in camera.sessions.values()
        )

    def _pass_time(self, at_ms: int, ready: list[Released[_Message]]) -> bool:
        """Let the time of the log go on; returns whether a session ended by that."""
        if self._at_ms is not None:
            self._active_ms += min(max(at_ms - self._at_ms, 0), LONGEST_STEP_MS)
        self._at_ms = at_ms
        if self._active_ms - self._checked_ms < _CHECK_EVERY_MS:
            return False
        self._checked_ms = self._active_ms
        closed = False
        for camera_id, camera in self._cameras.items():
            for name, session in list(camera.sessions.items()):
                if self._active_ms - session.seen_ms >= IDLE_MS:
                    self._close(camera_id, camera, name, ready)
                    camera.over.remove(name)  # its worker may only have been cut off for long
                    closed = True
        return closed


def _by_session(batch: TrackedBatch) -> tuple[Ints, Ints]:
    """The rows of the messages, session after session, those of each in order; and where each session begins."""
    counts = np.bincount(batch.session, minlength=len(batch.sessions))
    return np.argsort(batch.session, kind="stable"), np.cumsum(counts) - counts


def _collected(messages: Sequence[Released[_Message]]) -> TrackedBatch:
    """Messages of one or several batches as one batch, in their order."""
    runs: list[tuple[TrackedBatch, list[int]]] = []
    for (batch, row), _ in messages:
        if not runs or runs[-1][0] is not batch:
            runs.append((batch, []))
        runs[-1][1].append(row)
    return joined([batch.select(rows) for batch, rows in runs])


def _closing(camera: str, session: str, last: FrameHead) -> TrackedBatch:
    """The message that closes a session after its last one, when whoever sent it does so no more."""
    return TrackedBatch.of(
        [
            TrackedFrame(
                camera=camera,
                session=session,
                index=last.frame_index,
                captured_at_us=last.captured_at_us,
                span_us=0,
                width_px=last.width_px,
                height_px=last.height_px,
                last=True,
            )
        ]
    )
