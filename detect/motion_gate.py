"""The motion gate: pictures without change are not analysed; the last detections are used again.

A picture is compared with the last analysed one, not with the previous one, so that slow motion adds up. Both are
reduced to a coarse grid of grey cells, in which the noise of single pixels averages out and even a small road user
covers several cells.
"""

from __future__ import annotations

from concurrent.futures import Future

import cv2
import numpy as np
import numpy.typing as npt
import supervision as sv

from aforo.model import Image
from aforo.ports import Detector

CELLS_ACROSS = 160
"""Cells along the longer side of a picture: four pixels of a network input of 640."""

LEAST_CHANGE = 6.0
"""Least change of a cell that counts as motion, grey levels of 256. Compressed pictures of an empty street vary by 3 to
5; objects of less contrast are not detected by the network either."""


class MotionGate:
    """A `Detector` for one camera that runs another one only on pictures with motion.

    Args:
        detector: the other one; closed by its owner.

    Attributes:
        submitted: pictures so far.
        still: pictures without motion so far.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._cells: npt.NDArray[np.float32] | None = None
        self._answer: Future[sv.Detections] | None = None
        self.description, self.capacity = detector.description, detector.capacity
        self.submitted = self.still = 0

    @property
    def labels(self) -> tuple[str, ...]:
        """The label per class id."""
        return self._detector.labels

    def submit(self, image: Image) -> Future[sv.Detections]:
        """Start detection, or return the last detections again; see `aforo.ports.Detector`."""
        self.submitted += 1
        cells = _cells(image)
        if self._answer is not None and self._cells is not None and not _changed(self._cells, cells):
            self.still += 1
            return self._answer
        self._cells, self._answer = cells, self._detector.submit(image)
        return self._answer

    def close(self) -> None:
        """Does nothing: it has no resources."""


def _cells(image: Image) -> npt.NDArray[np.float32]:
    height, width = image.shape[:2]
    scale = min(1.0, CELLS_ACROSS / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return np.asarray(grey, dtype=np.float32)


def _changed(before: npt.NDArray[np.float32], now: npt.NDArray[np.float32]) -> bool:
    if before.shape != now.shape:
        return True
    return bool(np.abs(now - before).max() > LEAST_CHANGE)
