"""The value types of the whole pipeline, on one page.

    Frame -> (detections) -> TrackedFrame -> Crossing, Visit, Movement, Coverage, Trajectory -> Volume

Coordinates: boxes and points are fractions of the frame, origin top-left, x to the right, y down (0..1), unless a name
ends in `_px`. Times: `_us` is microseconds since 1970-01-01 UTC in event time, the instant at which the camera saw it;
an integer, so that it passes through every store unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MICROSECONDS = 1_000_000
MINUTE_US = 60 * MICROSECONDS

ROAD_USERS = ("pedestrian", "cyclist", "motorcyclist", "car", "bus", "truck", "other")
"""The road users of the default configuration, in the order of tables and reports. A site may name more."""

RIDERS = ("cyclist", "motorcyclist")
"""Those of them who ride a machine, a bicycle or motorcycle, which is detected apart from its rider."""

LOWEST_CONFIDENCE = 0.15
"""Detections of lower confidence leave no detector and are not tracked; but see `LOWEST_MACHINE_CONFIDENCE`."""

LOWEST_MACHINE_CONFIDENCE = 0.05
"""The same of bicycles and motorcycles: those below `LOWEST_CONFIDENCE` are not tracked, but tell riders apart."""

Image = npt.NDArray[np.uint8]
"""A picture, shape (height, width, 3), BGR."""


class PlaceKind(StrEnum):
    """Where road users are counted. Lines and zones have volumes in the store, movements only single rows.

    >>> PlaceKind("line") is PlaceKind.LINE, f"counted by {PlaceKind.ZONE}"
    (True, 'counted by zone')
    """

    LINE = "line"
    ZONE = "zone"
    MOVEMENT = "movement"


class Point(NamedTuple):
    """A point in the frame, as fractions of its width and height.

    >>> Point(x=0.5, y=1.0)  # the middle of the frame's lower edge
    Point(x=0.5, y=1.0)
    """

    x: float
    y: float


BORDER = 0.005
"""How near to the frame's border a box counts as cut by it, as a share of the frame."""


