"""Benchmark of this machine: processor time per stage, frames per second, latency, memory."""

from __future__ import annotations

import platform
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2

from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.geometry import LineSection
from aforo.model import Frame
from aforo.ports import Detector, FrameSource
from aforo.tracked_batch import TrackedBatch
from api.drawing import FrameAnnotator
from app.assemble import counting_stage, road_users, tracker_factory
from app.pipeline import analyse
from app.recording import Recording
from app.rows_in_memory import RowsInMemory
from detect.openvino.detector import OpenVinoYolo
from detect.openvino.precision_choice import machine
from ingest.capture import probe
from ingest.file_source import RecordedSource

STAGES = ("decode", "letterbox", "infer", "nms", "track", "count", "draw", "encode")
"""In the order of the data. `nms` is all from the network's output to boxes; `track` includes joining of riders."""

COUNTING_STAGES = STAGES[:6]
"""The stages of counting; pictures are drawn and encoded only while there is a viewer."""

_PERCENTILES = (50, 95, 99)
_JPEG_QUALITY = 80


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Results of the benchmark.

    Attributes:
        machine: processor, cores, OpenVINO.
        versions: of Python, Aforo and the libraries.
        detector: model, engine and precision.
        video: file name and size of the picture.
        stage_ms: CPU milliseconds per frame and stage, each stage alone.
        frames_per_second: from file to counts, unpaced; median of the runs.
        cpu_ms_per_frame: processor time of the same, all threads together, milliseconds.
        analyse_fps: frames per second of the camera in the next two.
        cpu_s_per_camera_hour: processor time of one camera, seconds.
        latency_ms: from capture to count: p50, p95, p99.
        peak_memory_mb: of this process.
    """

    machine: str
    versions: dict[str, str]
    detector: str
    video: str
    stage_ms: dict[str, float]
    frames_per_second: float
    cpu_ms_per_frame: float
    analyse_fps: float
    cpu_s_per_camera_hour: float
    latency_ms: dict[str, float]
    peak_memory_mb: float

    def document(self) -> dict[str, Any]:
        """The results as a dictionary for JSON."""
        return asdict(self)


def benchmark(
    path: Path, detector: OpenVinoYolo, section: DetectorSection, *, runs: int, seconds: float, analyse_fps: float
) -> Benchmark:
    """Measure the whole pipeline and its stages on a recording.

    Args:
        path: the recording.
        detector: opened.
        section: its configuration.
        runs: number of runs over the whole recording.
        seconds: duration of the measurement of latency, and recorded time for the stages.
        analyse_fps: of the camera whose latency is measured.

    Raises:
        SourceError: the recording cannot be read.
    """
    facts = probe(path)
    camera = CameraSection.of_recording(path, [LineSection(id="middle", points=[(0.5, 0.0), (0.5, 1.0)])])
    speeds, costs = [], []
    for _ in range(runs):
        began_cpu = time.process_time()
        counts = Recording(path, camera, timezone=ZoneInfo("UTC")).count(detector, section)
        speeds.append(counts.analysed_frames / counts.elapsed_s)
        costs.append(1000 * (time.process_time() - began_cpu) / counts.analysed_frames)
    cost_ms = statistics.median(costs)
    return Benchmark(
        machine=machine(),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("aforo", "openvino", "opencv-python", "numpy", "supervision")},
        },
        detector=detector.description,
        video=f"{path.name}, {facts.width_px}×{facts.height_px}",
        stage_ms={name: round(ms, 3) for name, ms in stage_costs(path, camera, detector, section, seconds).items()},
        frames_per_second=round(statistics.median(speeds), 1),
        cpu_ms_per_frame=round(cost_ms, 2),
        analyse_fps=analyse_fps,
        cpu_s_per_camera_hour=round(cost_ms / 1000 * analyse_fps * 3600),
        latency_ms=latency_ms(path, camera, detector, section, seconds, analyse_fps),
        peak_memory_mb=round(peak_memory_mb()),
    )


def stage_costs(
    path: Path, camera: CameraSection, detector: OpenVinoYolo, section: DetectorSection, seconds: float
) -> dict[str, float]:
    """CPU milliseconds per frame of each stage, run one after another, so that each is measured alone."""
    spent: dict[str, float] = defaultdict(float)
    mark = time.process_time()

    def lap(stage: str) -> None:
        nonlocal mark
        now = time.process_time()
        spent[stage] += now - mark
        mark = now

    rate = probe(path).fps
    tracker = tracker_factory(road_users(detector, section), rate)()
    counter, annotator = counting_stage([camera]), FrameAnnotator(camera.domain(), ZoneInfo("UTC"))
    frames = 0
    with closing(RecordedSource(path, camera.id, timezone=ZoneInfo("UTC"), clock=SystemClock())) as source:
        for frame in source.frames():
            if frames == 0:  # compiles
                detector.submit(frame.image).result()
                mark = time.process_time()
            lap("decode")
            detections = detector.detect_in_steps(frame.image, lap)
            tracked = tracker.update(frame, detections)
            lap("track")
            counter.add(TrackedBatch.of([tracked]))
            lap("count")
            drawn = annotator.draw(frame.image, tracked, {})
            lap("draw")
            cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            lap("encode")
            frames += 1
            if frames >= seconds * rate:
                break
    return {stage: 1000 * spent[stage] / frames for stage in STAGES if stage in spent}


def latency_ms(
    path: Path, camera: CameraSection, detector: Detector, section: DetectorSection, seconds: float, analyse_fps: float
) -> dict[str, float]:
    """Latency in milliseconds from the arrival of a frame to its counts, for a recording paced as a camera."""
    source = _TimedSource(
        RecordedSource(
            path,
            camera.id,
            timezone=ZoneInfo("UTC"),
            clock=SystemClock(),
            paced=True,
            repeat=True,
            analyse_fps=analyse_fps,
        )
    )
    tracker = tracker_factory(road_users(detector, section), analyse_fps)
    counter, rows = counting_stage([camera]), RowsInMemory()
    waits: list[float] = []
    began = time.perf_counter()
    for frame, tracked in analyse(source, detector, tracker):
        rows.add(counter.add(TrackedBatch.of([tracked])))
        if frame is not None:
            waits.append(1000 * (time.perf_counter() - source.arrived_s.pop(id(frame))))
        if time.perf_counter() - began > seconds:
            break
    return percentiles(waits)


def percentiles(values: list[float]) -> dict[str, float]:
    """p50, p95 and p99 of at least two values."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"p{p}": round(cuts[p - 1], 1) for p in _PERCENTILES}


def peak_memory_mb() -> float:
    """Peak memory of this process, megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


class _TimedSource:
    """A source that records when each frame arrived."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.camera = source.camera
        self.session = ""
        self.arrived_s: dict[int, float] = {}

    def frames(self) -> Iterator[Frame]:
        for frame in self._source.frames():
            self.session = frame.session
            self.arrived_s[id(frame)] = time.perf_counter()
            yield frame

    def close(self) -> None:
        self._source.close()
