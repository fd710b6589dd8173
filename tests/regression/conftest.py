"""Real clips, each analysed once for all tests of this folder: counts of its lines, and its tracks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from analysed_clips import Analysed
from requirements import pointless

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.ports import Detector
from aforo.tracked_batch import TrackedBatch
from app.assemble import counting_stage, open_detector, openvino_backend, trusted_model
from app.machine.precision import calibrate_at_first_use
from app.recording import Recording, line_of_pixels
from app.rows_in_memory import RowsInMemory
from app.validation.mot_file import MotTracks
from app.validation.truth import LineResult, LineTruth, load_truth

FIGURES = Path(__file__).with_name("figures.json")


@pytest.fixture(scope="session")
def figures(precision: str) -> dict[str, Any]:
    """The figures that must not get worse. Whoever makes the product better, tightens them."""
    stored: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return dict(stored[precision])


@pytest.fixture(scope="session")
def truths(shared_data: Path) -> list[LineTruth]:
    """The hand counts of the recordings that Aforo was made with."""
    return load_truth(shared_data / "groundtruth.json")


@pytest.fixture(scope="session")
def street_truths(shared_data: Path) -> list[LineTruth]:
    """The hand counts of streets that were recorded elsewhere: more classes, small road users, dense traffic."""
    return load_truth(shared_data / "groundtruth-streets.json")


@pytest.fixture(scope="session", params=["f32", "auto"])
def precision(request: pytest.FixtureRequest, default_model_path: Path) -> str:
    """In float, whose figures are the same on every machine; and as this machine counts by default, if otherwise."""
    section = DetectorSection(precision=request.param)
    calibrate_at_first_use(section, print)
    if request.param == "auto" and openvino_backend(section).chosen_precision(trusted_model(section)) == "f32":
        pointless("this machine counts in f32 by default")
    return str(request.param)


@pytest.fixture(scope="session")
def detector(precision: str) -> Iterator[Detector]:
    """The default detector in that precision."""
    section = DetectorSection(precision=precision)  # type: ignore[arg-type]
    with closing(open_detector(section)) as opened:
        yield opened


@pytest.fixture(scope="session")
def analysed(
    shared_data: Path,
    sample_video: Path,
    truths: list[LineTruth],
    street_truths: list[LineTruth],
    detector: Detector,
) -> Callable[[str], Analysed]:
    """Analyses a clip on the first call, with the default model and settings."""

    @cache
    def analyse(clip: str) -> Analysed:
        path = sample_video if clip == sample_video.name else shared_data / "clips" / clip
        own = [truth for truth in truths + street_truths if truth.clip == clip]
        recording = Recording(path, CameraSection.of_recording(path), timezone=ZoneInfo("UTC"))
        lines = [line_of_pixels(f"line-{i}", truth.line_px, recording.facts) for i, truth in enumerate(own)]
        counter = counting_stage([CameraSection.of_recording(path, lines)])
        table, tracks = RowsInMemory(), MotTracks()
        for _, message in recording.analyse(detector, DetectorSection()):
            table.add(counter.add(TrackedBatch.of([message])))
            tracks.add(message)
        results = [LineResult(truth, table.of_line(line.id)) for truth, line in zip(own, lines, strict=True)]
        return Analysed(results, tracks, recording.problem)

    return analyse
