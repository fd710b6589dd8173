"""The end of a YOLO network, cut to what is asked of it.

As exported, a network gives every one of its thousands of anchors a score for every label and a finished box; nearly
all of them are then thrown away. Cut, it gives the scores of the labels that are looked for and the best of all others,
and of the boxes only what they are made from: `Head.read` finishes those of the few anchors that see something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from detect import kernels
from detect.kernels import Floats

_WIDTH, _HEIGHT = 3, 2
"""Axes of a picture in the network: (picture, channel, height, width)."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the anchors saw that see something, best first or not.

    Attributes:
        xywh: (N, 4) left, top, width and height in network pixels.
        confidence: (N,) the score of the class.
        class_id: (N,) number of the label; of all others together, how many labels there are.
    """

    xywh: Floats
    confidence: Floats
    class_id: npt.NDArray[np.intp]


class Head:
    """How the outputs of a network that was cut are read.

    Args:
        rows: of each label that is looked for, where its score is.
        grids: of each output with distances, the pixels from one of its anchors to the next and the anchors' centres,
            shape (anchors, 2); none where the network finishes its boxes itself.
        lowest: scores up to this are nobody's.
        lowest_other: scores of other labels up to this are nobody's.
    """

    def __init__(
        self, rows: npt.NDArray[np.intp], grids: Sequence[tuple[float, Floats]], lowest: float, lowest_other: float
    ) -> None:
        self._rows, self._grids = rows, grids
        self._lowest, self._lowest_other = lowest, lowest_other
        self._firsts = np.cumsum([0, *(len(centres) for _, centres in grids)]).tolist()

    def read(self, outputs: Sequence[Floats], most: int) -> Candidates:
        """The anchors that see something.

        Args:
            outputs: of the network for one picture: scores (labels + others, anchors), then boxes (4, anchors) or
                distances, for each grid (rows, columns, 4 × bins).
            most: so many at most, those with the highest scores.
        """
        scores, *parts = (np.asarray(output, np.float32) for output in outputs)  # half-precision networks give float16
        chosen, confidence, class_id = kernels.candidates(scores, self._rows, self._lowest, self._lowest_other)
        if len(chosen) > most:
            best = np.sort(np.argpartition(-confidence, most)[:most])
            chosen, confidence, class_id = chosen[best], confidence[best], class_id[best]
        if not self._grids:
            centre, size = parts[0][:2, chosen].T, parts[0][2:4, chosen].T
            return Candidates(np.ascontiguousarray(np.hstack((centre - size / 2, size))), confidence, class_id)
        xywh = np.empty((len(chosen), 4), np.float32)
        for (stride, centres), part, first in zip(self._grids, parts, self._firsts, strict=False):
            kernels.finish(part.reshape(len(centres), -1), centres, stride, first, chosen, xywh)
        return Candidates(xywh, confidence, class_id)


def cut(model: ov.Model, columns: Sequence[int], lowest: float, lowest_other: float) -> tuple[ov.Model, Head]:
    """Cut a network with one output (1, 4 + labels, anchors): centre x, centre y, width, height, score per label.

    Args:
        model: of a fixed input size.
        columns: of the labels that are looked for, by their number.
        lowest: see `Head`.
        lowest_other: see `Head`.

    Returns:
        The network, whose outputs `Head.read` takes, and its reader.
    """
    output = model.get_results()[0].input_value(0)
    labels = output.get_shape()[1] - 4
    others = [column for column in range(labels) if column not in columns]
    # Ascending: a permutation of all channels is to OpenVINO another order of colours, and undoes that of the picture.
    columns, places = sorted(columns), np.searchsorted(sorted(columns), columns)
    parts = _parts(output, model.inputs[0].get_shape())
    if parts is None:
        along, ends = _constant([1]), [_constant([at]) for at in (0, 4, 4 + labels)]
        boxes, scores = (ops.slice(output, *ends[at : at + 2], _constant([1]), along) for at in (0, 1))
        outputs, grids = [_chosen([scores.output(0)], columns, others), boxes.output(0)], []
    else:
        scores = ops.sigmoid(_chosen(parts.logits, columns, others))  # it keeps their order: the best stays the best
        rows = [ops.transpose(each, _constant([0, 2, 3, 1])).output(0) for each in parts.distances]
        outputs, grids = [scores.output(0), *rows], parts.grids
    return ov.Model(outputs, model.get_parameters()), Head(places, grids, lowest, lowest_other)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the scores and boxes of a network are made from, for each of its grids, and the grids."""

    logits: list[Any]
    distances: list[Any]
    grids: list[tuple[float, Floats]]


