"""Cuts the end off a YOLO network and computes it for the few anchors that detect something.

As exported, a network gives each of its thousands of anchors a score for every label and a box; nearly all are dropped.
The cut network gives the logits of the scores, the highest of them, and the input of the last layer of the boxes;
`Head.read` computes the rest for the anchors whose score is high enough.
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
from detect.openvino.boxes import Floats, Grid, Indices, Output, Placement

_WIDTH, _HEIGHT = 3, 2
"""Axes of a picture in the network: (picture, channel, height, width)."""


class PictureDetections(NamedTuple):
    """The detections in a picture after non-maximum suppression, highest confidence first.

    Attributes:
        xyxy: (N, 4) left, top, right and bottom, picture pixels.
        confidence: (N,) score of the label, 0..1.
        class_id: (N,) index of the wanted label; the number of wanted labels for any other one.
    """

    xyxy: Floats
    confidence: Floats
    class_id: Indices


class Head:
    """Reads the outputs of a cut network.

    Args:
        columns: for each wanted label, its column among the scores.
        grids: the grids of anchors; none if the network computes scores and boxes itself.
        lowest: for each wanted label, detections whose score is not above this are dropped.
        lowest_other: the same for all other labels; not less than any of `lowest`.
    """

    def __init__(
        self, columns: Sequence[int], grids: Sequence[Grid], lowest: Sequence[float], lowest_other: float
    ) -> None:
        self._columns = np.asarray(columns, np.intp)
        self._grids = tuple(grids)
        scale = _logit if grids else float
        self._limits = np.array([scale(each) for each in lowest], np.float32), scale(lowest_other)

    def arrange(self, outputs: Sequence[Floats]) -> tuple[Any, ...]:
        """The outputs for one picture as `read` takes them: views, valid as long as the memory of the outputs.

        Args:
            outputs: for each grid the three of `Output`; without grids, scores (anchors, labels), the highest of them
                (anchors,), and boxes (anchors, 4) centre x, centre y, width, height.
        """
        if not self._grids:
            return tuple(outputs)
        return tuple(Output(*outputs[at : at + 3]) for at in range(0, len(outputs), 3))

    def read(
        self, arranged: tuple[Any, ...], placement: Placement, most_iou: float, most_candidates: int
    ) -> PictureDetections:
        """The detections in a picture; the other arguments are those of `boxes.select_boxes`."""
        if self._grids:
            return PictureDetections(
                *boxes.detections_of(
                    arranged, self._grids, self._columns, *self._limits, most_iou, most_candidates, placement
                )
            )
        return PictureDetections(
            *boxes.select_boxes(*self._candidates(*arranged), most_iou, most_candidates, placement)
        )

    def _candidates(self, scores: Floats, best_of_all: Floats, boxes: Floats) -> tuple[Floats, Floats, Indices]:
        """The same as `boxes.candidates`, from computed scores and boxes."""
        wanted = scores[:, self._columns]
        best, which = wanted.max(axis=1), wanted.argmax(axis=1)
        is_wanted = best > self._limits[0][which]
        seen = np.flatnonzero(is_wanted | (best_of_all > self._limits[1]))
        centre, size = boxes[seen, :2], boxes[seen, 2:]
        return (
            np.hstack((centre - size / 2, size)),
            np.where(is_wanted, best, best_of_all)[seen],
            np.where(is_wanted, which, len(self._columns))[seen],
        )


def _logit(score: float) -> float:
    return math.log(score / (1 - score))


def cut(model: ov.Model, columns: Sequence[int], lowest: Sequence[float], lowest_other: float) -> tuple[ov.Model, Head]:
    """Cut a network with one output (1, 4 + labels, anchors): centre x, centre y, width, height, score per label.

    Args:
        model: of a fixed input size.
        columns: the columns of the wanted labels among the scores.
        lowest: see `Head`.
        lowest_other: see `Head`.

    Returns:
        The network, whose outputs `Head.arrange` takes, and its reader.
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
    """The nodes from which scores and boxes are computed, for each grid, and the grids."""

    logits: list[Any]
    features: list[Any]
    grids: list[Grid]


