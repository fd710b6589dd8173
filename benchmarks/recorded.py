"""What the default detector finds in the clips, kept in the cache: the network runs once, the rest is tried many times.

Also the clips as another camera would have seen them: mirrored, half as large, at night. Nothing of it is a picture.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import supervision as sv

from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.geometry import LineSection
from aforo.geometry import image_directions
from aforo.model import MICROSECONDS, Frame, Image, TrackedFrame
from aforo.ports import Tracker
from aforo.tracked_batch import TrackedBatch
from app.assemble import counting_stage, open_detector, road_users
from app.assets import manifest
from app.rows_in_memory import RowsInMemory
from app.validation.truth import LineResult, LineTruth
from ingest.file_source import RecordedSource
from track.tracker import CameraTracker

_IN_FLIGHT = 4
_START_US = 1_700_000_040 * MICROSECONDS


@dataclass(frozen=True, slots=True)
class Recorded:
    """The detections of one clip.

    Attributes:
        original_px: width and height of the clip as it is.
        times_us: of each frame, from the first.
        frames: detections in pixels.
        road_users: per class id, as `CameraTracker` takes them.
    """

    clip: str
    width_px: int
    height_px: int
    original_px: tuple[int, int]
    times_us: tuple[int, ...]
    frames: tuple[sv.Detections, ...]
    road_users: tuple[str | None, ...]

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return (len(self.times_us) - 1) * MICROSECONDS / (self.times_us[-1] - self.times_us[0])

    def every(self, n: int) -> Recorded:
        """Only every n-th frame."""
        return replace(self, times_us=self.times_us[::n], frames=self.frames[::n])

    def at_speed(self, factor: float) -> Recorded:
        """The same frames, as if the clip ran so many times as fast."""
        return replace(self, times_us=tuple(round(each / factor) for each in self.times_us))

    def without(self, dropped: Callable[[int], bool]) -> Recorded:
        """Without the frames of those indices."""
        kept = [i for i in range(len(self.frames)) if not dropped(i)]
        return replace(self, times_us=tuple(self.times_us[i] for i in kept), frames=tuple(self.frames[i] for i in kept))

    def mirrored(self) -> Recorded:
        """Left and right exchanged, box by box: another scene for all that comes behind the network."""

        def flipped(each: sv.Detections) -> sv.Detections:
            boxes = each.xyxy.copy()
            boxes[:, [0, 2]] = self.width_px - each.xyxy[:, [2, 0]]
            return sv.Detections(xyxy=boxes, confidence=each.confidence, class_id=each.class_id)

        return replace(self, frames=tuple(flipped(each) for each in self.frames))


def as_it_is(image: Image) -> Image:
    """The clip itself."""
    return image


def mirror(image: Image) -> Image:
    """Left and right exchanged."""
    return np.ascontiguousarray(image[:, ::-1])


def small(image: Image) -> Image:
    """Half as wide and high."""
    return np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def dark(image: Image) -> Image:
    """A third as bright, with the noise of a sensor at night; the same every time."""
    rng = np.random.default_rng(int(image[0, 0, 0]))
    noise = rng.standard_normal(image.shape[:2], dtype=np.float32)[..., None] * 7
    return np.clip(image * np.float32(0.35) + noise, 0, 255).astype(np.uint8)


VARIANTS: dict[str, Callable[[Image], Image]] = {"as it is": as_it_is, "mirror": mirror, "small": small, "dark": dark}


def recorded(path: Path, variant: str = "as it is", section: DetectorSection | None = None) -> Recorded:
    """The detections of a clip, from the cache or else from the network."""
    section = section or DetectorSection(precision="f32")  # the same on every machine
    sign = f"{path.stat().st_size} {variant} {section.model_dump_json()}"
    name = f"{path.stem}-{hashlib.sha256(sign.encode()).hexdigest()[:12]}.npz"
    file = manifest.cache_directory() / "detections" / name
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        _detect(path, VARIANTS[variant], section, file)
    with np.load(file) as kept:
        frame, boxes, confidence, classes = (kept[key] for key in ("frame", "boxes", "confidence", "classes"))
        times, size = kept["times_us"], [int(each) for each in kept["size"]]
        users = tuple(str(user) or None for user in kept["road_users"])
    frames = []
    for index in range(len(times)):
        rows = frame == index
        frames.append(sv.Detections(xyxy=boxes[rows], confidence=confidence[rows], class_id=classes[rows]))
    return Recorded(
        path.name, size[0], size[1], (size[2], size[3]), tuple(int(each) for each in times), tuple(frames), users
    )


def _detect(path: Path, change: Callable[[Image], Image], section: DetectorSection, file: Path) -> None:
    found: list[sv.Detections] = []
    times: list[int] = []
    size = original = (0, 0)
    source = RecordedSource(
        path, "c", starts_at_us=_START_US, timezone=ZoneInfo("UTC"), analyse_fps=None, clock=SystemClock()
    )
    with closing(open_detector(section)) as detector:
        waiting: deque[Future[sv.Detections]] = deque()
        for frame in source.frames():
            image = change(frame.image)
            size = image.shape[1], image.shape[0]
            original = frame.image.shape[1], frame.image.shape[0]
            times.append(frame.captured_at_us - _START_US)
            waiting.append(detector.submit(image))
            if len(waiting) > _IN_FLIGHT:
                found.append(waiting.popleft().result())
        found += [each.result() for each in waiting]
        users = road_users(detector, section)
    partial = file.with_suffix(".part.npz")
    np.savez_compressed(
        partial,
        frame=np.repeat(np.arange(len(found)), [len(each) for each in found]),
        boxes=np.concatenate([each.xyxy for each in found]),
        confidence=np.concatenate([each.confidence for each in found]),
        classes=np.concatenate([each.class_id for each in found]),
        times_us=np.array(times),
        size=np.array([*size, *original]),
        road_users=np.array([user or "" for user in users]),
    )
    partial.replace(file)


NewTracker = Callable[[tuple[str | None, ...], float], Tracker]


def tracked(clip: Recorded, new_tracker: NewTracker = CameraTracker) -> Iterator[TrackedFrame]:
    """What the tracking stage makes of the detections."""
    tracker = new_tracker(clip.road_users, clip.frame_rate)
    image = np.zeros((clip.height_px, clip.width_px, 3), np.uint8)
    message = None
    for index, (at_us, detections) in enumerate(zip(clip.times_us, clip.frames, strict=True)):
        message = tracker.update(Frame("video", "1", index, _START_US + at_us, image), detections)
        yield message
    if message is not None:
        yield tracker.finish(message)


def counted(
    clip: Recorded, truths: list[LineTruth], *, new_tracker: NewTracker = CameraTracker, flip: bool = False
) -> list[LineResult]:
    """The counts of a clip's lines, whose pixels are those of the clip as it is.

    Args:
        flip: the detections are mirrored; so are the lines then, and the directions back.
    """
    table, lines = RowsInMemory(), []
    for number, truth in enumerate(truths):
        points = [(x / clip.original_px[0], y / clip.original_px[1]) for x, y in truth.line_px]
        names = image_directions(truth.line_px)
        if flip:
            points, names = [(1 - x, y) for x, y in points], (names[1], names[0])
        lines.append(LineSection(id=f"line-{number}", points=points, directions=names))
    counter = counting_stage([CameraSection.of_recording(Path("video"), lines)])
    for message in tracked(clip, new_tracker):
        table.add(counter.add(TrackedBatch.of([message])))
    return [LineResult(truth, table.of_line(line.id)) for truth, line in zip(truths, lines, strict=True)]
