"""Detection in a part of the picture only: what no line or zone needs is not looked at."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import supervision as sv

from aforo.model import Image
from aforo.ports import Detector


class RegionDetector:
    """A `Detector` that shows another one a part of each picture; boxes are those of the whole picture.

    Args:
        detector: looks at the part; whoever made it closes it.
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

        def move(found: Future[sv.Detections]) -> None:
            if (error := found.exception()) is not None:
                moved.set_exception(error)
                return
            part, away = found.result(), np.array([x1, y1, x1, y1], dtype=np.float32)
            moved.set_result(sv.Detections(xyxy=part.xyxy + away, confidence=part.confidence, class_id=part.class_id))

        self._detector.submit(image[y1:y2, x1:x2]).add_done_callback(move)
        return moved

    def close(self) -> None:
        """Nothing of its own to free."""


def corners_px(region: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a part of a picture in pixels, from fractions of it."""
    left, top, right, bottom = region
    return round(left * width), round(top * height), round(right * width), round(bottom * height)
