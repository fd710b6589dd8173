"""Reads networks that suppress by themselves, as YOLO26 may be exported: no box of theirs is of the same road user.

Their output is (1, detections, 6): left, top, right and bottom in network pixels, score, label; of the surest anchors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detect.openvino import boxes
from detect.openvino.boxes import Floats, Placement
from detect.openvino.network_head import PictureDetections

COLUMNS = 6
_SCORE, _LABEL = 4, 5


class EndToEndHead:
    """Reads the output of such a network; see `network_head.Head`, whose place it takes."""

    def __init__(self, columns: Sequence[int], lowest: Sequence[float], lowest_other: float) -> None:
        self._columns = np.asarray(columns, np.intp)
        self._lowest = np.array([*lowest, lowest_other], np.float32)

    def arrange(self, outputs: Sequence[Floats]) -> tuple[Floats, ...]:
        """The output for one picture, (detections, 6)."""
        return tuple(outputs)

    def read(
        self,
        arranged: tuple[Floats, ...],
        placement: Placement,
        most_iou: float,  # noqa: ARG002 -- as `Head.read` takes it
        most_candidates: int,
    ) -> PictureDetections:
        """The detections in a picture; nothing is suppressed, whatever `most_iou` says: the network has done so."""
        (found,) = arranged
        is_label = found[:, _LABEL, None] == self._columns
        label = np.where(is_label.any(axis=1), is_label.argmax(axis=1), len(self._columns))
        seen = found[:, _SCORE] > self._lowest[label]
        corners = np.array(found[seen, :_SCORE], np.float32)
        xywh = np.hstack((corners[:, :2], corners[:, 2:] - corners[:, :2]))
        score = np.array(found[seen, _SCORE], np.float32)
        return PictureDetections(
            *boxes.select_boxes(xywh, score, label[seen].astype(np.intp), 1.0, most_candidates, placement)
        )
