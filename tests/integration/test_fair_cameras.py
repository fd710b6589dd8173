"""The cameras of one process, as `aforo run` and `aforo worker` make them, share a detector that cannot keep up."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.model import Frame, TrackedFrame
from app import assemble

pytestmark = [pytest.mark.model, pytest.mark.timeout(120)]

RATES_FPS = {"fast-1": 10.0, "fast-2": 10.0, "slow-1": 2.5, "slow-2": 2.5}
MESSAGES, STARTED = 400, 5


def test_each_camera_gets_the_same_fraction_of_its_rate(
    sample_video: Path, default_model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = SiteConfiguration.model_validate(
        {
            "cameras": [
                {"id": name, "source": str(sample_video), "analyse_fps": fps, "repeat": True}
                for name, fps in RATES_FPS.items()
            ],
            "detector": {"model": str(default_model_path), "image_size": 320, "precision": "f32"},
        }
    )
    started: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    enough, counting = threading.Event(), threading.Lock()

    def publish(frame: Frame | None, tracked: TrackedFrame) -> None:
        with counting:
            started[tracked.camera] += 1
            if len(started) < len(RATES_FPS) or min(started.values()) < STARTED:
                return  # who opens his recording later has no share before
            if frame is not None and not enough.is_set():
                seen[tracked.camera] += 1
            if seen.total() >= MESSAGES:
                enough.set()

    with closing(assemble.open_detector(site.detector)) as detector:
        # One picture at a time, and not at their own pace: every camera always has one that waits for the detector.
        monkeypatch.setattr(detector, "capacity", 1)
        new_camera = assemble.camera_factory(site, detector, publish, SystemClock(), paced=False)
        cameras = [new_camera(camera) for camera in site.cameras]
        for camera in cameras:
            camera.start()
        assert enough.wait(90), seen
        for camera in cameras:
            camera.stop()
        for camera in cameras:
            camera.join(20)
            assert not camera.alive
            assert camera.failure is None
    shares = {name: count / MESSAGES for name, count in seen.items()}
    assert shares == pytest.approx({name: fps / sum(RATES_FPS.values()) for name, fps in RATES_FPS.items()}, abs=0.05)


def test_a_camera_that_is_handed_over_leaves_its_turns_to_the_others(
    sample_video: Path, default_model_path: Path
) -> None:
    """As in a worker whose cameras come and go: more of them than the detector has places."""
    site = SiteConfiguration.model_validate(
        {
            "cameras": [{"id": f"camera-{number}", "source": str(sample_video), "repeat": True} for number in range(2)],
            "detector": {"model": str(default_model_path), "image_size": 320, "precision": "f32"},
        }
    )
    seen: Counter[str] = Counter()
    with closing(assemble.open_detector(site.detector)) as detector:
        new_camera = assemble.camera_factory(
            site, detector, lambda _, tracked: seen.update([tracked.camera]), SystemClock(), paced=False
        )
        for _ in range(2 * detector.capacity + 2):
            passing = new_camera(site.cameras[0])
            before = seen["camera-0"]
            passing.start()
            while passing.alive and seen["camera-0"] < before + 5:
                passing.join(0.01)
            passing.stop()
            passing.join(20)
            assert not passing.alive
        staying = new_camera(site.cameras[1])
        staying.start()
        while staying.alive and seen["camera-1"] < 50:
            staying.join(0.01)
        assert seen["camera-1"] >= 50
        staying.stop()
        staying.join(20)
