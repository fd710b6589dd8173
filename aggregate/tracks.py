"""The open tracks of a session, and what has become of each at lines and zones so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aforo.model import (
    Crossing,
    Movement,
    Observation,
    Rows,
    TrackedFrame,
    TrackedObject,
    TrackEnd,
    TrackKey,
    Visit,
)
from aforo.wire import Message
from aggregate.coverage import CoverageMeter
from aggregate.crossings import LineCounter, LineState, Passage
from aggregate.movements import MovementFinder
from aggregate.trajectories import TrajectoryRecorder
from aggregate.visits import Stay, ZoneState, ZoneWatcher

if TYPE_CHECKING:
    from aggregate.aggregator import CameraGeometry

Kind = type[Crossing] | type[Visit] | type[Movement]


@dataclass(slots=True)
class OpenTrack:
    """A track that is not over.

    Attributes:
        facts: its rows so far, without the class. By kind, place and ordinal: the two columns that differ from kind to
            kind, and the version of the geometry.
        changed: the rows that are new or different since they were told last.
    """

    key: TrackKey
    road_user: str
    recorder: TrajectoryRecorder
    finder: MovementFinder
    lines: list[tuple[LineCounter, LineState]]
    zones: list[tuple[ZoneWatcher, ZoneState]]
    facts: dict[tuple[Kind, str, int], tuple[int, int | str | None, str]] = field(default_factory=dict)
    changed: dict[tuple[Kind, str, int], None] = field(default_factory=dict)

    def name(self, road_user: str) -> None:
        """The track is of that class from now on; so are its rows."""
        self.road_user = road_user
        self.changed |= dict.fromkeys(self.facts)

    def visit(self, place: int, before: Observation | None, now: Observation) -> None:
        """Whatever a position changes at one place: the lines by their numbers, then the zones."""
        if place < len(self.lines):
            counter, state = self.lines[place]
            if (passage := counter.observe(state, before, now)) is not None:
                self._passed(counter, passage)
            return
        watcher, zone_state = self.zones[place - len(self.lines)]
        for stay in watcher.observe(zone_state, before, now):
            self._stayed(watcher, stay)

    def is_settled(self, place: int, last: Observation) -> bool:
        """Whether nothing is left to be decided there while the track goes on the same side of the border."""
        if place < len(self.lines):
            return True
        watcher, state = self.zones[place - len(self.lines)]
        return watcher.is_settled(state, last)

    def end(self) -> None:
        """Whatever its end changes at any place."""
        last = self.recorder.last
        if last is None:
            return
        for counter, state in self.lines:
            if (passage := counter.end(state, last)) is not None:
                self._passed(counter, passage)
        for watcher, zone_state in self.zones:
            for stay in watcher.end(zone_state, last):
                self._stayed(watcher, stay)

    def tell(self, rows: Rows, *, final: bool) -> None:
        """Add the rows that have changed, or if they are final all of them."""
        into: dict[Kind, list[Any]] = {Crossing: rows.crossings, Visit: rows.visits, Movement: rows.movements}
        who = self.key.camera, self.key.session, self.key.track_id
        for kind, place, ordinal in self.facts if final else self.changed:
            first, second, version = self.facts[kind, place, ordinal]
            make: Callable[..., Crossing | Visit | Movement] = kind
            into[kind].append(make(*who, place, ordinal, first, second, self.road_user, final, version))
        self.changed.clear()

    def _passed(self, counter: LineCounter, passage: Passage) -> None:
        line = counter.line
        direction = line.directions[0 if passage.to_right else 1]
        ordinal = sum(kind is Crossing and place == line.id for kind, place, _ in self.facts)
        self._note(Crossing, line.id, ordinal, (passage.at_us, direction, line.version))
        self._turn("line", line.id, direction, passage.at_us)

    def _stayed(self, watcher: ZoneWatcher, stay: Stay) -> None:
        zone = watcher.zone
        new = (Visit, zone.id, stay.ordinal) not in self.facts
        self._note(Visit, zone.id, stay.ordinal, (stay.entered_at_us, stay.left_at_us, zone.version))
        if new:
            self._turn("zone", zone.id, "entered", stay.entered_at_us)

    def _turn(self, kind: str, place: str, direction: str, at_us: int) -> None:
        for turn in self.finder.passed(kind, place, direction, at_us):
            self._note(Movement, turn.rule.id, turn.ordinal, (turn.entered_at_us, turn.at_us, turn.rule.version))

    def _note(self, kind: Kind, place: str, ordinal: int, fact: tuple[int, int | str | None, str]) -> None:
        key = kind, place, ordinal
        self.facts[key] = fact
        self.changed[key] = None


class Session:
    """One session of one camera.

    Args:
        camera: its id.
        session: its id.
        number: the camera's, among those of `aggregate.decisive.Places`.
        geometry: what is counted.
        aspect: width over height of the frame.
    """

    def __init__(self, camera: str, session: str, number: int, geometry: CameraGeometry, aspect: float) -> None:
        self.camera, self.session, self.number, self.aspect = camera, session, number, aspect
        self.lines = [LineCounter(line, aspect) for line in geometry.lines]
        self.zones = [ZoneWatcher(zone, aspect) for zone in geometry.zones]
        self.movements = geometry.movements
        self.coverage = CoverageMeter(camera, session)
        self.tracks: dict[int, OpenTrack] = {}

    def see(self, seen: TrackedObject, at_us: int) -> OpenTrack | None:
        """Take in where a road user is; returns its track, unless its beginning was missed."""
        track = self.tracks.get(seen.track_id)
        if track is None:
            if not seen.first:
                return None  # a replay that begins inside the track's life: its rows were final before
            track = self.open(seen.track_id, seen.road_user)
        if track.road_user != seen.road_user:
            track.name(seen.road_user)
        for now in (*seen.backfill, Observation(at_us, seen.box)):
            before = track.recorder.last
            track.recorder.add(now)
            for place in range(len(track.lines) + len(track.zones)):
                track.visit(place, before, now)
        return track

    def open(self, track_id: int, road_user: str) -> OpenTrack:
        """A track that begins."""
        track = self.tracks[track_id] = OpenTrack(
            TrackKey(self.camera, self.session, track_id),
            road_user,
            TrajectoryRecorder(self.aspect),
            MovementFinder(self.movements),
            [(counter, LineState()) for counter in self.lines],
            [(watcher, ZoneState()) for watcher in self.zones],
        )
        return track

    def endings(self, frame: TrackedFrame | Message) -> list[TrackEnd]:
        """The tracks that end with a frame: with the session's last one all of them, as what they last were."""
        if not frame.last:
            return list(frame.ended)
        told = {end.track_id for end in frame.ended}
        rest = [TrackEnd(track_id, track.road_user) for track_id, track in self.tracks.items() if track_id not in told]
        return [*frame.ended, *rest]

    def end(self, ended: Iterable[TrackEnd], rows: Rows) -> list[OpenTrack]:
        """Tracks that are over; returns those that were somebody, all their rows told."""
        over = []
        for end in ended:
            track = self.tracks.pop(end.track_id, None)
            if track is None:
                continue
            if end.road_user is None:
                rows.voided.append(TrackKey(self.camera, self.session, end.track_id, track.recorder.started_at_us))
                track.changed.clear()
                continue
            track.end()
            track.road_user = end.road_user
            track.tell(rows, final=True)
            over.append(track)
        return over
