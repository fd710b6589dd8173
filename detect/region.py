"""Detection in the part of the picture that lines and zones need."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import supervision as sv

from aforo.model import Image
from aforo.ports import Detector


class RegionDetector:
    """A `Detector` that runs another one on a part of each picture; boxes are in pixels of the whole picture.

    Args:
        detector: the other one; closed by its owner.
        region: left, top, right and bottom of the part, fractions of the picture.
    """

    def __init__(self, detector: Detector, region: tuple[float, float, float, float]) -> None:
        self._detector, self._region = detector, region
        self.description, self.capacity = detector.description, detector.capacity

    @property
    def labels(self) -> tuple[str, ...]:
        """The label per class id."""
        return self._detector.labels

    def submit(self, image: Image) -> Future[sv.Detections]:
        """Start detection; see `aforo.ports.Detector`."""
        x1, y1, x2, y2 = corners_px(self._region, image.shape[1], image.shape[0])
        moved: Future[sv.Detections] = Future()

        def move(detected: Future[sv.Detections]) -> None:
            if (error := detected.exception()) is not None:
                moved.set_exception(error)
                return
            part, offset = detected.result(), np.array([x1, y1, x1, y1], dtype=np.float32)
            moved.set_result(sv.Detections(xyxy=part.xyxy + offset, confidence=part.confidence, class_id=part.class_id))

        self._detector.submit(image[y1:y2, x1:x2]).add_done_callback(move)
        return moved

    def close(self) -> None:
        """Does nothing: it has no resources."""


def corners_px(region: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a part of a picture, from fractions to pixels."""
    left, top, right, bottom = region
    return round(left * width), round(top * height), round(right * width), round(bottom * height)
