"""The graph of a quantised network: every value is rounded once; what is split before computes the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from aforo.config.detector import DetectorSection
from app.assemble import float_model
from detect.openvino.model_files import model_file
from detect.openvino.shared_ranges import share_ranges, split_convolutions


def outputs(model: ov.Model, picture: np.ndarray) -> np.ndarray:
    return np.array(ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(picture)[0])


def constant(value: Any) -> Any:
    return ops.constant(np.asarray(value, np.float32))


def rounded(source: Any, low: float, high: float) -> Any:
    return ops.fake_quantize(source, *map(constant, (low, high, low, high)), 256)


def kinds(model: ov.Model) -> Counter[str]:
    return Counter(node.get_type_name() for node in model.get_ops())


@pytest.mark.model
def test_split_convolutions_compute_the_same(default_model_path: Path) -> None:
    file = model_file(float_model(DetectorSection(model=str(default_model_path))))
    before, after = ov.Core().read_model(file), ov.Core().read_model(file)
    assert split_convolutions(after) == 8  # one for each of YOLOv8's C2f blocks
    assert kinds(before)["VariadicSplit"] - kinds(after)["VariadicSplit"] == 8
    assert kinds(after)["Convolution"] - kinds(before)["Convolution"] == 8
    picture = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)
    np.testing.assert_allclose(outputs(after, picture), outputs(before, picture), rtol=1e-4, atol=1e-4)


def test_a_convolution_that_something_else_reads_is_left_whole() -> None:
    picture = ops.parameter([1, 2, 4, 4], np.float32)
    weights = constant(np.ones((4, 2, 1, 1)))
    swish = ops.swish(
        ops.add(ops.convolution(picture, weights, [1, 1], [0, 0], [0, 0], [1, 1]), constant(np.ones((1, 4, 1, 1))))
    )
    split = ops.variadic_split(swish, ops.constant(np.int64(1)), ops.constant(np.array([1, -1], np.int64)))
    model = ov.Model([split.output(0), split.output(1), ops.relu(swish).output(0)], [picture])
    assert split_convolutions(model) == 0


def test_every_value_is_rounded_once_by_the_widest_range_of_those_it_meets() -> None:
    """The first layer is read by a sum, a concatenation and, through a pool, another one, where it meets the second."""
    picture = ops.parameter([1, 2, 4, 4], np.float32)
    first, second = ops.relu(picture), ops.swish(picture)
    pooled = ops.max_pool(first, [1, 1], [1, 1], [0, 0], [0, 0], [1, 1]).output(0)
    joined = ops.concat([rounded(pooled, 0, 2), rounded(second, -0.5, 3)], 1)
    summed = ops.add(rounded(first, 0, 1), constant(1.0))
    behind = rounded(ops.concat([first, ops.tanh(picture)], 1), 0, 2)
    alone = rounded(ops.sigmoid(picture), 0, 1)
    model = ov.Model([each.output(0) for each in (joined, summed, behind, alone)], [picture])
    share_ranges(model)

    found = [node for node in model.get_ops() if node.get_type_name() == "FakeQuantize"]
    sources = Counter(node.input_value(0).get_node().get_type_name() for node in found)
    assert sources == {"Relu": 1, "Swish": 1, "Tanh": 1, "Sigmoid": 1}
    ranges = {
        node.input_value(0).get_node().get_type_name(): tuple(
            node.input_value(at).get_node().get_data().item() for at in (1, 2)
        )
        for node in found
    }
    assert ranges["Sigmoid"] == (0, 1)
    low, high = ranges["Relu"]
    assert ranges["Swish"] == ranges["Tanh"] == (low, high)
    step = (high - low) / 255
    assert abs(low + 0.5) < step
    assert abs(high - 3) < step
    assert low / step == pytest.approx(round(low / step), abs=1e-4)  # zero is on a step: nothing stays nothing

    values = np.random.default_rng(1).normal(size=(1, 2, 4, 4)).astype(np.float32)
    relu = np.maximum(values, 0)
    summed_out = np.array(ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(values)[1])
    np.testing.assert_allclose(summed_out, relu + 1, atol=step)
