"""Detection in a part of the picture, with the real network: the same boxes, in the whole picture's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import supervision as sv

from aforo.config.camera import CameraSection
from aforo.config.detector import DEFAULT_ROAD_USERS, DetectorSection
from aforo.errors import ModelError
from aforo.model import Image
from app.assets import manifest
from app.recording import Recording
from detect.openvino.detector import OpenVinoYolo
from detect.openvino.export import openvino_model
from detect.region import RegionDetector

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]
SURE = 0.5


@pytest.fixture(scope="module")
def detector(default_model_path: Path) -> Iterator[OpenVinoYolo]:
    model = openvino_model(default_model_path, manifest.cache_directory() / "openvino")
    with closing(OpenVinoYolo(model, tuple(DEFAULT_ROAD_USERS))) as opened:
        yield opened


def test_people_in_the_region_are_where_the_whole_picture_has_them(detector: OpenVinoYolo, picture: Image) -> None:
    height, width = picture.shape[:2]
    region = (0.25, 0.2, 1.0, 0.95)
    inside = np.array([region[0] * width, region[1] * height, region[2] * width, region[3] * height])
    whole = detector.submit(picture).result()
    part = RegionDetector(detector, region).submit(picture).result()
    sure = whole[
        (whole.confidence > SURE) & (whole.xyxy[:, :2] > inside[:2]).all(1) & (whole.xyxy[:, 2:] < inside[2:]).all(1)
    ]
    assert len(sure) >= 3
    overlap = sv.box_iou_batch(sure.xyxy, part.xyxy)
    assert (overlap.max(axis=1) > 0.8).all()
    assert (sure.class_id == part.class_id[overlap.argmax(axis=1)]).all()


def test_nothing_outside_is_found(detector: OpenVinoYolo, picture: Image) -> None:
    height, width = picture.shape[:2]
    found = RegionDetector(detector, (0.5, 0.5, 1.0, 1.0)).submit(picture).result()
    assert len(found)
    assert (found.xyxy[:, 0] >= width / 2).all() and (found.xyxy[:, 1] >= height / 2).all()
    assert (found.xyxy[:, 2] <= width).all() and (found.xyxy[:, 3] <= height).all()


def test_the_whole_picture_as_a_region_changes_nothing(detector: OpenVinoYolo, picture: Image) -> None:
    whole, region = detector.submit(picture).result(), RegionDetector(detector, (0, 0, 1, 1)).submit(picture).result()
    assert np.array_equal(whole.xyxy, region.xyxy)
    assert np.array_equal(whole.confidence, region.confidence)


def test_a_failure_of_the_engine_comes_through() -> None:
    class Broken:
        description, capacity, labels = "broken", 1, ("person",)

        def submit(self, image: Image) -> Future[sv.Detections]:
            future: Future[sv.Detections] = Future()
            future.set_exception(ModelError("the device is gone"))
            return future

        def close(self) -> None: ...

    with pytest.raises(ModelError, match="gone"):
        RegionDetector(Broken(), (0, 0, 0.5, 0.5)).submit(np.zeros((10, 10, 3), np.uint8)).result()


@pytest.mark.parametrize("region", [None, [[0.25, 0.2], [1.0, 0.95]]])
def test_a_recording_knows_what_size_of_picture_the_detector_will_see(
    sample_video: Path, region: list[list[float]] | None
) -> None:
    class Looks:
        labels, capacity, description = (*DEFAULT_ROAD_USERS, "other"), 1, "looks only"

        def __init__(self) -> None:
            self.shapes: set[tuple[int, ...]] = set()

        def submit(self, image: Image) -> Future[sv.Detections]:
            self.shapes.add(image.shape)
            nothing: Future[sv.Detections] = Future()
            nothing.set_result(sv.Detections.empty())
            return nothing

        def close(self) -> None:
            pass

    camera = CameraSection.of_recording(sample_video)
    camera = CameraSection.model_validate(camera.model_dump(by_alias=True) | {"region": region})
    recording = Recording(sample_video, camera, analyse_fps=0.2, timezone=ZoneInfo("UTC"))
    looks = Looks()
    assert recording.count(looks, DetectorSection()).analysed_frames > 5
    assert looks.shapes == {(*recording.analysed_wh[::-1], 3)}
