"""Synthetic traffic with a known answer: tracked frames of any number of cameras, without a picture or a GPU.

Every camera has the same geometry: a counting line down the middle, a zone right of it, and a movement from the one to
the other. Road users go straight across, stop on the way, turn back, stay on their side, change their class or turn
out to be nobody. The same arguments always give the same messages, and positions are such that the wire keeps them
exactly (multiples of 1/4096), so that rows can be compared to the last microsecond.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import SecretStr

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
"""Where a road user is (x) after which share of its life; the other half of them go the mirrored way."""
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
        source=SecretStr("simulated"),
        lines=[LineSection(id=f"{name}-line", points=[(LINE_X, 0.0), (LINE_X, 1.0)])],
        zones=[ZoneSection(id=f"{name}-zone", polygon=[(left, 0.01), (right, 0.01), (right, 0.99), (left, 0.99)])],
        movements=[
            MovementSection.model_validate(
                {"id": f"{name}-turn", "from": {"line": f"{name}-line"}, "to": {"zone": f"{name}-zone"}}
            )
        ],
    )


@dataclass(slots=True)
class _Life:
    """One road user, from its first frame to its last."""

    track_id: int
    boxes: list[Box]
    road_user: str
    at_first: str
    nobody: bool
    age: int = 0


@dataclass(slots=True)
class Answer:
    """What must be counted, known from the plans alone.

    Attributes:
        crossings: road users by (line, direction, class).
        visits: by (zone, class).
        movements: by (movement, class).
    """

    crossings: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    visits: Counter[tuple[str, str]] = field(default_factory=Counter)
    movements: Counter[tuple[str, str]] = field(default_factory=Counter)

    def document(self) -> dict[str, list[dict[str, str | int]]]:
        """The answer as lists of objects, for JSON."""
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
        road_users: present at a time.
        seed: another one is another traffic.
        start_us: event time of the first frame.
        session: of its messages.
        answer: is told what is to be counted.
    """

    def __init__(
        self,
        number: int,
        *,
        fps: float,
        road_users: int,
        seed: int,
        answer: Answer,
        start_us: int = START_US,
        session: str = "simulated",
    ) -> None:
        self.camera, self.session = camera_id(number), f"{session}-{seed}"
        self._random = random.Random(f"{seed}/{number}")  # noqa: S311 -- traffic, not secrets
        self._fps, self._start_us, self._answer = fps, start_us, answer
        self._span_us = round(MICROSECONDS / fps)
        self._index = 0
        self._tracks = 0
        self._alive: list[_Life] = [self._new_life() for _ in range(road_users)]

    def next_frame(self) -> TrackedFrame:
        """The next message."""
        at_us = self._start_us + self._index * self._span_us
        objects: list[TrackedObject] = []
        ended: list[TrackEnd] = []
        for slot, life in enumerate(self._alive):
            objects.append(self._seen(life, at_us))
            life.age += 1
            if life.age == len(life.boxes):
                ended.append(self._end(life))
                self._alive[slot] = self._new_life()
        frame = self._frame(at_us, self._span_us, tuple(objects), tuple(ended))
        self._index += 1
        return frame

    def last_frame(self) -> TrackedFrame:
        """The message that closes the session; who is on the way then is nobody, so that nothing is half done."""
        ended = tuple(TrackEnd(life.track_id, None) for life in self._alive if life.age)
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

    def _seen(self, life: _Life, at_us: int) -> TrackedObject:
        first = life.age == 0
        backfill: tuple[PastPosition, ...] = ()
        if first:
            box = life.boxes[0]
            backfill = tuple(PastPosition(at_us - back * self._span_us, box) for back in range(_BACKFILLED, 0, -1))
        half = 2 * life.age < len(life.boxes)
        name = life.at_first if half else life.road_user
        return TrackedObject(life.track_id, life.boxes[life.age], name, 0.75, first, backfill)

    def _new_life(self) -> _Life:
        chance = self._random
        plan = chance.choice(tuple(_PLANS))
        road_user = chance.choice(_CLASSES)
        mirrored = chance.random() < 0.5  # noqa: PLR2004 -- one in two
        nobody = chance.random() < 0.1  # noqa: PLR2004 -- one in ten
        at_first = chance.choice(_CLASSES) if chance.random() < 0.3 else road_user  # noqa: PLR2004
        frames = max(8, round(chance.uniform(*_LIFE_S) * self._fps))
        y = chance.uniform(0.15, 0.9)
        self._tracks += 1
        xs = (_along(_PLANS[plan], index / (frames - 1)) for index in range(frames))
        boxes = [_box(1.0 - x if mirrored else x, y) for x in xs]
        return _Life(self._tracks, boxes, road_user, at_first, nobody)

    def _end(self, life: _Life) -> TrackEnd:
        if life.nobody:
            return TrackEnd(life.track_id, None)
        self._tell(life)
        return TrackEnd(life.track_id, life.road_user)

    def _tell(self, life: _Life) -> None:
        """Add to the answer what the ended track did, by looking at where it was: sides of the line, zone or not."""
        answer, name = self._answer, self.camera
        xs = [(box.x1 + box.x2) / 2 for box in life.boxes]
        crossed = inside = False
        for before, after in itertools.pairwise(xs):
            if (before < LINE_X) != (after < LINE_X):
                answer.crossings[f"{name}-line", "right" if after > before else "left", life.road_user] += 1
                crossed = True
            was, inside = inside, ZONE_X[0] < after < ZONE_X[1]
            if inside and not was:
                answer.visits[f"{name}-zone", life.road_user] += 1
                if crossed:
                    answer.movements[f"{name}-turn", life.road_user] += 1
                    crossed = False


def traffic(
    cameras: range, *, fps: float, road_users: int, seconds: float, seed: int, start_us: int = START_US
) -> tuple[Iterator[TrackedFrame], Answer]:
    """All messages of those cameras, in the order of their times, and the answer, complete after the last of them.

    Args:
        cameras: their numbers.
        fps: frames per second of each.
        road_users: present in each at a time.
        seconds: of traffic; then every session is closed.
        seed: another one is another traffic.
        start_us: event time of the first frames.
    """
    answer = Answer()
    sources = [
        SimulatedCamera(number, fps=fps, road_users=road_users, seed=seed, start_us=start_us, answer=answer)
        for number in cameras
    ]

    def messages() -> Iterator[TrackedFrame]:
        for _ in range(round(seconds * fps)):
            for source in sources:
                yield source.next_frame()
        for source in sources:
            yield source.last_frame()

    return messages(), answer


def paced(messages: Iterator[TrackedFrame], clock: Clock) -> Iterator[TrackedFrame]:
    """Hand messages on when their time has come, counted from the first one."""
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
