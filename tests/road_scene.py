"""Road users as a detector would report them, made by hand: the input of the tracking stage, and what is counted of it.

The picture is 1000 × 500 pixels. A `Thing` is what gets one box; an `Actor` is one or more things that go together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import supervision as sv
from trajectories import Table, counted

from aforo.model import MICROSECONDS, Frame, Point, TrackedFrame
from aforo.site import Camera, Line
from track.tracker import CameraTracker

WIDTH, HEIGHT = 1000, 500
LABELS = ("person", "bicycle", "car", "motorcycle", "bus", "truck", "something else")
ROAD_USERS = ("pedestrian", "cyclist", "car", "motorcyclist", "bus", "truck", None)
START_US = 1_700_000_040_000_000

MIDDLE = Line("middle", (Point(0.5, 0.0), Point(0.5, 1.0)), ("left", "right"))

Seen = Callable[[int], bool]
Pair = tuple[float, float]


def always(_: int) -> bool:
    return True


def every(n: int, offset: int = 0) -> Seen:
    """Detected only in every n-th frame."""
    return lambda frame: frame % n == offset % n


def except_frames(first: int, last: int) -> Seen:
    """Not detected from one frame to another, both included."""
    return lambda frame: not first <= frame <= last


@dataclass(frozen=True)
class Thing:
    """What gets one box: its size and where it is relative to the actor's place on the ground, pixels."""

    label: str | Callable[[int], str]
    width: float
    height: float
    dx: float = 0.0
    raised: float = 0.0
    confidence: float | Callable[[int], float] = 0.8
    seen: Seen = always


@dataclass(frozen=True)
class Actor:
    """Things that go together: where they stand (pixels) at a time (s), and while they are there."""

    position_at: Callable[[float], Pair]
    things: Sequence[Thing]
    from_s: float = 0.0
    to_s: float = 1e9


def going(x: float, speed: float, y: float = 400.0, climb: float = 0.0) -> Callable[[float], Pair]:
    """Evenly to the right (or left) from x at time 0; speeds in pixels per second."""
    return lambda t: (x + speed * t, y + climb * t)


def standing(x: float, y: float = 400.0) -> Callable[[float], Pair]:
    return lambda _: (x, y)


def person(**changes: object) -> Thing:
    return Thing(**({"label": "person", "width": 35, "height": 90} | changes))  # type: ignore[arg-type]


def rider(**changes: object) -> Thing:
    """A person on a two-wheeler: the feet are above the ground."""
    return person(**({"raised": 18, "height": 85} | changes))


def bicycle(**changes: object) -> Thing:
    return Thing(**({"label": "bicycle", "width": 80, "height": 55, "confidence": 0.6} | changes))  # type: ignore[arg-type]


def motorcycle(**changes: object) -> Thing:
    return Thing(**({"label": "motorcycle", "width": 90, "height": 60, "confidence": 0.6} | changes))  # type: ignore[arg-type]


def car(**changes: object) -> Thing:
    return Thing(**({"label": "car", "width": 160, "height": 80} | changes))  # type: ignore[arg-type]


def bus(**changes: object) -> Thing:
    return Thing(**({"label": "bus", "width": 320, "height": 150} | changes))  # type: ignore[arg-type]


@dataclass
class Outcome:
    """What the tracker said, and what the counting made of it for a line in the middle of the picture."""

    messages: list[TrackedFrame]
    table: Table = field(init=False)

    def __post_init__(self) -> None:
        self.table = counted(Camera("c", (MIDDLE,)), self.messages)

    @property
    def users(self) -> Counter[str]:
        """Road users by their final class, those taken back left out."""
        return Counter(end.road_user for each in self.messages for end in each.ended if end.road_user is not None)

    @property
    def crossings(self) -> Counter[tuple[str, str]]:
        """(direction, road user) of every crossing that stands in the end."""
        assert all(row.final for row in self.table.crossings)
        return Counter((row.direction, row.road_user) for row in self.table.crossings)

    @property
    def ids(self) -> list[int]:
        """Of every road user that is not taken back, in the order of their end."""
        return [end.track_id for each in self.messages for end in each.ended if end.road_user is not None]

    def first_seen_s(self, track_id: int) -> float:
        """When a road user was first seen, backfilled positions included, seconds from the start."""
        times = [
            at_us
            for each in self.messages
            for seen in each.objects
            if seen.track_id == track_id
            for at_us in (each.captured_at_us, *(past.at_us for past in seen.backfill))
        ]
        return (min(times) - START_US) / MICROSECONDS


def detections(
    actors: Sequence[Actor], frame: int, at_s: float, rng: np.random.Generator, noise: float
) -> sv.Detections:
    """What a detector reports of the actors at that time; boxes are cut at the border of the picture."""
    boxes, confidence, classes = [], [], []
    for actor in actors:
        if not actor.from_s <= at_s <= actor.to_s:
            continue
        x, y = actor.position_at(at_s)
        for thing in actor.things:
            shake = rng.standard_normal(4) * noise * np.array([thing.width, thing.height] * 2)
            if not thing.seen(frame):
                continue
            left, bottom = x + thing.dx - thing.width / 2, y - thing.raised
            box = np.array([left, bottom - thing.height, left + thing.width, bottom]) + shake
            box = np.clip(box, 0, [WIDTH, HEIGHT, WIDTH, HEIGHT])
            if (box[2:] - box[:2]).min() < 4:
                continue
            label = thing.label if isinstance(thing.label, str) else thing.label(frame)
            sure = thing.confidence if isinstance(thing.confidence, float) else thing.confidence(frame)
            boxes.append(box)
            confidence.append(sure)
            classes.append(LABELS.index(label))
    return sv.Detections(
        xyxy=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        confidence=np.array(confidence, dtype=np.float32),
        class_id=np.array(classes, dtype=int),
    )


def play(
    *actors: Actor,
    seconds: float = 10.0,
    fps: float = 10.0,
    times: Sequence[float] | None = None,
    noise: float = 0.01,
    seed: int = 0,
) -> Outcome:
    """Track and count a scene; `times` replaces the even time stamps of `fps`."""
    rng = np.random.default_rng(seed)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    tracker = CameraTracker(ROAD_USERS, fps)
    messages: list[TrackedFrame] = []
    for index, at_s in enumerate(times if times is not None else np.arange(0, seconds, 1 / fps)):
        frame = Frame("c", "s", index, START_US + round(at_s * MICROSECONDS), image)
        messages.append(tracker.update(frame, detections(actors, index, float(at_s), rng, noise)))
    messages.append(tracker.finish(messages[-1]))
    return Outcome(messages)
