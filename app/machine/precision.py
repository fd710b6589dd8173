"""Chooses the fastest arithmetic that gives the same counts, once per model and machine.

    clips of the cameras -> INT8 model -> speeds of int8, bf16, f32 -> counts of the fastest, beside those of f32
                                          the first one whose counts agree is chosen; f32 always agrees

Pictures are never written to disk: clips are held in memory during the run, as JPEG in the size of the network.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock

from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.geometry import LineSection
from aforo.config.site import SiteConfiguration
from aforo.errors import AforoError, AssetError, SourceError
from aforo.model import MICROSECONDS, Frame, Image
from aforo.ports import Detector, FrameSource
from aforo.tracked_batch import TrackedBatch
from app.assemble import (
    counting_stage,
    float_model,
    openvino_backend,
    road_users,
    tracker_factory,
    wants_calibration,
)
from app.assets import manifest
from app.assets.mirrors import Progress
from app.pipeline import analyse
from app.rows_in_memory import RowsInMemory
from detect.openvino.letterbox import Letterbox
from detect.openvino.precision_choice import Choice, Precision, bf16_is_native, int8_folder, measure, save_choice
from detect.openvino.quantise import quantise
from ingest.capture import probe
from ingest.file_source import RecordedSource
from ingest.open_source import open_source

BOUND = 0.05
"""Largest accepted difference from f32: Σ|counted − counted in f32| / Σ counted in f32, over every camera, line, zone,
direction and class."""

LEAST_COUNTED = 40
"""Least number of counted road users for a comparison."""

CALIBRATION_PICTURES = 200
_WORTHWHILE = 1.1
_JPEG_QUALITY = 95
_GRID = (0.25, 0.5, 0.75)

OnStep = Callable[[str], None]
"""Called with a short text at the start of each step."""

Counts = Counter[tuple[str, str, str, str]]
"""(camera, line or zone, direction, class) -> number."""


@dataclass(slots=True)
class Clip:
    """Recorded pictures of one camera; a `FrameSource` that can be read several times.

    Attributes:
        camera: its id.
        section: the camera with its own lines and zones, and a grid of lines.
        frame_rate: frames per second.
        pictures: event time (µs) and JPEG of each frame, in the size of the network.
        countable: whether its counts are compared; False for edited film, whose cuts break tracks.
    """

    section: CameraSection
    frame_rate: float
    pictures: list[tuple[int, bytes]] = field(default_factory=list)
    countable: bool = True
    session: str = "calibration"
    camera: str = field(init=False)

    def __post_init__(self) -> None:
        self.camera = self.section.id

    @staticmethod
    def record(section: CameraSection, source: FrameSource, frame_rate: float, seconds: float, image_size: int) -> Clip:
        """Record the pictures of a source for a number of seconds of event time.

        Raises:
            SourceError: the source failed or gave no picture.
        """
        clip = Clip(_with_grid(section), frame_rate)
        with closing(source):
            for frame in source.frames():
                clip._add(frame, image_size)
                if frame.captured_at_us - clip.pictures[0][0] >= seconds * MICROSECONDS:
                    break
        if not clip.pictures:
            raise SourceError(f"camera {section.id} showed no picture to calibrate on")
        return clip

    def _add(self, frame: Frame, image_size: int) -> None:
        height, width = frame.image.shape[:2]
        scaled = Letterbox.fit(width, height, image_size).scaled_wh
        small = cv2.resize(frame.image, scaled, interpolation=cv2.INTER_LINEAR)
        _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        self.pictures.append((frame.captured_at_us, jpeg.tobytes()))

    def image(self, index: int) -> Image:
        """Decode one picture, BGR."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.pictures[index][1], np.uint8), cv2.IMREAD_COLOR), np.uint8)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames in order."""
        for index, (at_us, _) in enumerate(self.pictures):
            yield Frame(self.camera, self.session, index, at_us, self.image(index))

    def close(self) -> None:
        """Does nothing: it has no resources."""


def sample_clips(image_size: int, progress: Progress | None = None) -> list[Clip]:
    """The sample videos: one of people, one of cyclists and cars.

    Raises:
        AssetError: one of them is not available.
    """
    clips = []
    for name in manifest.SAMPLES:
        path = manifest.fetch(name, progress=progress)
        section = CameraSection.of_recording(path).model_copy(update={"id": name})
        source = RecordedSource(path, name, timezone=SiteConfiguration().timezone, clock=SystemClock())
        clips.append(Clip.record(section, source, probe(path).fps, math.inf, image_size))
        clips[-1].countable = manifest.manifest()[name].truth is not None
    return clips


def site_clips(site: SiteConfiguration, seconds: float, on_step: OnStep) -> list[Clip]:
    """Record each camera of a site for a number of seconds.

    Raises:
        SourceError, ConfigurationError: a camera's source fails.
    """
    clips = []
    for camera in site.cameras:
        on_step(f"watching {camera.id} for {seconds:.0f} s")
        source = open_source(
            camera.sources,
            camera.id,
            paced=False,
            analyse_fps=camera.analyse_fps,
            starts_at=camera.starts_at,
            recorded_fps=camera.recorded_fps,
            timezone=site.timezone,
            clock=SystemClock(),
        )
        clips.append(Clip.record(camera, source, camera.analyse_fps, seconds, site.detector.image_size))
    return clips