class Box(NamedTuple):
    """An upright box in the frame, as fractions of its width and height; `x1 < x2`, `y1 < y2`.

    >>> car = Box(0.25, 0.5, 0.75, 1.0)
    >>> car.width, car.height, car.bottom_centre
    (0.5, 0.5, Point(x=0.5, y=1.0))
    """

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width as a share of the frame's width."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height as a share of the frame's height."""
        return self.y2 - self.y1

    @property
    def touches_border(self) -> bool:
        """Whether the frame's border may cut the road user: then the size tells nothing."""
        return self.x1 < BORDER or self.y1 < BORDER or self.x2 > 1 - BORDER or self.y2 > 1 - BORDER

    @property
    def bottom_centre(self) -> Point:
        """Where the road user touches the ground: the default anchor."""
        return Point((self.x1 + self.x2) / 2, self.y2)

    @property
    def centre(self) -> Point:
        """The middle of the box."""
        return Point((self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded picture of one camera.

    >>> frame = Frame("north", "s1", 0, 1_700_000_000_000_000, np.zeros((1080, 1920, 3), np.uint8))
    >>> frame.image.shape  # height, width, BGR
    (1080, 1920, 3)

    Attributes:
        camera: the camera's id.
        session: one unbroken run of the camera's clock and track ids: a reading of a recording, or a connection.
        index: 0-based position among the frames that the source decoded, dropped ones included.
        captured_at_us: event time.
        image: the picture.
        dropped: frames thrown away unseen since the previous frame that was handed on.
    """

    camera: str
    session: str
    index: int
    captured_at_us: int
    image: Image
    dropped: int = 0


class PastPosition(NamedTuple):
    """The box of a road user at an earlier instant, event time.

    >>> PastPosition(1_700_000_000_000_000, Box(0.25, 0.5, 0.75, 1.0)).box.centre
    Point(x=0.5, y=0.75)
    """

    at_us: int
    box: Box


@dataclass(frozen=True, slots=True)
class TrackedObject:
    """A road user in one frame.

    >>> earlier = PastPosition(1_700_000_000_000_000, Box(0.25, 0.5, 0.75, 1.0))
    >>> car = TrackedObject(7, Box(0.3, 0.5, 0.8, 1.0), "car", 0.9, first=True, backfill=(earlier,))
    >>> [past.at_us for past in car.backfill]
    [1700000000000000]

    Attributes:
        track_id: unique within camera and session, never used again.
        box: of the whole road user (rider and machine joined).
        road_user: the best class so far.
        confidence: of the detection in this frame, 0..1.
        first: True in the first message of the track; who comes in later has not seen its beginning.
        backfill: positions before the track was confirmed, oldest first; only in the track's first message.
    """

    track_id: int
    box: Box
    road_user: str
    confidence: float
    first: bool = False
    backfill: tuple[PastPosition, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackEnd:
    """The last word on a track.

    >>> TrackEnd(7, "bus").road_user
    'bus'
    >>> TrackEnd(8, None).road_user is None  # it was the bicycle of another track
    True

    Attributes:
        track_id: the track that will not be seen again.
        road_user: the class voted over its whole life; None when the track was no road user by itself (a rider's
            machine that another track counts, a parked bicycle): all its rows are then withdrawn.
        class_confidence: the probability that this class is right, 0..1; None where nobody can tell.
    """

    track_id: int
    road_user: str | None
    class_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class TrackedFrame:
    """All road users of one analysed frame: the message that travels on the bus, also when nobody is there.

    >>> empty = TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080)
    >>> empty.span_us / MICROSECONDS, empty.objects  # a tenth of a second was watched, and nobody was there
    (0.1, ())

    Attributes:
        camera, session, index, captured_at_us: as in `Frame`.
        span_us: the time this frame stands for as an observation: since the previous analysed frame, cut at the
            longest gap that still counts as watching.
        width_px, height_px: of the picture.
        objects: confirmed road users seen in this frame.
        ended: tracks that ended since the previous message.
        dropped: frames thrown away unseen since the previous message.
        last: True in the message that closes a session; it has no objects and observes nothing.
    """

    camera: str
    session: str
    index: int
    captured_at_us: int
    span_us: int
    width_px: int
    height_px: int
    objects: tuple[TrackedObject, ...] = ()
    ended: tuple[TrackEnd, ...] = ()
    dropped: int = 0
    last: bool = False


@dataclass(frozen=True, slots=True)
class Crossing:
    """One track passing one counting line once.

    Key: camera, session, track_id, line, ordinal (0 for the track's first crossing of that line).

    >>> row = Crossing("north", "s1", 7, "stop", 0, 9_000_000, "in", "car", final=False, geometry="34464a1f799f")
    >>> row.line, row.direction, row.final
    ('stop', 'in', False)

    Attributes:
        at_us: when the anchor was on the line, interpolated between frames.
        direction: the line's own name for the direction.
        final: False while the track is open: the class may still change, or the row be taken back.
        geometry: version of the line it was counted with.
        class_confidence: the probability that the class of a final row is right, 0..1; None where nobody can tell.
    """

    camera: str
    session: str
    track_id: int
    line: str
    ordinal: int
    at_us: int
    direction: str
    road_user: str
    final: bool
    geometry: str
    class_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay of one track in one zone. Key: camera, session, track_id, zone, ordinal.

    >>> row = Visit("north", "s1", 7, "bay", 0, 5_000_000, 17_500_000, "truck", final=True, geometry="5b0c63f0c1d2")
    >>> (row.left_at_us - row.entered_at_us) / MICROSECONDS  # dwell time, seconds
    12.5

    Attributes:
        left_at_us: None while the road user is still inside.
    """

    camera: str
    session: str
    track_id: int
    zone: str
    ordinal: int
    entered_at_us: int
    left_at_us: int | None
    road_user: str
    final: bool
    geometry: str


@dataclass(frozen=True, slots=True)
class Movement:
    """One track from one gate to another. Key: camera, session, track_id, movement, ordinal.

    >>> row = Movement("north", "s1", 7, "turn", 0, 5_000_000, 9_000_000, "bus", final=True, geometry="a2f2d3f2a9b0")
    >>> (row.at_us - row.entered_at_us) / MICROSECONDS  # seconds between the gates
    4.0

    Attributes:
        entered_at_us, at_us: passage of the first gate and of the second.
    """

    camera: str
    session: str
    track_id: int
    movement: str
    ordinal: int
    entered_at_us: int
    at_us: int
    road_user: str
    final: bool
    geometry: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What one camera's session really observed of one minute. Key: camera, session, minute_us.

    Writing a row again keeps the larger figures, so that a replay that starts inside the minute takes nothing away.

    >>> row = Coverage("north", "s1", minute_us=0, observed_us=45_000_000, frames=450, dropped=3)
    >>> row.observed_us / MINUTE_US  # share of the minute
    0.75
    """

    camera: str
    session: str
    minute_us: int
    observed_us: int
    frames: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The trajectory of one ended track, simplified. Key: camera, session, track_id.

    >>> from aforo.tracked_batch import POSITION
    >>> points = np.array([(0, (0.1, 0.2, 0.3, 0.4)), (1_000_000, (0.2, 0.2, 0.4, 0.4))], POSITION)
    >>> row = Trajectory("north", "s1", 7, 0, 1_000_000, "car", 16 / 9, points.tobytes())
    >>> np.frombuffer(row.points, POSITION)["at_us"].tolist()
    [0, 1000000]

    Attributes:
        aspect: width over height of the frame.
        points: the bytes of as many `aforo.tracked_batch.POSITION`, in the order of time; between two of them the box
            moves straight and at constant speed, within the error that `aggregate.counting.trajectories` states.
    """

    camera: str
    session: str
    track_id: int
    started_at_us: int
    ended_at_us: int
    road_user: str
    aspect: float
    points: bytes


@dataclass(frozen=True, slots=True)
class TrackKey:
    """A track, everywhere.

    >>> TrackKey("north", "s1", 7) == TrackKey("south", "s1", 7)
    False

    Attributes:
        since_us: when it was first seen, where that is known: none of its rows is older.
    """

    camera: str
    session: str
    track_id: int
    since_us: int = 0


@dataclass(slots=True)
class Rows:
    """A batch of rows for the store.

    Writing it twice changes nothing; a final row is never replaced by a provisional one.

    >>> rows = Rows(coverage=[Coverage("north", "s1", 0, MINUTE_US, 600, 0)])
    >>> rows.extend(Rows(voided=[TrackKey("south", "s2", 7)]))
    >>> sorted(rows.cameras()), bool(Rows())
    (['north', 'south'], False)

    Attributes:
        voided: tracks that turned out to be no road user by themselves: all their rows are removed.
    """

    crossings: list[Crossing] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    voided: list[TrackKey] = field(default_factory=list)
    trajectories: list[Trajectory] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(
            self.crossings or self.visits or self.movements or self.coverage or self.voided or self.trajectories
        )

    def __len__(self) -> int:
        """How many rows, of all kinds."""
        return sum(map(len, self.by_kind()))

    def cameras(self) -> set[str]:
        """The cameras that it has rows of."""
        return {row.camera for batch in self.by_kind() for row in batch}

    def by_kind(self) -> tuple[Sequence[Any], ...]:
        """The rows kind after kind, in the order of the fields; every one has a camera and a session."""
        return self.crossings, self.visits, self.movements, self.coverage, self.voided, self.trajectories

    def extend(self, other: Rows) -> None:
        """Append the rows of another batch, behind these."""
        self.crossings += other.crossings
        self.visits += other.visits
        self.movements += other.movements
        self.coverage += other.coverage
        self.voided += other.voided
        self.trajectories += other.trajectories


@dataclass(frozen=True, slots=True)
class Volume:
    """Road users in one interval: of a line by direction, of a zone by entry (direction "entered").

    >>> volume = Volume(0, PlaceKind.LINE, "stop", "in", "car", count=12, provisional=2)
    >>> volume.count - volume.provisional  # counted for good
    10

    Attributes:
        start_us: start of the interval, inclusive; intervals of an hour or a day are local to the site.
        kind: line or zone.
        place: the id of the line or zone.
        count: road users; `provisional` of them are of tracks still open.
    """

    start_us: int
    kind: PlaceKind
    place: str
    direction: str
    road_user: str
    count: int
    provisional: int


@dataclass(frozen=True, slots=True)
class CoverageShare:
    """The observed time of one camera in one interval (`start_us` inclusive), all its sessions together.

    >>> CoverageShare(0, "north", observed_us=45_000_000, frames=450, dropped=3).observed_us / MINUTE_US
    0.75
    """

    start_us: int
    camera: str
    observed_us: int
    frames: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Recount:
    """What a recount did.

    >>> done = Recount(PlaceKind.LINE, "stop", "34464a1f799f", tracks=120, count=97)
    >>> f"{done.count} crossings of {done.tracks} tracks"
    '97 crossings of 120 tracks'

    Attributes:
        kind: line or zone.
        place: its id.
        geometry: the version of it that was counted with.
        tracks: counted anew.
        count: crossings of the line, or visits to the zone, that these tracks have now.
    """

    kind: PlaceKind
    place: str
    geometry: str
    tracks: int
    count: int
