"""The end of a YOLO network, cut to what is asked of it.

As exported, a network gives every one of its thousands of anchors a score for every label and a finished box; nearly
all of them are then thrown away. Cut, it gives what leads to the scores, the best of these, and of the boxes only what
their last layer takes: `Head.read` does the rest for the few anchors that see something.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

from detect.openvino import boxes
from detect.openvino.boxes import Fit, Floats, Grid, Indices, Output

_WIDTH, _HEIGHT = 3, 2
"""Axes of a picture in the network: (picture, channel, height, width)."""


class Found(NamedTuple):
    """What was found in a picture, one box on each object, surest first.

    Attributes:
        xyxy: (N, 4) left, top, right and bottom in pixels of the picture.
        confidence: (N,) the score of the class.
        class_id: (N,) number of the label; of all others together, how many labels there are.
    """

    xyxy: Floats
    confidence: Floats
    class_id: Indices


class Head:
    """How the outputs of a network that was cut are read.

    Args:
        columns: of each label that is looked for, where its scores are.
        grids: whose anchors there are; none where the network finishes its scores and boxes itself.
        lowest: scores up to this are nobody's.
        lowest_other: scores of other labels up to this are nobody's; not less than `lowest`.
    """

    def __init__(self, columns: Sequence[int], grids: Sequence[Grid], lowest: float, lowest_other: float) -> None:
        self._columns = np.asarray(columns, np.intp)
        self._grids = tuple(grids)
        self._limits = (_logit(lowest), _logit(lowest_other)) if grids else (lowest, lowest_other)

    def arranged(self, outputs: Sequence[Floats]) -> tuple[Any, ...]:
        """The outputs for one picture as `read` takes them; where their memory stays, so does this.

        Args:
            outputs: for each grid those of `Output`; where there are no grids, scores (anchors, labels), the best of
                these (anchors,), and boxes (anchors, 4).
        """
        if not self._grids:
            return tuple(outputs)
        return tuple(Output(*outputs[at : at + 3]) for at in range(0, len(outputs), 3))

    def read(self, arranged: tuple[Any, ...], fit: Fit, most: float, limit: int) -> Found:
        """What is in a picture; `boxes.chosen` tells what `fit`, `most` and `limit` are."""
        if self._grids:
            return Found(*boxes.boxes_of(arranged, self._grids, self._columns, *self._limits, most, limit, fit))
        return Found(*boxes.chosen(*self._candidates(*arranged), most, limit, fit))

    def _candidates(self, scores: Floats, best_of_all: Floats, boxes: Floats) -> tuple[Floats, Floats, Indices]:
        """What `boxes.found` gives, of scores and boxes that are finished."""
        ours = scores[:, self._columns]
        best = ours.max(axis=1)
        is_ours = best > self._limits[0]
        seen = np.flatnonzero(is_ours | (best_of_all > self._limits[1]))
        centre, size = boxes[seen, :2], boxes[seen, 2:]
        return (
            np.hstack((centre - size / 2, size)),
            np.where(is_ours, best, best_of_all)[seen],
            np.where(is_ours, ours.argmax(axis=1), len(self._columns))[seen],
        )


def _logit(score: float) -> float:
    return math.log(score / (1 - score))


def cut(model: ov.Model, columns: Sequence[int], lowest: float, lowest_other: float) -> tuple[ov.Model, Head]:
    """Cut a network with one output (1, 4 + labels, anchors): centre x, centre y, width, height, score per label.

    Args:
        model: of a fixed input size.
        columns: of the labels that are looked for, by their number.
        lowest: see `Head`.
        lowest_other: see `Head`.

    Returns:
        The network, whose outputs `Head.arranged` takes, and its reader.
    """
    output = model.get_results()[0].input_value(0)
    parts = _parts(output, model.inputs[0].get_shape())
    if parts is None:
        boxes, scores = ops.variadic_split(output, _constant(1), _constant([4, -1])).outputs()
        pairs, order, grids = [(scores, boxes)], [0, 2, 1], []
    else:
        pairs, order, grids = list(zip(parts.logits, parts.features, strict=True)), [0, 2, 3, 1], parts.grids
    outputs = []
    for scores, boxes in pairs:
        best = ops.reduce_max(scores, _constant(1))
        scores, boxes = (ops.transpose(each, _constant(order)) for each in (scores, boxes))
        outputs += [made.output(0) for made in (scores, best, boxes)]
    return ov.Model(outputs, model.get_parameters()), Head(columns, grids, lowest, lowest_other)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the scores and boxes of a network are made from, for each of its grids, and the grids."""

    logits: list[Any]
    features: list[Any]
    grids: list[Grid]


def _parts(output: Any, input_shape: Sequence[int]) -> _Parts | None:
    """Follow Ultralytics' detection head backwards; None where the network ends otherwise.

    features -> last layer -> softmax -> mean -> box around the anchor -> × stride ─┐
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
    lasts = [_last_layer(each) for each in distances]
    strides = [input_shape[_HEIGHT] / shape[_HEIGHT] for shape in shapes]
    grids = [
        Grid(weights, bias, _centres(stride, shape), stride)
        for stride, shape, (_, weights, bias) in zip(strides, shapes, lasts, strict=True)
    ]
    return _Parts(logits, [features for features, _, _ in lasts], grids)


def _last_layer(distances: Any) -> tuple[Any, Floats, Floats]:
    """What it takes, its weights (channels, outputs) and its bias; one that changes nothing where it is not plain."""
    outputs = distances.get_shape()[1]
    add = distances.get_node()
    if add.get_type_name() == "Add" and add.input_value(0).get_node().get_type_name() == "Convolution":
        convolution = add.input_value(0).get_node()
        weights, bias = _value(convolution.input_value(1)), _value(add.input_value(1))
        is_plain = list(convolution.get_input_shape(0))[_HEIGHT:] == list(distances.get_shape())[_HEIGHT:]
        if is_plain and weights.shape[2:] == (1, 1) and bias.size == outputs:
            matrix = np.ascontiguousarray(weights[:, :, 0, 0].T, np.float32)
            return convolution.input_value(0), matrix, np.array(bias.ravel(), np.float32)
    return distances, np.eye(outputs, dtype=np.float32), np.zeros(outputs, np.float32)


def _centres(stride: float, shape: Sequence[int]) -> Floats:
    """Of a grid's anchors in network pixels: row after row, in the middle of their cells."""
    y, x = np.indices(shape[_HEIGHT:], dtype=np.float32)
    return (np.stack((x.ravel(), y.ravel()), axis=1) + np.float32(0.5)) * np.float32(stride)


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


def _constant(values: int | Sequence[int]) -> Any:
    return ops.constant(np.array(values, np.int64))
