"""From the outputs of a YOLO network to boxes in the picture, with non-maximum suppression. Compiled, pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled, compiling

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


class Grid(NamedTuple):
    """A grid of anchors, and the last layer of the network, which gives their boxes.

    Attributes:
        weights: (channels, 4 × bins) of the last layer, which gives the distances to the four sides.
        bias: (4 × bins,) of that layer.
        centres: (anchors, 2) in network pixels, row after row.
        stride: network pixels from one anchor to the next.
    """

    weights: Floats
    bias: Floats
    centres: Floats
    stride: float


class Output(NamedTuple):
    """The network's outputs for one grid of anchors.

    Attributes:
        logits: (rows, columns, labels) logits of the scores.
        best: (rows, columns) the highest of these.
        features: (rows, columns, channels) input of the last layer.
    """

    logits: Floats
    best: Floats
    features: Floats


class Placement(NamedTuple):
    """Where a picture lies in the network's input.

    Attributes:
        scale: network pixels per picture pixel.
        left, top: padding before the picture, network pixels.
        width, height: of the picture, picture pixels.
    """

    scale: float
    left: float
    top: float
    width: float
    height: float


@compiled
def detections_of(
    outputs: tuple[Output, ...],
    grids: tuple[Grid, ...],
    columns: Indices,
    lowest: Floats,
    lowest_other: float,
    most_iou: float,
    most_candidates: int,
    placement: Placement,
) -> tuple[Floats, Floats, Indices]:
    """From the network's outputs to boxes in the picture: `candidates`, then `select_boxes`, in one compiled call."""
    xywh, confidence, label = candidates(outputs, grids, columns, lowest, lowest_other)
    return select_boxes(xywh, confidence, label, most_iou, most_candidates, placement)


@compiled
def candidates(
    outputs: tuple[Output, ...],
    grids: tuple[Grid, ...],
    columns: Indices,
    lowest: Floats,
    lowest_other: float,
) -> tuple[Floats, Floats, Indices]:
    """Boxes and labels of all anchors with a score high enough.

    The last layer gives the distances from an anchor's centre to the sides; each is the mean of a distribution over
    whole numbers of strides, given by its logits (distribution focal loss, Li et al., NeurIPS 2020), or, with one bin,
    what the layer says itself, in strides.

    Args:
        outputs: one for each grid.
        grids: as many.
        columns: (labels,) for each wanted label, its column in the logits.
        lowest: (labels,) anchors whose highest logit is not above that of its label are dropped.
        lowest_other: the same for anchors with none of the wanted labels; not less than any of `lowest`.

    Returns:
        (N, 4) left, top, width, height, network pixels; (N,) scores 0..1; (N,) the index in `columns`, or its length
        for any other label.
    """
    rows, least = 0, lowest.min()
    for at in range(len(outputs)):
        rows += (outputs[at].best > least).sum()
    xywh, confidence, label = np.empty((rows, 4), np.float32), np.empty(rows, np.float32), np.empty(rows, np.intp)
    count = 0
    for at in range(len(outputs)):
        output, grid = outputs[at], grids[at]
        height, width = output.best.shape
        for row in range(height):
            for column in range(width):
                if not output.best[row, column] > least:  # also drops NaN
                    continue
                best, which = output.logits[row, column, columns[0]], 0
                for number in range(1, len(columns)):
                    logit = output.logits[row, column, columns[number]]
                    if logit > best:
                        best, which = logit, number
                if best <= lowest[which]:
                    if output.best[row, column] <= lowest_other:
                        continue
                    best, which = output.best[row, column], len(columns)
                confidence[count], label[count] = np.float32(1) / (np.float32(1) + np.exp(-best)), which
                decode_anchor(output.features[row, column], grid, row * width + column, xywh[count])
                count += 1
    return xywh[:count], confidence[:count], label[:count]


