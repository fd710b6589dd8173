"""Synthetic traffic with known counts: tracked frames of any number of cameras, without pictures or a GPU.

Every camera has the same geometry: a counting line in the middle, a zone right of it, and a movement from the line to
the zone. Road users cross, stop, turn back, stay on their side, change their class or are withdrawn. The same arguments
always give the same messages; positions are multiples of 1/4096, which the wire format keeps exactly, so rows can be
compared to the microsecond.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from aforo.address import Address
from aforo.config.camera import CameraSection
from aforo.config.geometry import LineSection, MovementSection, ZoneSection
from aforo.model import MICROSECONDS, Box, PastPosition, TrackedFrame, TrackedObject, TrackEnd
from aforo.ports import Clock

START_US = 1_767_250_800 * MICROSECONDS
"""2026-01-01 07:00 UTC: the first frame of every simulation, unless another time is given."""

LINE_X, ZONE_X = 0.5, (0.6, 0.8)
_GRID = 4096
_SIZE = (0.04, 0.08)
_LIFE_S = (4.0, 12.0)
_BACKFILLED = 2
_PLANS: dict[str, tuple[tuple[float, float], ...]] = {
    "straight": ((0.0, 0.1), (1.0, 0.9)),
    "stopping": ((0.0, 0.1), (0.35, 0.4), (0.7, 0.4), (1.0, 0.9)),
    "returning": ((0.0, 0.1), (0.5, 0.7), (1.0, 0.1)),
    "beside": ((0.0, 0.1), (1.0, 0.4)),
}
"""Knots (share of the journey, x) of each plan; half of the road users go in the mirrored direction."""
_CLASSES = ("pedestrian", "cyclist", "motorcyclist", "car", "bus", "truck")


def camera_id(number: int) -> str:
    """The id of the simulated camera of that number, from 0."""
    return f"sim-{number:05d}"


def camera_section(number: int) -> CameraSection:
    """The configuration of a simulated camera."""
    name = camera_id(number)
    left, right = ZONE_X
    return CameraSection(
        id=name,
        source=(Address("simulated"),),
        lines=[LineSection(id=f"{name}-line", points=[(LINE_X, 0.0), (LINE_X, 1.0)])],
        zones=[ZoneSection(id=f"{name}-zone", polygon=[(left, 0.01), (right, 0.01), (right, 0.99), (left, 0.99)])],
        movements=[
            MovementSection.model_validate(
                {"id": f"{name}-turn", "from": {"line": f"{name}-line"}, "to": {"zone": f"{name}-zone"}}
            )
        ],
    )


@dataclass(slots=True)
class _Journey:
    """One road user from its first to its last frame.

    Attributes:
        track_id: within the session.
        boxes: one per frame.
        road_user: its final class.
        at_first: its class in the first half.
        is_withdrawn: whether it ends as no road user.
        age: frames sent so far.
    """

    track_id: int
    boxes: list[Box]
    road_user: str
    at_first: str
    is_withdrawn: bool
    age: int = 0


@dataclass(slots=True)
class ExpectedCounts:
    """The expected counts, from the plans alone.

    Attributes:
        crossings: road users by (line, direction, class).
        visits: by (zone, class).
        movements: by (movement, class).
    """

    crossings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)
    movements: Counter[tuple[str, str]] = field(default_factory=Counter)

    def document(self) -> dict[str, list[dict[str, str | int]]]:
        """The counts as lists of objects, for JSON."""
        return {
            "crossings": [
                {"line": line, "direction": direction, "road_user": road_user, "count": count}
                for (line, direction, road_user), count in sorted(self.crossings.items())
            ],
            "visits": [
                {"zone": zone, "road_user": road_user, "count": count}
                for (zone, road_user), count in sorted(self.visits.items())
            ],
            "movements": [
                {"movement": movement, "road_user": road_user, "count": count}
                for (movement, road_user), count in sorted(self.movements.items())
            ],
        }


class SimulatedCamera:
    """The traffic of one camera.

    Args:
        number: of the camera, from 0.
        fps: frames per second.
        road_users: number present at a time.
        seed: of the random numbers.
        start_us: event time of the first frame.
        session: of its messages.
        expected: gets the counts of each journey at its end.
    """

    def __init__(
        self,
        number: int,
        *,
        fps: float,
        road_users: int,
        seed: int,
        expected: ExpectedCounts,
        start_us: int = START_US,
        session: str = "simulated",
    ) -> None:
        self.camera, self.session = camera_id(number), f"{session}-{seed}"
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311 -- traffic, not secrets
        self._fps, self._start_us, self._expected = fps, start_us, expected
        self._span_us = round(MICROSECONDS / fps)
        self._index = 0
        self._tracks = 0
        self._alive: list[_Journey] = [self._new_journey() for _ in range(road_users)]

    def next_frame(self) -> TrackedFrame:
        """The next message."""
        at_us = self._start_us + self._index * self._span_us
        objects: list[TrackedObject] = []
        ended: list[TrackEnd] = []
        for slot, journey in enumerate(self._alive):
            objects.append(self._seen(journey, at_us))
            journey.age += 1
            if journey.age == len(journey.boxes):
                ended.append(self._end(journey))
                self._alive[slot] = self._new_journey()
        frame = self._frame(at_us, self._span_us, tuple(objects), tuple(ended))
        self._index += 1
        return frame

    def last_frame(self) -> TrackedFrame:
        """The message that closes the session; open tracks are withdrawn, so that no journey is half counted."""
        ended = tuple(TrackEnd(journey.track_id, None) for journey in self._alive if journey.age)
        at_us = self._start_us + max(self._index - 1, 0) * self._span_us
        return self._frame(at_us, 0, (), ended, last=True)

    def _frame(
        self,
        at_us: int,
        span_us: int,
        objects: tuple[TrackedObject, ...],
        ended: tuple[TrackEnd, ...],
        *,
        last: bool = False,
    ) -> TrackedFrame:
        return TrackedFrame(
            self.camera, self.session, self._index, at_us, span_us, 1920, 1080, objects, ended, last=last
        )

    def _seen(self, journey: _Journey, at_us: int) -> TrackedObject:
        first = journey.age == 0
        backfill: tuple[PastPosition, ...] = ()
        if first:
            box = journey.boxes[0]
            backfill = tuple(PastPosition(at_us - back * self._span_us, box) for back in range(_BACKFILLED, 0, -1))
        half = 2 * journey.age < len(journey.boxes)
        name = journey.at_first if half else journey.road_user
        return TrackedObject(journey.track_id, journey.boxes[journey.age], name, 0.75, first, backfill)

    def _new_journey(self) -> _Journey:
        chance = self._random
        plan = chance.choice(tuple(_PLANS))
        road_user = chance.choice(_CLASSES)
        mirrored = chance.random() < 0.5  # noqa: PLR2004 -- one in two
        is_withdrawn = chance.random() < 0.1  # noqa: PLR2004 -- one in ten
        at_first = chance.choice(_CLASSES) if chance.random() < 0.3 else road_user  # noqa: PLR2004
        frames = max(8, round(chance.uniform(*_LIFE_S) * self._fps))
        y = chance.uniform(0.15, 0.9)
        self._tracks += 1
        xs = (_along(_PLANS[plan], index / (frames - 1)) for index in range(frames))
        boxes = [_box(1.0 - x if mirrored else x, y) for x in xs]
        return _Journey(self._tracks, boxes, road_user, at_first, is_withdrawn)

    def _end(self, journey: _Journey) -> TrackEnd:
        if journey.is_withdrawn:
            return TrackEnd(journey.track_id, None)
        self._add_expected(journey)
        return TrackEnd(journey.track_id, journey.road_user)

    def _add_expected(self, journey: _Journey) -> None:
        """Add the counts of an ended journey, from its positions: side of the line, inside the zone."""
        expected, name = self._expected, self.camera
        xs = [(box.x1 + box.x2) / 2 for box in journey.boxes]
        crossed = inside = False
        for before, after in itertools.pairwise(xs):
            if (before < LINE_X) != (after < LINE_X):
                expected.crossings[f"{name}-line", "right" if after > before else "left", journey.road_user] += 1
                crossed = True
            was, inside = inside, ZONE_X[0] < after < ZONE_X[1]
            if inside and not was:
                expected.visits[f"{name}-zone", journey.road_user] += 1
                if crossed:
                    expected.movements[f"{name}-turn", journey.road_user] += 1
                    crossed = False


def traffic(
    cameras: range, *, fps: float, road_users: int, seconds: float, seed: int, start_us: int = START_US
) -> tuple[Iterator[TrackedFrame], ExpectedCounts]:
    """All messages of some cameras in order of time, and the expected counts, complete after the last message.

    Args:
        cameras: their numbers.
        fps: frames per second of each camera.
        road_users: number present in each camera at a time.
        seconds: of traffic; then every session is closed.
        seed: of the random numbers.
        start_us: event time of the first frames.
    """
    expected = ExpectedCounts()
    sources = [
        SimulatedCamera(number, fps=fps, road_users=road_users, seed=seed, start_us=start_us, expected=expected)
        for number in cameras
    ]

    def messages() -> Iterator[TrackedFrame]:
        for _ in range(round(seconds * fps)):
            for source in sources:
                yield source.next_frame()
        for source in sources:
            yield source.last_frame()

    return messages(), expected


def paced(messages: Iterator[TrackedFrame], clock: Clock) -> Iterator[TrackedFrame]:
    """Yield messages in real time, from the first one on."""
    began: tuple[float, int] | None = None
    for message in messages:
        if began is None:
            began = clock.monotonic_s(), message.captured_at_us
        due_s = began[0] + (message.captured_at_us - began[1]) / MICROSECONDS
        if (early_s := due_s - clock.monotonic_s()) > 0:
            clock.sleep(early_s)
        yield message


def _along(plan: tuple[tuple[float, float], ...], share: float) -> float:
    for (share0, x0), (share1, x1) in itertools.pairwise(plan):
        if share <= share1:
            return x0 + (x1 - x0) * (share - share0) / (share1 - share0)
    return plan[-1][1]


def _box(x: float, y: float) -> Box:
    width, height = _SIZE
    x1, y1 = round((x - width / 2) * _GRID) / _GRID, round((y - height) * _GRID) / _GRID
    return Box(x1, y1, x1 + round(width * _GRID) / _GRID, y1 + round(height * _GRID) / _GRID)
