"""The open tracks of a session, and what has become of each at lines and zones so far."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from aforo.model import Crossing, Movement, PlaceKind, Rows, TrackEnd, TrackKey, Visit
from aforo.site import ENTERED, Camera, Line, Zone
from aforo.tracked_batch import POSITION
from aggregate.counting import lines_and_zones
from aggregate.counting.coverage import CoverageMeter
from aggregate.counting.lines_and_zones import NEVER, PositionColumns, Shapes
from aggregate.counting.movements import MovementFinder
from aggregate.counting.trajectories import TrajectoryRecorder

Row = Crossing | Visit | Movement
Key = tuple[type[Row], str, int]
"""A row of a track: its kind, its line, zone or movement, and its ordinal there."""


@dataclass(slots=True)
class OpenTrack:
    """A track that is not over.

    Attributes:
        road_user: its class now.
        class_confidence: the probability that its class for good is right, 0..1; None while it is open, or unknown.
        camera: whose lines and zones count.
        number: the camera's, among those of the `Shapes`.
        aspect: width over height of the frame.
        states: the bytes of its `lines_and_zones.STATE` at each place.
        rows: what it did so far; class and finality are those of the time when they were made, see `emit_rows`.
        changed: the rows that are new or different since they were emitted last.
    """

    key: TrackKey
    road_user: str
    camera: Camera
    number: int
    aspect: float
    states: bytes
    recorder: TrajectoryRecorder
    finder: MovementFinder
    rows: dict[Key, Row] = field(default_factory=dict)
    changed: dict[Key, None] = field(default_factory=dict)
    class_confidence: float | None = None

    def name(self, road_user: str) -> None:
        """The track is of that class from now on; so are its rows."""
        if road_user != self.road_user:
            self.road_user = road_user
            self.changed |= dict.fromkeys(self.rows)

    def add(self, place: int, turn: int, at_us: int, left_us: int) -> None:
        """Take in what happened at a place: an event of `lines_and_zones.follow`."""
        lines = self.camera.lines
        if place < len(lines):
            self._passed(lines[place], to_right=turn > 0, at_us=at_us)
        else:
            self._stayed(self.camera.zones[place - len(lines)], turn, at_us, None if left_us == NEVER else left_us)

    def emit_rows(self, rows: Rows, *, final: bool) -> None:
        """Add the rows that have changed, or if they are final all of them, with the class that the track has now."""
        for key in self.rows if final else self.changed:
            match self.rows[key]:
                case Crossing() as crossing:
                    rows.crossings.append(
                        replace(crossing, road_user=self.road_user, final=final, class_confidence=self.class_confidence)
                    )
                case Visit() as visit:
                    rows.visits.append(replace(visit, road_user=self.road_user, final=final))
                case Movement() as movement:
                    rows.movements.append(replace(movement, road_user=self.road_user, final=final))
        self.changed.clear()

    def _passed(self, line: Line, *, to_right: bool, at_us: int) -> None:
        direction = line.direction_names[0 if to_right else 1]
        ordinal = sum(kind is Crossing and place == line.id for kind, place, _ in self.rows)
        self._note(
            (Crossing, line.id, ordinal),
            Crossing(
                camera=self.key.camera,
                session=self.key.session,
                track_id=self.key.track_id,
                line=line.id,
                ordinal=ordinal,
                at_us=at_us,
                direction=direction,
                road_user=self.road_user,
                final=False,
                geometry=line.version,
            ),
        )
        self._gate_passed(PlaceKind.LINE, line.id, direction, at_us)

    def _stayed(self, zone: Zone, ordinal: int, entered_at_us: int, left_at_us: int | None) -> None:
        key = Visit, zone.id, ordinal
        new = key not in self.rows
        self._note(
            key,
            Visit(
                camera=self.key.camera,
                session=self.key.session,
                track_id=self.key.track_id,
                zone=zone.id,
                ordinal=ordinal,
                entered_at_us=entered_at_us,
                left_at_us=left_at_us,
                road_user=self.road_user,
                final=False,
                geometry=zone.version,
            ),
        )
        if new:
            self._gate_passed(PlaceKind.ZONE, zone.id, ENTERED, entered_at_us)

    def _gate_passed(self, kind: PlaceKind, place: str, direction: str, at_us: int) -> None:
        for completed in self.finder.passed(kind, place, direction, at_us):
            self._note(
                (Movement, completed.movement.id, completed.ordinal),
                Movement(
                    camera=self.key.camera,
                    session=self.key.session,
                    track_id=self.key.track_id,
                    movement=completed.movement.id,
                    ordinal=completed.ordinal,
                    entered_at_us=completed.entered_at_us,
                    at_us=completed.at_us,
                    road_user=self.road_user,
                    final=False,
                    geometry=completed.movement.version,
                ),
            )

    def _note(self, key: Key, row: Row) -> None:
        self.rows[key] = row
        self.changed[key] = None


def follow(shapes: Shapes, tracks: Sequence[OpenTrack], new_positions: Sequence[bytes]) -> None:
    """Take in where many tracks were.

    Args:
        shapes: the places of all cameras.
        tracks: each once.
        new_positions: of each its new positions, the bytes of as many `POSITION`.
    """
    before = [track.recorder.last_position for track in tracks]
    positions = [old + new for old, new in zip(before, new_positions, strict=True)]
    states = _states(tracks)
    _add_events(
        tracks,
        lines_and_zones.follow(shapes, _position_columns(tracks, positions, [bool(old) for old in before]), states),
    )
    after = states.tobytes()
    at = 0
    for track, new in zip(tracks, new_positions, strict=True):
        track.recorder.extend(new)
        size = len(track.states)
        track.states = after[at : at + size]
        at += size


def end(shapes: Shapes, tracks: Sequence[OpenTrack]) -> None:
    """Take in whatever it changes at lines and zones that those tracks are over."""
    positions = [track.recorder.last_position for track in tracks]
    _add_events(
        tracks, lines_and_zones.end(shapes, _position_columns(tracks, positions, [True] * len(tracks)), _states(tracks))
    )


def _states(tracks: Sequence[OpenTrack]) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    return np.frombuffer(bytearray().join([track.states for track in tracks]), lines_and_zones.STATE)


def _position_columns(
    tracks: Sequence[OpenTrack], positions: Sequence[bytes], known: Sequence[bool]
) -> PositionColumns:
    rows = np.frombuffer(b"".join(positions), POSITION)
    return PositionColumns(
        camera=np.array([track.number for track in tracks], np.int64),
        aspect=np.array([track.aspect for track in tracks], np.float64),
        first_row=np.array([0, *itertools.accumulate(map(len, positions))], np.int64) // POSITION.itemsize,
        known=np.array(known, bool),
        at_us=rows["at_us"].copy(),
        box=rows["box"].copy(),
    )


def _add_events(tracks: Sequence[OpenTrack], events: np.ndarray[tuple[int, int], np.dtype[np.int64]]) -> None:
    for track, *event in events.tolist():
        tracks[track].add(*event)


class Session:
    """One session of one camera.

    Args:
        camera: what is counted.
        session: its id.
        number: the camera's, among those of the `Shapes`.
        aspect: width over height of the frame.
    """

    def __init__(self, camera: Camera, session: str, number: int, aspect: float) -> None:
        self.camera, self.session, self.number, self.aspect = camera, session, number, aspect
        self._new = lines_and_zones.NEW * (len(camera.lines) + len(camera.zones))
        self.coverage = CoverageMeter(camera.id, session)
        self.tracks: dict[int, OpenTrack] = {}

    def open(self, track_id: int, road_user: str) -> OpenTrack:
        """A track that begins."""
        track = self.tracks[track_id] = OpenTrack(
            TrackKey(self.camera.id, self.session, track_id),
            road_user,
            self.camera,
            self.number,
            self.aspect,
            self._new,
            TrajectoryRecorder(self.aspect),
            MovementFinder(self.camera.movements),
        )
        return track

    def close(self, ended: Sequence[TrackEnd], rows: Rows, *, last: bool) -> list[OpenTrack]:
        """The tracks that are over and were somebody, each of its class for good; the others are taken back.

        With the session's last message all of them are over, as what they last were.
        """
        if last:
            known = {end.track_id for end in ended}
            rest = [TrackEnd(number, track.road_user) for number, track in self.tracks.items() if number not in known]
            ended = [*ended, *rest]
        over = []
        for end in ended:
            track = self.tracks.pop(end.track_id, None)
            if track is None:
                continue
            if end.road_user is None:
                rows.voided.append(TrackKey(self.camera.id, self.session, end.track_id, track.recorder.started_at_us))
                track.changed.clear()
            else:
                track.road_user, track.class_confidence = end.road_user, end.class_confidence
                over.append(track)
        return over
