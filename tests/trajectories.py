"""Road users on given trajectories, as the tracker would report them: the input of the counting stage, made by hand."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from aforo.model import Box, Crossing, PastPosition, Point, Rows, TrackedFrame, TrackedObject, TrackEnd
from aforo.model import Coverage as CoverageRow
from aforo.site import Anchor, Camera, Line, Zone
from aforo.tracked_batch import POSITION, TrackedBatch
from aggregate.counting.counter import CountingStage
from aggregate.counting.lines_and_zones import shapes
from aggregate.counting.open_tracks import Session, end, follow

Pair = tuple[float, float]
STEP_US = 100_000
"""Ten frames per second."""

START_US = 1_700_000_040_000_000
"""A whole minute of event time."""


def box_at(x: float, y: float, width: float = 0.04, height: float = 0.06) -> Box:
    """A box whose bottom centre is there; its mean side in a square frame is 0.05, so the margins are 6 ‰ and 2 ‰."""
    return Box(x - width / 2, y - height, x + width / 2, y)


def counting_line(
    *points: Pair,
    name: str = "line",
    directions: tuple[str, str] = ("right-hand", "left-hand"),
    anchor: Anchor = "bottom_centre",
) -> Line:
    return Line(name, tuple(Point(*point) for point in points), directions, anchor)


def counting_zone(*corners: Pair, name: str = "zone", anchor: Anchor = "bottom_centre") -> Zone:
    return Zone(name, tuple(Point(*corner) for corner in corners), anchor)


def positions(points: Iterable[PastPosition]) -> bytes:
    """The bytes of as many `POSITION`."""
    return np.array([(at_us, tuple(box)) for at_us, box in points], POSITION).tobytes()


def observed(trajectory: Sequence[Pair], step_us: int = STEP_US, **size: float) -> list[PastPosition]:
    """One observation per point of the trajectory, from time 0."""
    return [PastPosition(i * step_us, box_at(x, y, **size)) for i, (x, y) in enumerate(trajectory)]


def straight(start: Pair, end: Pair, steps: int) -> list[Pair]:
    """Evenly spaced points, both ends included."""
    return [
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    ]


def via(*corners: Pair, steps: int = 10) -> list[Pair]:
    """Straight from corner to corner."""
    trajectory = [corners[0]]
    for a, b in itertools.pairwise(corners):
        trajectory += straight(a, b, steps)[1:]
    return trajectory


def rows_of(camera: Camera, observations: Iterable[PastPosition], *, aspect: float = 1.0, ends: bool = True) -> Rows:
    """What one track does, looked at position by position; all of it, as it is in the end."""
    track, places = Session(camera, "s", 0, aspect).open(0, "pedestrian"), shapes([camera])
    for now in observations:
        follow(places, [track], [positions([now])])
    if ends and track.recorder.last_position:
        end(places, [track])
    rows = Rows()
    track.emit_rows(rows, final=True)
    return rows


def passages(
    line: Line, observations: Iterable[PastPosition], *, aspect: float = 1.0, ends: bool = True
) -> list[tuple[str, int]]:
    """Direction and time of every passage of one track."""
    rows = rows_of(Camera("c", lines=(line,)), observations, aspect=aspect, ends=ends)
    return [(row.direction, row.at_us) for row in rows.crossings]


def directions(line: Line, trajectory: Sequence[Pair], **size: float) -> list[str]:
    """Directions of every passage of a track with that trajectory."""
    return [direction for direction, _ in passages(line, observed(trajectory, **size))]


def stays(
    zone: Zone, observations: Iterable[PastPosition], *, aspect: float = 1.0, ends: bool = True
) -> list[tuple[int, int | None]]:
    """Entry and exit of every visit of one track, by ordinal, as a table that keeps the newest row would show them."""
    rows = rows_of(Camera("c", zones=(zone,)), observations, aspect=aspect, ends=ends)
    assert [row.ordinal for row in rows.visits] == list(range(len(rows.visits)))
    return [(row.entered_at_us, row.left_at_us) for row in rows.visits]


def message(
    index: int, objects: Iterable[TrackedObject] = (), ended: Iterable[TrackEnd] = (), **more: object
) -> TrackedFrame:
    """One frame of the camera `c`, ten per second."""
    defaults: dict[str, object] = {
        "camera": "c",
        "session": "s",
        "index": index,
        "captured_at_us": START_US + index * STEP_US,
        "span_us": STEP_US,
        "width_px": 100,
        "height_px": 100,
    }
    return TrackedFrame(objects=tuple(objects), ended=tuple(ended), **{**defaults, **more})  # type: ignore[arg-type]


@dataclass
class Walker:
    """A road user for `session`: present from frame `enters` on, one point per frame (None: not seen)."""

    trajectory: Sequence[Pair | None]
    road_user: str | Sequence[str] = "pedestrian"
    final: str | None = ""
    enters: int = 0
    backfilled: int = 0
    size: Mapping[str, float] = field(default_factory=dict)

    def class_at(self, i: int) -> str:
        return self.road_user if isinstance(self.road_user, str) else self.road_user[i]


def session(walkers: Sequence[Walker], camera: str = "c", name: str = "s") -> list[TrackedFrame]:
    """The messages of one whole session, track ids from 0."""
    objects: dict[int, list[TrackedObject]] = {}
    ended: dict[int, list[TrackEnd]] = {}
    frames = max(walker.enters + len(walker.trajectory) for walker in walkers)
    for track_id, walker in enumerate(walkers):
        seen = [(i, point) for i, point in enumerate(walker.trajectory) if point is not None]
        hidden, shown = seen[: walker.backfilled], seen[walker.backfilled :]
        for number, (i, point) in enumerate(shown):
            backfill = tuple(
                PastPosition(START_US + (walker.enters + j) * STEP_US, box_at(*p, **walker.size)) for j, p in hidden
            )
            objects.setdefault(walker.enters + i, []).append(
                TrackedObject(
                    track_id,
                    box_at(*point, **walker.size),
                    walker.class_at(i),
                    0.8,
                    first=number == 0,
                    backfill=backfill if number == 0 else (),
                )
            )
        final = walker.class_at(len(walker.trajectory) - 1) if walker.final == "" else walker.final
        ended.setdefault(walker.enters + len(walker.trajectory), []).append(TrackEnd(track_id, final))
    messages = [message(i, objects.get(i, ()), ended.get(i, ()), camera=camera, session=name) for i in range(frames)]
    messages.append(
        message(
            frames,
            (),
            ended.get(frames, ()),
            camera=camera,
            session=name,
            captured_at_us=messages[-1].captured_at_us,
            span_us=0,
            last=True,
        )
    )
    return messages


class Table:
    """Rows by key, kept as a store keeps them: the newest wins, but none replaces a final one by a provisional."""

    def __init__(self) -> None:
        self.rows: dict[tuple[object, ...], object] = {}
        self.observed: dict[tuple[str, str, int], CoverageRow] = {}

    def add(self, rows: Rows) -> None:
        for kind, batch in (("crossing", rows.crossings), ("visit", rows.visits), ("movement", rows.movements)):
            for row in batch:
                place = getattr(row, {"crossing": "line", "visit": "zone"}.get(kind, "movement"))
                key = (kind, row.camera, row.session, row.track_id, place, row.ordinal)
                old = self.rows.get(key)
                if old is None or row.final or not old.final:  # type: ignore[attr-defined]
                    self.rows[key] = row
        for c in rows.coverage:
            old_c = self.observed.get((c.camera, c.session, c.minute_us), c)
            self.observed[c.camera, c.session, c.minute_us] = CoverageRow(
                c.camera,
                c.session,
                c.minute_us,
                max(c.observed_us, old_c.observed_us),
                max(c.frames, old_c.frames),
                max(c.dropped, old_c.dropped),
            )
        for voided in rows.voided:
            track = voided.camera, voided.session, voided.track_id
            self.rows = {key: row for key, row in self.rows.items() if key[1:4] != track}

    def of(self, kind: str) -> list[object]:
        return [row for key, row in sorted(self.rows.items(), key=str) if key[0] == kind]

    @property
    def crossings(self) -> list[Crossing]:
        return [row for row in self.of("crossing") if isinstance(row, Crossing)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Table) and self.rows == other.rows and self.observed == other.observed

    __hash__ = None  # type: ignore[assignment]


def counted(camera: Camera, messages: Iterable[TrackedFrame]) -> Table:
    """What a fresh aggregator makes of the messages."""
    aggregator, table = CountingStage([camera]), Table()
    for each in messages:
        table.add(aggregator.add(TrackedBatch.of([each])))
    return table