def _chosen(scores: Sequence[Any], columns: Sequence[int], others: Sequence[int]) -> Any:
    """The scores of the labels looked for, and the best of the others: (1, labels + others, anchors)."""
    axis, found = ops.constant(np.int64(1)), []
    for each in scores:
        kept = [ops.gather(each, _constant(columns), axis)]
        if others:
            kept.append(ops.reduce_max(ops.gather(each, _constant(others), axis), axis, keep_dims=True))
        found.append(ops.reshape(ops.concat(kept, 1), _constant([1, len(columns) + bool(others), -1]), False))
    return (ops.concat(found, 2) if len(found) > 1 else found[0]).output(0)


def _parts(output: Any, input_shape: Sequence[int]) -> _Parts | None:
    """Follow Ultralytics' detection head backwards; None where the network ends otherwise.

    distances -> softmax -> mean -> box around the anchor -> × stride ─┐
                                                   logits -> sigmoid ──┴─> output
    """
    joined = output.get_node()
    if joined.get_type_name() != "Concat" or joined.get_input_size() != 2:  # noqa: PLR2004 (boxes and scores)
        return None
    boxes, sigmoid = (joined.input_value(at).get_node() for at in (0, 1))
    if boxes.get_type_name() != "Multiply" or sigmoid.get_type_name() != "Sigmoid":
        return None
    logits = _flattened(sigmoid.input_value(0).get_node())
    softmax = _above(boxes, "Softmax")
    distances = _flattened(_above(softmax, "Concat")) if softmax is not None else None
    if logits is None or distances is None:
        return None
    shapes = [list(each.get_shape()) for each in distances]
    if shapes != [[1, shapes[0][1], *each.get_shape()[_HEIGHT:]] for each in logits] or shapes[0][1] % 4:
        return None
    bins = softmax.output(0).get_shape()[1]
    mean = next(iter(softmax.output(0).get_target_inputs())).get_node()
    if mean.get_type_name() != "Convolution" or not np.array_equal(
        np.ravel(_value(mean.input_value(1))), np.arange(bins)
    ):
        return None
    return _Parts(logits, distances, [_grid(input_shape, shape) for shape in shapes])


def _grid(input_shape: Sequence[int], shape: Sequence[int]) -> tuple[float, Floats]:
    """Stride, and the centres of a grid's anchors in network pixels: row after row, in the middle of their cells."""
    stride = input_shape[_HEIGHT] / shape[_HEIGHT]
    y, x = np.indices(shape[_HEIGHT:], dtype=np.float32)
    return stride, ((np.stack((x.ravel(), y.ravel()), axis=1) + np.float32(0.5)) * np.float32(stride))


def _flattened(joined: Any) -> list[Any] | None:
    """The pictures (1, channels, height, width) that were flattened and joined along their anchors."""
    if joined is None or joined.get_type_name() != "Concat":
        return None
    found = []
    for at in range(joined.get_input_size()):
        reshape = joined.input_value(at).get_node()
        if reshape.get_type_name() != "Reshape":
            return None
        picture = reshape.input_value(0)
        shape = list(picture.get_shape())
        if len(shape) != _WIDTH + 1 or list(reshape.output(0).get_shape()) != [1, shape[1], shape[2] * shape[3]]:
            return None
        found.append(picture)
    return found


def _above(node: Any, wanted: str) -> Any:
    """The nearest node of that type before this one."""
    waiting, seen = [node], set[str]()
    while waiting:
        here = waiting.pop(0)
        for at in range(here.get_input_size()):
            before = here.input_value(at).get_node()
            if before.get_type_name() == wanted and before is not node:
                return before
            if before.get_name() not in seen and len(seen) < _FAR:
                seen.add(before.get_name())
                waiting.append(before)
    return None


_FAR = 40
"""No part of a head is further from its end, in nodes."""


def _value(output: Any) -> npt.NDArray[Any]:
    node = output.get_node()
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.asarray(node.get_data()) if node.get_type_name() == "Constant" else np.empty(0)


def _constant(values: Sequence[int]) -> Any:
    return ops.constant(np.array(values, np.int64))
