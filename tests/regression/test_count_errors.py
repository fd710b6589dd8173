"""Counts of real recordings against hand counts: the errors never get more than they were."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import supervision as sv
from analysed_clips import Analysed

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.model import Image
from aforo.ports import Detector
from app.recording import Recording, line_of_pixels
from app.validation.truth import LineResult, LineTruth, by_class, wape

pytestmark = [pytest.mark.shared_data, pytest.mark.model, pytest.mark.timeout(900)]


def shown(results: list[LineResult]) -> str:
    """Where the errors are."""
    wrong = [
        f"{result.truth.clip} {result.truth.line_px}: {direction} {road_user}: true {true}, counted {counted}"
        for result in results
        for direction, road_user, true, counted in result.rows
        if true != counted
    ]
    return "; ".join(wrong) or "no errors"


def test_the_sample_video(analysed: Callable[[str], Analysed], figures: dict[str, Any]) -> None:
    """32 passages of 18 people who meet, turn and come back; per direction, so that errors do not cancel."""
    (result,) = analysed("vtest.avi").results
    assert result.truth.total == 32
    assert result.error <= figures["vtest_errors"], (
        f"{result.error} errors, stored figure {figures['vtest_errors']}: {shown([result])}"
    )


def test_all_recordings_together(
    analysed: Callable[[str], Analysed], truths: list[LineTruth], figures: dict[str, Any]
) -> None:
    results = [result for clip in dict.fromkeys(truth.clip for truth in truths) for result in analysed(clip).results]
    now = wape(results)
    assert now <= figures["wape"] + 5e-5, f"WAPE {now:.4f}, stored figure {figures['wape']:.4f}: {shown(results)}"
    print(f"WAPE {now:.4f}, stored figure {figures['wape']:.4f}; {by_class(results)}")


def test_the_streets_together(
    analysed: Callable[[str], Analysed], street_truths: list[LineTruth], figures: dict[str, Any]
) -> None:
    """Recordings with what cities ask for: motorcycles in a queue, cyclists, a bus, pick-ups."""
    clips = dict.fromkeys(truth.clip for truth in street_truths)
    results = [result for clip in clips for result in analysed(clip).results]
    errors = sum(result.error for result in results)
    assert errors <= figures["street_errors"], (
        f"{errors} errors, stored figure {figures['street_errors']}: {shown(results)}"
    )
    print(f"{errors} errors of the streets, stored figure {figures['street_errors']}; {by_class(results)}")


@pytest.mark.parametrize("clip", ["intel_pbc.mp4", "otc_cars-cyclist.mp4", "bgs_avenue.avi"])
def test_a_sound_clip_has_no_problem(analysed: Callable[[str], Analysed], clip: str) -> None:
    """Also the one whose header promises a few frames more than there are."""
    assert analysed(clip).problem == ""


@pytest.mark.parametrize("clip", ["intel_car.mp4", "intel_pbc.mp4", "nl_motorway.mp4"])
def test_the_motion_gate_loses_nobody(
    analysed: Callable[[str], Analysed], detector: Detector, truths: list[LineTruth], shared_data: Path, clip: str
) -> None:
    """Clips in which the street is empty for a while: the gate rests then, and counts the very same."""
    asked = _Asked(detector)
    path, own = shared_data / "clips" / clip, [truth for truth in truths if truth.clip == clip]
    whole = Recording(path, CameraSection.of_recording(path), timezone=ZoneInfo("UTC"))
    lines = [line_of_pixels(f"line-{i}", truth.line_px, whole.facts) for i, truth in enumerate(own)]
    recording = Recording(path, CameraSection.of_recording(path, lines), timezone=ZoneInfo("UTC"))
    counts = recording.count(asked, DetectorSection(motion_gate=True))
    assert asked.pictures < 0.95 * counts.analysed_frames
    gated = [LineResult(truth, counts.rows.of_line(line.id)) for truth, line in zip(own, lines, strict=True)]
    assert [result.rows for result in gated] == [result.rows for result in analysed(clip).results]


class _Asked:
    """A detector that counts how often it is asked."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.description, self.capacity, self.labels = detector.description, detector.capacity, detector.labels
        self.pictures = 0

    def submit(self, image: Image) -> Future[sv.Detections]:
        self.pictures += 1
        return self._detector.submit(image)

    def close(self) -> None: ...