def calibrate(section: DetectorSection, clips: Sequence[Clip], on_step: OnStep) -> Choice:
    """Quantise the configured model on the clips, choose its precision on this machine, and cache the choice.

    Raises:
        ModelError: the model cannot be quantised or run, or the cache cannot be written.
    """
    cache = openvino_backend(section).folder
    model = float_model(section)
    int8_model = int8_folder(model, cache)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        on_step("quantising")
        quantised = quantise(model, _calibration_pictures(clips, section.image_size), Path(scratch) / "int8")
        files: dict[Precision, Path] = {"f32": model, "int8": quantised}
        if bf16_is_native():
            files["bf16"] = model
        choice = _decide(section, files, clips, on_step)
        if choice.precision == "int8":
            shutil.rmtree(int8_model, ignore_errors=True)
            quantised.rename(int8_model)
    save_choice(choice, model, section.image_size, cache)
    return choice


def calibrate_at_first_use(
    section: DetectorSection,
    on_step: OnStep,
    progress: Progress | None = None,
    calibration: Callable[[DetectorSection, OnStep, Progress | None], Choice] | None = None,
) -> None:
    """Calibrate on the sample videos if a known model has no choice on this machine yet; else do nothing.

    A failure costs speed only: f32 is used until a calibration succeeds.

    Args:
        section: the detector.
        on_step: called with a sentence at each step.
        progress: called while files are fetched.
        calibration: finds the fastest precision; `calibrate_on_samples` unless another is given.
    """
    calibration = calibration or calibrate_on_samples
    try:
        with FileLock(openvino_backend(section).folder / "calibration.lock"):
            if wants_calibration(section, progress):  # else another process has done it meanwhile
                on_step(
                    f"First use of {section.model} on this machine: finding the fastest arithmetic that counts the same"
                )
                on_step(calibration(section, on_step, progress).reason)
    except (AforoError, OSError) as error:
        on_step(f"f32 is used for now: {error}")


def calibrate_on_samples(section: DetectorSection, on_step: OnStep, progress: Progress | None = None) -> Choice:
    """Calibrate on the sample videos; if these are not available, f32 is chosen and the choice gives the reason.

    Raises:
        ModelError: as `calibrate`.
    """
    try:
        clips = sample_clips(section.image_size, progress)
    except (AssetError, SourceError) as error:
        choice = Choice("f32", f"no sample videos to calibrate on: {error}", {}, {}, 0, [])
        save_choice(choice, float_model(section), section.image_size, openvino_backend(section).folder)
        return choice
    return calibrate(section, clips, on_step)


def _calibration_pictures(clips: Sequence[Clip], image_size: int) -> list[Image]:
    """Pictures spread evenly over every clip, as network inputs."""
    each = max(1, CALIBRATION_PICTURES // len(clips))
    pictures = []
    for clip in clips:
        for index in np.unique(np.linspace(0, len(clip.pictures) - 1, each).astype(int)):
            image = clip.image(int(index))
            pictures.append(Letterbox.fit(image.shape[1], image.shape[0], image_size).apply(image))
    return pictures


def _decide(section: DetectorSection, files: dict[Precision, Path], clips: Sequence[Clip], on_step: OnStep) -> Choice:
    backend = openvino_backend(section)
    detectors = {name: backend.open_form(file, name, cached=False) for name, file in files.items()}
    try:
        on_step("measuring " + ", ".join(files))
        speeds = measure(detectors, clips[0].image(0))
        on_step("counting in f32")
        reference = _count(clips, detectors["f32"], section)
        counted = reference.total()
        differences: dict[str, float] = {}
        names = [clip.camera for clip in clips]
        faster = [name for name in files if speeds[name] > speeds["f32"] * _WORTHWHILE]
        for name in sorted(faster, key=lambda name: -speeds[name]):
            if counted < LEAST_COUNTED:
                reason = (
                    f"only {counted} passages were seen, at least {LEAST_COUNTED} are needed to compare: watch longer"
                )
                return Choice("f32", reason, speeds, differences, counted, names)
            on_step(f"counting in {name}")
            differences[name] = round(difference(reference, _count(clips, detectors[name], section)), 4)
            if differences[name] <= BOUND:
                reason = f"{name} is {speeds[name] / speeds['f32']:.1f} times as fast as f32 and counts the same"
                return Choice(name, reason, speeds, differences, counted, names)
        reason = "nothing faster counts the same" if faster else "nothing is faster than f32 here"
        return Choice("f32", reason, speeds, differences, counted, names)
    finally:
        for detector in detectors.values():
            detector.close()


def difference(reference: Counts, counted: Counts) -> float:
    """Σ|counted − reference| / Σ reference; 0 if both are equal, infinite if only the reference is empty."""
    wrong = sum(abs(reference[key] - counted[key]) for key in reference.keys() | counted.keys())
    if not wrong:
        return 0.0
    return wrong / reference.total() if reference else math.inf


def _count(clips: Sequence[Clip], detector: Detector, section: DetectorSection) -> Counts:
    counts: Counts = Counter()
    users = road_users(detector, section)
    for clip in (clip for clip in clips if clip.countable):
        counter, rows = counting_stage([clip.section]), RowsInMemory()
        for _, tracked in analyse(clip, detector, tracker_factory(users, clip.frame_rate)):
            rows.add(counter.add(TrackedBatch.of([tracked])))
        counts.update((clip.camera, row.line, row.direction, row.road_user) for row in rows.crossings.values())
        counts.update((clip.camera, row.zone, "", row.road_user) for row in rows.visits.values())
    return counts


def _with_grid(section: CameraSection) -> CameraSection:
    """The camera with a grid of lines added, so that a short clip has many crossings."""
    across = [LineSection(id=f"grid-x{x:g}", points=[(x, 0.0), (x, 1.0)]) for x in _GRID]
    down = [LineSection(id=f"grid-y{y:g}", points=[(0.0, y), (1.0, y)]) for y in _GRID]
    return section.model_copy(update={"lines": [*section.lines, *across, *down], "movements": []})
