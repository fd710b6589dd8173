"""Analysis of one recording, as fast as possible: counts, tracks, annotated copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.geometry import LineSection, ZoneSection
from aforo.errors import ConfigurationError
from aforo.model import Frame, TrackedFrame
from aforo.ports import Detector
from aforo.tracked_batch import TrackedBatch
from app.assemble import camera_detector, counting_stage, road_users, tracker_factory
from app.pipeline import analyse
from app.rows_in_memory import RowsInMemory
from detect.region import corners_px
from ingest.capture import VideoFacts, probe
from ingest.file_source import RecordedSource
from ingest.joined_source import JoinedSource
from ingest.recording_files import FilePart, in_time_order


def line_of_pixels(
    name: str,
    points_px: Sequence[tuple[float, float]],
    facts: VideoFacts,
    directions: tuple[str, str] | None = None,
) -> LineSection:
    """A counting line given in pixels of a video; without names of directions it has those of a line in a site file.

    Raises:
        ConfigurationError: a point lies outside the picture, or the line has no length.
    """
    pairs = _fractions("line", points_px, facts)
    try:
        return LineSection(id=name, points=pairs, directions=directions)
    except ValidationError as error:
        raise ConfigurationError(f"the line {_shown(points_px)} cannot count: {_reason(error)}") from None


def zone_of_pixels(name: str, polygon_px: Sequence[tuple[float, float]], facts: VideoFacts) -> ZoneSection:
    """A zone given in pixels of a video.

    Raises:
        ConfigurationError: a corner lies outside the picture, or the polygon is not simple.
    """
    pairs = _fractions("zone", polygon_px, facts)
    try:
        return ZoneSection(id=name, polygon=pairs)
    except ValidationError as error:
        raise ConfigurationError(f"the zone {_shown(polygon_px)} cannot count: {_reason(error)}") from None


def _fractions(what: str, points_px: Sequence[tuple[float, float]], facts: VideoFacts) -> list[tuple[float, float]]:
    width, height = facts.width_px, facts.height_px
    if all(0 <= value <= 1 for pair in points_px for value in pair):
        raise ConfigurationError(
            f"the {what} {_shown(points_px)} lies within one pixel of {facts.path.name}: points are pixels here, of "
            f"{width}×{height}; multiply fractions by width and height"
        )
    for x, y in points_px:
        if not (0 <= x <= width and 0 <= y <= height):
            raise ConfigurationError(
                f"the {what} {_shown(points_px)} leaves the picture of {facts.path.name}: expected x from 0 to {width} "
                f"and y from 0 to {height}, got {x:g},{y:g}"
            )
    return [(x / width, y / height) for x, y in points_px]


def _shown(points_px: Sequence[tuple[float, float]]) -> str:
    return ",".join(f"{x:g},{y:g}" for x, y in points_px)


def _reason(error: ValidationError) -> str:
    return "; ".join(problem["msg"].removeprefix("Value error, ") for problem in error.errors())


OnFrame = Callable[[Frame, TrackedFrame, "RecordingCounts"], None]


@dataclass(slots=True)
class RecordingCounts:
    """What was counted in a recording.

    Attributes:
        rows: all counted rows.
        facts: of the video file, of several the first.
        files: all files of the recording, in order of time.
        started_at_us: event time of its first frame.
        frames: number of decoded frames.
        analysed_frames: frames that went through the detector.
        elapsed_s: processing time.
        problem: one sentence if the file could not be read to its end, else "".
        note: one sentence on what the file does not tell, else "".
    """

    facts: VideoFacts
    files: tuple[Path, ...] = ()
    started_at_us: int = 0
    frames: int = 0
    analysed_frames: int = 0
    elapsed_s: float = 0.0
    problem: str = ""
    note: str = ""
    rows: RowsInMemory = field(default_factory=RowsInMemory)


class Recording:
    """A video file to analyse, or several that make one recording.

    Args:
        paths: the file, or the files.
        camera: what is counted in it; its source is not used.
        analyse_fps: most frames per second that are analysed, None for all.
        starts_us: event time of the first frame of each file, or of the first alone; none, to take it from the files.
        recorded_fps: frames per second at which it was made, None to take what the file tells.
        timezone: of dates in file names.

    Attributes:
        files: in order of time.
        facts: of the first of them.
        order_told: whether that order comes from start times; else it is the order given.

    Raises:
        SourceError: it is not a video that can be read, or the files are not parts of one recording.
    """

    def __init__(
        self,
        paths: Path | Sequence[Path],
        camera: CameraSection,
        *,
        analyse_fps: float | None = None,
        starts_us: Sequence[int] = (),
        recorded_fps: float | None = None,
        timezone: ZoneInfo,
    ) -> None:
        files = [probe(path, recorded_fps) for path in ([paths] if isinstance(paths, Path) else paths)]
        parts = in_time_order(files, starts_us, timezone)
        by_path = {facts.path: facts for facts in files}
        self.files = [by_path[part.path] for part in parts]
        self.facts = self.files[0]
        self.order_told = all(part.starts_at_us is not None for part in parts)
        self.camera = camera
        self._analyse_fps = analyse_fps

        def open_part(part: FilePart) -> RecordedSource:
            return RecordedSource(
                part.path,
                camera.id,
                starts_at_us=part.starts_at_us,
                recorded_fps=recorded_fps,
                timezone=timezone,
                analyse_fps=analyse_fps,
                clock=SystemClock(),
            )

        self._source = (
            open_part(parts[0])
            if len(parts) == 1
            else JoinedSource(camera.id, lambda: parts, open_part, timezone=timezone, clock=SystemClock())
        )

    @property
    def analysed_wh(self) -> tuple[int, int]:
        """Width and height of the picture that the detector gets, pixels."""
        left, top, right, bottom = corners_px(self.camera.analysed, self.facts.width_px, self.facts.height_px)
        return right - left, bottom - top

    @property
    def frame_rate(self) -> float:
        """Frames analysed per second of the recording's first file."""
        return min(self.facts.fps, self._analyse_fps or self.facts.fps)

    @property
    def expected_frames(self) -> int | None:
        """Approximate number of frames to analyse, None if a file has no frame count."""
        if any(facts.frames is None for facts in self.files):
            return None
        return round(sum((facts.frames or 0) / facts.fps for facts in self.files) * self.frame_rate)

    @property
    def frames_read(self) -> int:
        """Number of frames decoded so far, with those not analysed."""
        return self._source.frames_read

    @property
    def note(self) -> str:
        """One sentence on what the file does not tell and was taken for it, else ""; known once frames are read."""
        note = self._source.note
        return "" if note is None else str(note)

    @property
    def problem(self) -> str:
        """One sentence if the file could not be read to its end, else ""."""
        problem = self._source.problem
        return "" if problem is None else str(problem)

    def analyse(self, detector: Detector, section: DetectorSection) -> Iterator[tuple[Frame | None, TrackedFrame]]:
        """Yield its frames with their road users, in order; see `app.pipeline.analyse`."""
        tracker = tracker_factory(road_users(detector, section), self.frame_rate)
        return analyse(self._source, camera_detector(detector, self.camera, section), tracker)

    def count(self, detector: Detector, section: DetectorSection, on_frame: OnFrame | None = None) -> RecordingCounts:
        """Count it; `on_frame` is called with every analysed frame and the counts so far."""
        counter = counting_stage([self.camera])
        counts = RecordingCounts(self.facts, tuple(facts.path for facts in self.files))
        analysed = self.analyse(detector, section)
        began = time.perf_counter()
        for frame, tracked in analysed:
            counts.rows.add(counter.add(TrackedBatch.of([tracked])))
            if frame is None:
                continue
            if counts.analysed_frames == 0:
                counts.started_at_us = frame.captured_at_us
            counts.analysed_frames += 1
            if on_frame is not None:
                on_frame(frame, tracked, counts)
        counts.elapsed_s = time.perf_counter() - began
        counts.frames, counts.problem, counts.note = self.frames_read, self.problem, self.note
        return counts
