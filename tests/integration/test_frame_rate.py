"""What a file does not tell is said, and what its user tells in its place is used, or refused."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import cv2
import numpy as np
import pytest
from painted_video import write_video
from pydantic import ValidationError

from aforo.camera_state import CameraState
from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from app.cli.sites import _recorded_at
from ingest.capture import probe
from ingest.file_source import RecordedSource

FRAMES = 20
RAW_H264 = (
    "AAAAAWdkAAqscgRJaEAAAAMAQAAABQPEiWEYAAAAAWjoQ4E0siwAAAABZYiBAD/wJQex3nwYOt8TraMAAAABQZoIjYk/9LVwxU3PE9SgAAAA"
    "AUGeEEcRn/uUxs+BAAAAAQGeGCaIz/xiDA34AAAAAQGeGG1Iz/u9yW0AAAABQZoZCTUCAtEymBX/8kb1UD0RgQAAAAFBniDNxGf7lGT3ZwAA"
    "AAEBniitojP//e2dkpcAAAABAZ4o7JIz//u+nczjAAAAAUGaKgm1AgLa0TKYAQU/tqI1EGNJ80WDeAAAAAFBnjGMsSf6ChacIQAAAAEBnjks"
    "qIz/+s7g2r4AAAABAZ45TKiM//sNAsgaAAAAAQGeOWyojP/7MpOkNQAAAAEBnjms0jP//e08ZnkAAAABAZ45zNIz//SVUTXBAAAAAQGeOezS"
    "K//7W2MAAAABQZo6aI1AgLa2tEymAAQ3/6Teh4AAAAABQZ5CLPEP/9ptW4EAAAABAZ5KTESG/+A6xg=="
)
"""Twenty pictures at ten a second, as x264 wrote them, without a container."""


def raw_h264(path: Path) -> Path:
    path.write_bytes(base64.b64decode(RAW_H264))
    return path


def raw_mjpeg(path: Path) -> Path:
    """What a camera's web server sends, saved as it came."""
    image = np.zeros((32, 32, 3), np.uint8)
    with path.open("wb") as file:
        for i in range(FRAMES):
            jpeg = cv2.imencode(".jpg", image + 5 * i)[1].tobytes()
            file.write(f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode())
            file.write(jpeg + b"\r\n")
    return path


RAW = [raw_h264, raw_mjpeg]


def times_s(path: Path, **settings: float) -> list[float]:
    source = RecordedSource(path, "north", starts_at_us=0, timezone=UTC, clock=SystemClock(), **settings)  # type: ignore[arg-type]
    return [frame.captured_at_us / 1e6 for frame in source.frames()]


@pytest.mark.parametrize("write", RAW)
def test_a_raw_stream_tells_no_rate_and_that_is_said(
    tmp_path: Path, write: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    video = write(tmp_path / "street.raw")
    facts = probe(video)
    assert (facts.fps, facts.fps_source) == (25.0, "assumed")
    source = RecordedSource(video, "north", starts_at_us=0, timezone=UTC, clock=SystemClock(), paced=True)
    with caplog.at_level(logging.WARNING):
        frames = list(source.frames())
    assert len(frames) == FRAMES
    assert "does not tell how many frames per second" in str(source.note)
    assert str(source.note) in caplog.text
    assert source.status().state is CameraState.ENDED
    assert source.status().problem == source.note
    assert source.complete


@pytest.mark.parametrize("write", RAW)
@pytest.mark.parametrize("fps", [0.5, 10.0, 29.97])
def test_the_rate_that_a_user_tells_gives_the_times(tmp_path: Path, write: Callable[[Path], Path], fps: float) -> None:
    video = write(tmp_path / "street.raw")
    facts = probe(video, fps)
    assert (facts.fps, facts.fps_source) == (fps, "given")
    assert times_s(video, recorded_fps=fps) == pytest.approx([i / fps for i in range(FRAMES)], abs=1e-5)


def test_the_rate_that_a_user_tells_stands_above_that_of_the_file(tmp_path: Path) -> None:
    video = write_video(tmp_path / "slow.avi", frames=FRAMES, fps=25.0)
    source = RecordedSource(video, "n", starts_at_us=0, recorded_fps=2.0, timezone=UTC, clock=SystemClock())
    assert [frame.captured_at_us for frame in source.frames()] == [i * 500_000 for i in range(FRAMES)]
    assert (source.complete, source.note) == (True, None)


@pytest.mark.parametrize("ending", [".avi", ".mp4", ".mkv"])
@pytest.mark.parametrize("fps", [10.0, 25.0, 29.97])
def test_a_container_tells_its_rate(tmp_path: Path, ending: str, fps: float) -> None:
    facts = probe(write_video(tmp_path / f"street{ending}", fps=fps))
    assert facts.fps == pytest.approx(fps, rel=1e-3)
    assert facts.fps_source == "file"


def test_a_recording_that_does_not_tell_its_start_is_named_where_cameras_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, told in (("street.avi", False), ("2026-03-05T07:30:00.avi", True)):
        video = write_video(tmp_path / name, frames=3, fps=100.0)
        caplog.clear()
        list(RecordedSource(video, "north", timezone=UTC, clock=SystemClock(), paced=True).frames())
        assert ("does not tell when it was recorded" in caplog.text) is not told


RECORDING_KEYS = {"starts_at": "2026-03-05", "recorded_fps": 10, "repeat": True, "drop_late": True}


@pytest.mark.parametrize("key", RECORDING_KEYS)
@pytest.mark.parametrize("source", ["rtsp://10.0.0.5/stream2", "http://10.0.0.5/x.mjpg", "0"])
def test_keys_of_recordings_are_refused_on_cameras(source: str, key: str) -> None:
    with pytest.raises(ValidationError, match=f"{key} is for a recording, and the source is a camera"):
        CameraSection.model_validate({"id": "north", "source": source, key: RECORDING_KEYS[key]})
    CameraSection.model_validate({"id": "north", "source": "street.h264", key: RECORDING_KEYS[key]})


def test_the_option_of_run_goes_to_recordings_alone() -> None:
    cameras = [{"id": "a", "source": "a.h264"}, {"id": "b", "source": "rtsp://10.0.0.5/x"}]
    site = _recorded_at(SiteConfiguration.model_validate({"cameras": cameras}), 12.5)
    assert [camera.recorded_fps for camera in site.cameras] == [12.5, None]
    with pytest.raises(ConfigurationError, match="--input-fps: this site has no recording"):
        _recorded_at(SiteConfiguration.model_validate({"cameras": cameras[1:]}), 12.5)