@compiled
def decode_anchor(features: Floats, grid: Grid, anchor: int, xywh: Floats) -> None:
    """Write the box of one anchor to `xywh`, network pixels; see `candidates`."""
    bins = len(grid.bias) // 4
    logs, distance = grid.bias.copy(), np.empty(4, np.float32)
    for channel in range(len(features)):
        feature = features[channel]
        for number in range(4 * bins):
            logs[number] += feature * grid.weights[channel, number]
    for side in range(4):
        if bins == 1:
            distance[side] = logs[side] * np.float32(grid.stride)
            continue
        part = logs[side * bins : (side + 1) * bins]
        top = part.max()
        total = weighted = np.float32(0)
        for number in range(bins):
            weight = np.exp(part[number] - top)
            total += weight
            weighted += weight * np.float32(number)
        distance[side] = weighted * np.float32(grid.stride) / total
    xywh[0], xywh[1] = grid.centres[anchor, 0] - distance[0], grid.centres[anchor, 1] - distance[1]
    xywh[2], xywh[3] = distance[0] + distance[2], distance[1] + distance[3]


@compiled
def select_boxes(
    xywh: Floats, confidence: Floats, label: Indices, most_iou: float, most_candidates: int, placement: Placement
) -> tuple[Floats, Floats, Indices]:
    """Non-maximum suppression, then the boxes in picture pixels, clipped to the picture; highest confidence first.

    Args:
        xywh: (N, 4) left, top, width, height, network pixels.
        confidence: (N,) 0..1.
        label: (N,).
        most_iou: highest IoU of two boxes of one label.
        most_candidates: only so many candidates of the highest confidence are considered.
        placement: of the picture in the network's input.

    Returns:
        (M, 4) left, top, right, bottom, picture pixels; (M,) confidence; (M,) label.
    """
    keep = suppress_per_label(xywh, confidence, label, most_iou, most_candidates)
    xyxy = np.empty((len(keep), 4), np.float32)
    scale, left, top = np.float32(placement.scale), np.float32(placement.left), np.float32(placement.top)
    for at in range(len(keep)):
        x, y, width, height = xywh[keep[at]]
        xyxy[at, 0] = min(max((x - left) / scale, 0), placement.width)
        xyxy[at, 1] = min(max((y - top) / scale, 0), placement.height)
        xyxy[at, 2] = min(max((x + width - left) / scale, 0), placement.width)
        xyxy[at, 3] = min(max((y + height - top) / scale, 0), placement.height)
    return xyxy, confidence[keep], label[keep]


@compiled
def suppress_per_label(
    xywh: Floats, confidence: Floats, label: Indices, most_iou: float, most_candidates: int
) -> Indices:
    """Non-maximum suppression per label: the indices of the boxes to keep, highest confidence first.

    The arguments are those of `select_boxes`.
    """
    order = np.argsort(-confidence, kind="mergesort")[:most_candidates]
    keep = np.empty(len(order), np.intp)
    count = 0
    for i in order:
        alone = True
        for at in range(count):
            if label[keep[at]] == label[i] and iou_xywh(xywh[keep[at]], xywh[i]) > most_iou:
                alone = False
                break
        if alone:
            keep[count] = i
            count += 1
    return keep[:count]


@compiled
def iou_xywh(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes (4,) left, top, width, height; 0 if one has no area."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = np.float64(width) * np.float64(height)
    return shared / (np.float64(a[2]) * np.float64(a[3]) + np.float64(b[2]) * np.float64(b[3]) - shared)


def compile_all() -> None:
    """Compile every kernel of this module now, so that the first picture does not wait for it."""
    rows, numbers, table = np.zeros(0, np.intp), np.zeros(0, np.float32), np.zeros((0, 4), np.float32)
    pictures = np.zeros((0, 0, 4), np.float32)
    output, grid = Output(pictures, table, pictures), Grid(table, numbers, table, 1.0)
    placement = Placement(1.0, 0.0, 0.0, 1.0, 1.0)
    with compiling(__file__):
        detections_of(
            (output, output, output),
            (grid, grid, grid),
            np.zeros(1, np.intp),
            np.ones(1, np.float32),
            1.0,
            0.5,
            1,
            placement,
        )
        select_boxes(table, numbers, rows, 0.5, 1, placement)
