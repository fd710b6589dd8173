"""Tracked frames in, rows out: the counting stage.

One `Aggregator` serves any number of cameras. Its state is the open tracks only; it ends with each track, and replaying
the messages of a track from its beginning gives the same rows again. A track whose beginning is not replayed is left
alone: the reader of a bus goes back to the beginning of the oldest track that is open, so that one was over.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aforo.model import (
    Crossing,
    Movement,
    Observation,
    Rows,
    TrackedFrame,
    TrackedObject,
    TrackEnd,
    TrackKey,
    Trajectory,
    Visit,
)
from aggregate.coverage import CoverageMeter
from aggregate.crossings import CountingLine, LineCounter, LineState, Passage
from aggregate.movements import MovementFinder, MovementRule
from aggregate.trajectories import TrajectoryRecorder
from aggregate.visits import CountingZone, Stay, ZoneState, ZoneWatcher

Row = TypeVar("Row", Crossing, Visit, Movement)


@dataclass(frozen=True, slots=True)
class CameraGeometry:
    """What is counted in one camera's picture."""

    lines: tuple[CountingLine, ...] = ()
    zones: tuple[CountingZone, ...] = ()
    movements: tuple[MovementRule, ...] = ()


@dataclass(slots=True)
class _OpenTrack:
    road_user: str
    last: Observation
    finder: MovementFinder
    recorder: TrajectoryRecorder
    lines: list[tuple[LineCounter, LineState]]
    zones: list[tuple[ZoneWatcher, ZoneState]]
    crossings: list[Crossing] = field(default_factory=list)
    visits: dict[tuple[str, int], Visit] = field(default_factory=dict)
    movements: dict[tuple[str, int], Movement] = field(default_factory=dict)

    def rows(self, road_user: str, *, final: bool) -> Rows:
        """All rows of the track, with that class."""

        def named(row: Row) -> Row:
            return dataclasses.replace(row, road_user=road_user, final=final)

        self.crossings = [named(row) for row in self.crossings]
        self.visits = {key: named(row) for key, row in self.visits.items()}
        self.movements = {key: named(row) for key, row in self.movements.items()}
        return Rows(list(self.crossings), list(self.visits.values()), list(self.movements.values()))


