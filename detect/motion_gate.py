"""No work for pictures that show nothing new: the network's last answer stands.

A picture is compared with the last one that the network saw, not with the one before it, so that what creeps is noticed
once it has come far enough to change anything. Both are brought to a coarse grid of grey cells, in which the noise of
single pixels averages out and even a small road user covers some cells.
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
"""Cells in the longer side of a picture: of four pixels where the network sees 640."""

LEAST_CHANGE = 6.0
"""Grey levels, of 256, that a cell changes by when something moves. The compressed pictures of an empty street tremble
by 3 to 5; what stands out less from the street is not seen by the network either."""


class StillnessDetector:
    """A `Detector` for one camera that asks another one only when something has changed.

    Args:
        detector: asked then; whoever made it closes it.

    Attributes:
        submitted: pictures so far.
        still: those that showed nothing new.
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
        """Start detection, or give the last answer again; see `aforo.ports.Detector`."""
        self.submitted += 1
        cells = _cells(image)
        if self._answer is not None and self._cells is not None and not _changed(self._cells, cells):
            self.still += 1
            return self._answer
        self._cells, self._answer = cells, self._detector.submit(image)
        return self._answer

    def close(self) -> None:
        """Nothing of its own to free."""


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
