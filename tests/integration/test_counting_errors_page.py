"""The page of pictures around wrong crossings, made of a recording that is made here."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from aforo.config.camera import CameraSection
from aforo.config.geometry import LineSection
from aforo.model import Box, TrackedFrame, TrackedObject
from app.validation.counting_errors_page import EvaluatedClip, errors_page
from app.validation.event_matching import CountedEvent, LineEvents
from app.validation.truth import LineResult, LineTruth

FRAMES, WIDTH, HEIGHT = 60, 320, 240


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Six seconds of grey that grows lighter, so that a picture tells its frame."""
    path = tmp_path / "grey <clip>.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (WIDTH, HEIGHT))
    for index in range(FRAMES):
        writer.write(np.full((HEIGHT, WIDTH, 3), 4 * index, np.uint8))
    writer.release()
    return path


def evaluated(clip: Path, counted: tuple[CountedEvent, ...], *, timed: bool = True) -> EvaluatedClip:
    """One car passed at frame 20 to 24."""
    events = ((20, 24, "down", "car"),) if timed else ()
    truth = LineTruth(clip.name, ((0, 120), (319, 120)), {("down", "car"): 1}, {}, events)
    numbers: dict[tuple[str, str], int] = {}
    for each in counted:
        numbers[each.direction, each.road_user] = numbers.get((each.direction, each.road_user), 0) + 1
    line = LineSection(id="line", points=[(0.0, 0.5), (1.0, 0.5)])
    seen = TrackedObject(7, Box(0.4, 0.4, 0.6, 0.6), "truck", 0.9)
    messages = {i: TrackedFrame("video", "1", i, i * 100_000, 100_000, WIDTH, HEIGHT, (seen,)) for i in range(FRAMES)}
    result = LineEvents(LineResult(truth, numbers), counted, 10.0)
    return EvaluatedClip(clip, CameraSection.of_recording(clip, [line]), [result], messages)


def pictures(page: str) -> list[np.ndarray]:
    found = re.findall(r"data:image/jpeg;base64,([A-Za-z0-9+/=]+)", page)
    return [cv2.imdecode(np.frombuffer(base64.b64decode(each), np.uint8), cv2.IMREAD_COLOR) for each in found]


def test_a_strip_shows_the_frames_around_each_wrong_crossing(clip: Path) -> None:
    text = errors_page([evaluated(clip, (CountedEvent(45, "down", "truck", 7),))])
    assert "missed: car down, frame 20 to 24 (2.0 s)" in text
    assert "extra: truck down, frame 45 (4.5 s), track 7" in text
    assert "WAPE 200.0 %" in text
    shown = pictures(text)
    assert len(shown) == 14
    assert all(each.shape == (HEIGHT, WIDTH, 3) for each in shown)
    grey = [float(np.median(each)) / 4 for each in shown]
    assert grey[0] == pytest.approx(14, abs=1)
    assert grey[6] == pytest.approx(30, abs=1)
    assert grey[10] == pytest.approx(45, abs=1)


def test_the_page_says_that_it_holds_pictures_and_trusts_no_name(clip: Path) -> None:
    text = errors_page([evaluated(clip, ())])
    assert "This page holds pictures of the recordings" in text
    assert "grey &lt;clip&gt;.avi" in text
    assert "<clip>" not in text


def test_without_errors_there_is_no_picture(clip: Path) -> None:
    text = errors_page([evaluated(clip, (CountedEvent(22, "down", "car", 7),))])
    assert "WAPE 0.0 %" in text
    assert "<img" not in text


def test_without_times_it_says_why_there_is_no_strip(clip: Path) -> None:
    assert "does not say when" in errors_page([evaluated(clip, (), timed=False)])