class _Session:
    """One session of one camera."""

    def __init__(self, camera: str, session: str, geometry: CameraGeometry, aspect: float) -> None:
        self.camera, self.session = camera, session
        self.lines = [LineCounter(line, aspect) for line in geometry.lines]
        self.zones = [ZoneWatcher(zone, aspect) for zone in geometry.zones]
        self.movements = geometry.movements
        self.aspect = aspect
        self.coverage = CoverageMeter(camera, session)
        self.tracks: dict[int, _OpenTrack] = {}

    def observe(self, frame: TrackedFrame) -> Rows:
        rows = Rows(coverage=self.coverage.observe(frame))
        for seen in frame.objects:
            self._see(seen, frame.captured_at_us, rows)
        for end in frame.ended:
            self._end(end, rows)
        return rows

    def _see(self, seen: TrackedObject, at_us: int, rows: Rows) -> None:
        track = self.tracks.get(seen.track_id)
        if track is None:
            if not seen.first:
                return  # a replay that begins inside the track's life: its rows were final before
            track = _OpenTrack(
                seen.road_user,
                Observation(at_us, seen.box),
                MovementFinder(self.movements),
                TrajectoryRecorder(self.aspect),
                [(counter, LineState()) for counter in self.lines],
                [(watcher, ZoneState()) for watcher in self.zones],
            )
            self.tracks[seen.track_id] = track
        if track.road_user != seen.road_user:
            track.road_user = seen.road_user
            rows.extend(track.rows(seen.road_user, final=False))
        for past in seen.backfill:
            self._place(seen.track_id, track, past, rows)
        self._place(seen.track_id, track, Observation(at_us, seen.box), rows)

    def _place(self, track_id: int, track: _OpenTrack, observation: Observation, rows: Rows) -> None:
        track.last = observation
        track.recorder.add(observation)
        for counter, state in track.lines:
            if (passage := counter.observe(state, observation)) is not None:
                self._passed(track_id, track, counter, state, passage, rows)
        for watcher, zone_state in track.zones:
            if stays := watcher.observe(zone_state, observation):
                self._stayed(track_id, track, watcher, stays, rows)

    def _passed(
        self,
        track_id: int,
        track: _OpenTrack,
        counter: LineCounter,
        state: LineState,
        passage: Passage,
        rows: Rows,
    ) -> None:
        row = counter.crossing(state, passage, (self.camera, self.session, track_id), track.road_user)
        track.crossings.append(row)
        rows.crossings.append(row)
        self._turn(track_id, track, ("line", row.line, row.direction, row.at_us), rows)

    def _stayed(self, track_id: int, track: _OpenTrack, watcher: ZoneWatcher, stays: list[Stay], rows: Rows) -> None:
        for stay in stays:
            key = watcher.zone.id, stay.ordinal
            new = key not in track.visits
            track.visits[key] = Visit(
                camera=self.camera,
                session=self.session,
                track_id=track_id,
                zone=watcher.zone.id,
                ordinal=stay.ordinal,
                entered_at_us=stay.entered_at_us,
                left_at_us=stay.left_at_us,
                road_user=track.road_user,
                final=False,
                geometry=watcher.zone.version,
            )
            rows.visits.append(track.visits[key])
            if new:
                self._turn(track_id, track, ("zone", watcher.zone.id, "entered", stay.entered_at_us), rows)

    def _turn(self, track_id: int, track: _OpenTrack, gate: tuple[str, str, str, int], rows: Rows) -> None:
        for turn in track.finder.passed(*gate):
            row = Movement(
                camera=self.camera,
                session=self.session,
                track_id=track_id,
                movement=turn.rule.id,
                ordinal=turn.ordinal,
                entered_at_us=turn.entered_at_us,
                at_us=turn.at_us,
                road_user=track.road_user,
                final=False,
                geometry=turn.rule.version,
            )
            track.movements[row.movement, row.ordinal] = row
            rows.movements.append(row)

    def _end(self, end: TrackEnd, rows: Rows) -> None:
        track = self.tracks.pop(end.track_id, None)
        if track is None:
            return
        if end.road_user is None:
            rows.voided.append(TrackKey(self.camera, self.session, end.track_id, track.recorder.started_at_us))
            return
        for counter, state in track.lines:
            if (passage := counter.end(state, track.last)) is not None:
                self._passed(end.track_id, track, counter, state, passage, rows)
        for watcher, zone_state in track.zones:
            self._stayed(end.track_id, track, watcher, watcher.end(zone_state), rows)
        rows.extend(track.rows(end.road_user, final=True))
        rows.trajectories.append(track.recorder.finish(self.camera, self.session, end.track_id, end.road_user))


def recount(way: Trajectory, geometry: CameraGeometry) -> Rows:
    """What a track that is over did at lines and zones, from its trajectory, as live counts have it: final rows."""
    session = _Session(way.camera, way.session, geometry, way.aspect)
    *before, last = way.points
    seen = TrackedObject(way.track_id, last.box, way.road_user, 1.0, first=True, backfill=tuple(before))
    session._see(seen, last.at_us, Rows())
    rows = Rows()
    session._end(TrackEnd(way.track_id, way.road_user), rows)
    return Rows([row for row in rows.crossings if row.final], [row for row in rows.visits if row.final])


class Aggregator:
    """Counts the road users of any number of cameras.

    Args:
        geometry: per camera id; a camera that is not in it is observed (coverage) but counts nothing.
    """

    def __init__(self, geometry: Mapping[str, CameraGeometry]) -> None:
        self._geometry = geometry
        self._sessions: dict[tuple[str, str], _Session] = {}

    def observe(self, frame: TrackedFrame) -> Rows:
        """Take in one message; returns the rows that are new or have changed."""
        key = frame.camera, frame.session
        session = self._sessions.get(key)
        if session is None:
            geometry = self._geometry.get(frame.camera, CameraGeometry())
            session = _Session(*key, geometry, frame.width_px / frame.height_px)
            self._sessions[key] = session
        rows = session.observe(frame)
        if frame.last:
            del self._sessions[key]
        return rows

    @property
    def open_tracks(self) -> int:
        """Tracks that are not over yet, of all cameras."""
        return sum(len(session.tracks) for session in self._sessions.values())
