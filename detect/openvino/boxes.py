"""The arithmetic after the network, compiled: from its outputs to boxes, one on each object. Pure."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from aforo.kernel_cache import compiled, compiling

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]


class Grid(NamedTuple):
    """Anchors in rows and columns, and how their boxes are made.

    Attributes:
        weights: (channels, 4 × bins) of the network's last layer, which says how far it is to each side.
        bias: (4 × bins,) of that layer.
        centres: (anchors, 2) in network pixels, row after row.
        stride: pixels from one anchor to the next.
    """

    weights: Floats
    bias: Floats
    centres: Floats
    stride: float


class Output(NamedTuple):
    """What the network says of a grid's anchors.

    Attributes:
        logits: (rows, columns, labels) of the scores.
        best: (rows, columns) of these.
        features: (rows, columns, channels), what the last layer takes.
    """

    logits: Floats
    best: Floats
    features: Floats


class Fit(NamedTuple):
    """How a picture lies in the network's input.

    Attributes:
        scale: network pixels per picture pixel.
        left, top: of the picture in the input, network pixels.
        width, height: of the picture, its own pixels.
    """

    scale: float
    left: float
    top: float
    width: float
    height: float


@compiled
def boxes_of(
    outputs: tuple[Output, ...],
    grids: tuple[Grid, ...],
    columns: Indices,
    lowest: float,
    lowest_other: float,
    most: float,
    limit: int,
    fit: Fit,
) -> tuple[Floats, Floats, Indices]:
    """From the network's outputs to boxes in the picture: `found`, then `chosen`, in one call."""
    xywh, confidence, label = found(outputs, grids, columns, lowest, lowest_other)
    return chosen(xywh, confidence, label, most, limit, fit)


@compiled
def found(
    outputs: tuple[Output, ...],
    grids: tuple[Grid, ...],
    columns: Indices,
    lowest: float,
    lowest_other: float,
) -> tuple[Floats, Floats, Indices]:
    """What the anchors see that see something: labels, and boxes by the network's last layer.

    That layer gives the distances from an anchor's centre to the sides; each is the mean of a distribution over whole
    numbers of strides, given by its logs.

    Args:
        outputs: one for each grid.
        grids: as many.
        columns: (labels,) of each label that is looked for, where its scores are.
        lowest: labels with logits up to this are not seen.
        lowest_other: nor is anything else up to this; not less than `lowest`.

    Returns:
        (N, 4) left, top, width, height in network pixels; (N,) scores; (N,) the label, of others how many labels there
        are.
    """
    most = 0
    for at in range(len(outputs)):
        most += (outputs[at].best > lowest).sum()
    xywh, confidence, label = np.empty((most, 4), np.float32), np.empty(most, np.float32), np.empty(most, np.intp)
    count = 0
    for at in range(len(outputs)):
        output, grid = outputs[at], grids[at]
        height, width = output.best.shape
        for row in range(height):
            for column in range(width):
                if not output.best[row, column] > lowest:  # not a number, perhaps
                    continue
                best, which = output.logits[row, column, columns[0]], 0
                for number in range(1, len(columns)):
                    logit = output.logits[row, column, columns[number]]
                    if logit > best:
                        best, which = logit, number
                if best <= lowest:
                    if output.best[row, column] <= lowest_other:
                        continue
                    best, which = output.best[row, column], len(columns)
                confidence[count], label[count] = np.float32(1) / (np.float32(1) + np.exp(-best)), which
                box(output.features[row, column], grid, row * width + column, xywh[count])
                count += 1
    return xywh[:count], confidence[:count], label[:count]


@compiled
def box(features: Floats, grid: Grid, anchor: int, xywh: Floats) -> None:
    """The box of one anchor, written to `xywh`; see `found`."""
    bins = len(grid.bias) // 4
    logs, distance = grid.bias.copy(), np.empty(4, np.float32)
    for channel in range(len(features)):
        feature = features[channel]
        for number in range(4 * bins):
            logs[number] += feature * grid.weights[channel, number]
    for side in range(4):
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
def chosen(
    xywh: Floats, confidence: Floats, label: Indices, most: float, limit: int, fit: Fit
) -> tuple[Floats, Floats, Indices]:
    """One box on each object, surest first, in the picture and clipped to it.

    Args:
        xywh: (N, 4) left, top, width, height in network pixels.
        confidence: (N,).
        label: (N,).
        most: boxes of one label overlap by so much at most.
        limit: only so many of the surest are looked at.
        fit: of the picture.

    Returns:
        (M, 4) left, top, right, bottom in picture pixels; (M,); (M,).
    """
    kept = surest_of_each_label(xywh, confidence, label, most, limit)
    xyxy = np.empty((len(kept), 4), np.float32)
    scale, left, top = np.float32(fit.scale), np.float32(fit.left), np.float32(fit.top)
    for at in range(len(kept)):
        x, y, width, height = xywh[kept[at]]
        xyxy[at, 0] = min(max((x - left) / scale, 0), fit.width)
        xyxy[at, 1] = min(max((y - top) / scale, 0), fit.height)
        xyxy[at, 2] = min(max((x + width - left) / scale, 0), fit.width)
        xyxy[at, 3] = min(max((y + height - top) / scale, 0), fit.height)
    return xyxy, confidence[kept], label[kept]


@compiled
def surest_of_each_label(xywh: Floats, confidence: Floats, label: Indices, most: float, limit: int) -> Indices:
    """Non-maximum suppression: indices, surest first, of boxes that no kept one of their label overlaps by > `most`.

    Only the `limit` surest are looked at.
    """
    order = np.argsort(-confidence, kind="mergesort")[:limit]
    kept = np.empty(len(order), np.intp)
    count = 0
    for i in order:
        alone = True
        for at in range(count):
            if label[kept[at]] == label[i] and overlap(xywh[kept[at]], xywh[i]) > most:
                alone = False
                break
        if alone:
            kept[count] = i
            count += 1
    return kept[:count]


@compiled
def overlap(a: Floats, b: Floats) -> float:
    """Intersection over union of two boxes, left, top, width and height; 0 where one has no area."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = np.float64(width) * np.float64(height)
    return shared / (np.float64(a[2]) * np.float64(a[3]) + np.float64(b[2]) * np.float64(b[3]) - shared)


def compile_all() -> None:
    """Have everything compiled before the first picture comes, which would have to wait."""
    rows, numbers, table = np.zeros(0, np.intp), np.zeros(0, np.float32), np.zeros((0, 4), np.float32)
    pictures = np.zeros((0, 0, 4), np.float32)
    output, grid = Output(pictures, table, pictures), Grid(table, numbers, table, 1.0)
    fit = Fit(1.0, 0.0, 0.0, 1.0, 1.0)
    with compiling(__file__):
        boxes_of((output, output, output), (grid, grid, grid), np.zeros(1, np.intp), 0.0, 0.0, 0.5, 1, fit)
        chosen(table, numbers, rows, 0.5, 1, fit)