def _parts(output: Any, input_shape: Sequence[int]) -> _Parts | None:
    """Find the parts of Ultralytics' detection head, from its output backwards; None if the network ends otherwise.

    features -> last layer (-> softmax -> mean) -> box around the anchor -> × stride ─┐
                                                                  logits -> sigmoid ──┴─> output
    """
    joined = output.get_node()
    if joined.get_type_name() != "Concat" or joined.get_input_size() != 2:  # noqa: PLR2004 (boxes and scores)
        return None
    boxes, sigmoid = (joined.input_value(at).get_node() for at in (0, 1))
    if boxes.get_type_name() != "Multiply" or sigmoid.get_type_name() != "Sigmoid":
        return None
    logits, distances = _flattened(sigmoid.input_value(0).get_node()), _distributions(boxes) or _plain_distances(boxes)
    if logits is None or distances is None:
        return None
    shapes = [list(each.get_shape()) for each in distances]
    if shapes != [[1, shapes[0][1], *each.get_shape()[_HEIGHT:]] for each in logits] or shapes[0][1] % 4:
        return None
    lasts = [_last_layer(each) for each in distances]
    strides = [input_shape[_HEIGHT] / shape[_HEIGHT] for shape in shapes]
    grids = [
        Grid(weights, bias, _centres(stride, shape), stride)
        for stride, shape, (_, weights, bias) in zip(strides, shapes, lasts, strict=True)
    ]
    return _Parts(logits, [features for features, _, _ in lasts], grids)


def _distributions(boxes: Any) -> list[Any] | None:
    """The logits (1, 4 × bins, height, width) of distances that are means of distributions, as until YOLO12."""
    softmax = _ancestor(boxes, "Softmax")
    if softmax is None:
        return None
    bins = softmax.output(0).get_shape()[1]
    mean = next(iter(softmax.output(0).get_target_inputs())).get_node()
    if mean.get_type_name() != "Convolution" or not np.array_equal(
        np.ravel(_constant_of(mean.input_value(1))), np.arange(bins)
    ):
        return None
    return _flattened(_ancestor(softmax, "Concat"))


def _plain_distances(boxes: Any) -> list[Any] | None:
    """The distances (1, 4, height, width) themselves, in strides, as since YOLO26: left and top, right and bottom."""
    split = _ancestor(boxes, "VariadicSplit")
    if split is None or [list(each.get_shape())[:2] for each in split.outputs()] != [[1, 2], [1, 2]]:
        return None
    return _flattened(split.input_value(0).get_node())


def _last_layer(distances: Any) -> tuple[Any, Floats, Floats]:
    """Input, weights (channels, outputs) and bias of the last layer; an identity if it is no plain 1×1 convolution."""
    outputs = distances.get_shape()[1]
    add = distances.get_node()
    if add.get_type_name() == "Add" and add.input_value(0).get_node().get_type_name() == "Convolution":
        convolution = add.input_value(0).get_node()
        weights, bias = _constant_of(convolution.input_value(1)), _constant_of(add.input_value(1))
        is_plain = list(convolution.get_input_shape(0))[_HEIGHT:] == list(distances.get_shape())[_HEIGHT:]
        if is_plain and weights.shape[2:] == (1, 1) and bias.size == outputs:
            matrix = np.ascontiguousarray(weights[:, :, 0, 0].T, np.float32)
            return convolution.input_value(0), matrix, np.array(bias.ravel(), np.float32)
    return distances, np.eye(outputs, dtype=np.float32), np.zeros(outputs, np.float32)


def _centres(stride: float, shape: Sequence[int]) -> Floats:
    """Centres (anchors, 2) of a grid's anchors, network pixels, row after row: the middles of the cells."""
    y, x = np.indices(shape[_HEIGHT:], dtype=np.float32)
    return (np.stack((x.ravel(), y.ravel()), axis=1) + np.float32(0.5)) * np.float32(stride)


def _flattened(joined: Any) -> list[Any] | None:
    """The tensors (1, channels, height, width) that a concatenation flattens and joins; None for another node."""
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


def _ancestor(node: Any, wanted: str) -> Any:
    """The nearest node of a type among the inputs of a node, breadth first; None if there is none near."""
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
"""Most nodes that are searched for a part of a head."""


def _constant_of(output: Any) -> npt.NDArray[Any]:
    node = output.get_node()
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.asarray(node.get_data()) if node.get_type_name() == "Constant" else np.empty(0)


def _constant(values: int | Sequence[int]) -> Any:
    return ops.constant(np.array(values, np.int64))
