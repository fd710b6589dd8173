"""Shared quantisation ranges: every value of an INT8 network is rounded once and stays in eight bits between layers.

NNCF gives each consumer of a value its own range: the sum, the concatenation and the convolution after a layer each
quantise its output. OpenVINO then computes the output in 32-bit floats and rounds it for each consumer. Here all
consumers of a value, and all inputs of a concatenation, share the widest of their ranges; and a convolution whose
output is only split becomes one convolution for each part.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops


def split_convolutions(model: ov.Model) -> int:
    """Replace each convolution with bias and Swish whose output is only split by one convolution for each part.

    Returns:
        The number of replaced convolutions.
    """
    replaced = 0
    for split in model.get_ordered_ops():
        if split.get_type_name() == "VariadicSplit" and _split_one(split):
            replaced += 1
    model.validate_nodes_and_infer_types()
    return replaced


def _split_one(split: Any) -> bool:
    chain = [split]
    for kind in ("Swish", "Add", "Convolution"):
        before = chain[-1].input_value(0).get_node()
        if before.get_type_name() != kind or _readers(before) != 1:
            return False
        chain.append(before)
    _, _, add, convolution = chain
    axis, lengths = (_constant_of(split.input_value(at)) for at in (1, 2))
    weights, bias = _constant_of(convolution.input_value(1)), _constant_of(add.input_value(1))
    if axis != 1 or lengths is None or weights is None or bias is None or bias.shape != (1, len(weights), 1, 1):
        return False
    wanted = [int(length) for length in lengths]
    if -1 in wanted:
        wanted[wanted.index(-1)] = len(weights) - sum(wanted) - 1
    for part, (stop, length) in enumerate(zip(np.cumsum(wanted), wanted, strict=True)):
        rows = slice(stop - length, stop)
        made = ops.convolution(
            convolution.input_value(0),
            ops.constant(weights[rows]),
            convolution.get_strides(),
            convolution.get_pads_begin(),
            convolution.get_pads_end(),
            convolution.get_dilations(),
        )
        biased = ops.add(made, ops.constant(bias[:, rows]))
        for new, old in ((made, convolution), (biased, add)):
            new.set_friendly_name(f"{old.get_friendly_name()}/part{part}")
        split.output(part).replace(ops.swish(biased).output(0))
    return True


def share_ranges(model: ov.Model) -> None:
    """Round every value once, with the widest range among its consumers and the values it is concatenated with."""
    _round_before_joining(model)
    roundings = {node.get_name(): node for node in _roundings(model)}
    readers: dict[str, list[str]] = defaultdict(list)
    sources = {name: _source(node.input_value(0)) for name, node in roundings.items()}
    for name, source in sources.items():
        readers[_key(source)].append(name)
    joined = [
        [node.input_value(at).get_node().get_name() for at in range(node.get_input_size())]
        for node in model.get_ordered_ops()
        if node.get_type_name() == "Concat"
    ]
    for group in _groups([*readers.values(), *([name for name in names if name in roundings] for names in joined)]):
        low, high = _widest_range([roundings[name] for name in group])
        for source in {_key(sources[name]): sources[name] for name in group}.values():
            _round_for_all_readers(source, low, high, roundings[group[0]].get_levels())
    for node in roundings.values():
        node.output(0).replace(node.input_value(0))
    model.validate_nodes_and_infer_types()


def _round_for_all_readers(source: Any, low: float, high: float, levels: int) -> None:
    """Round a value once for all its consumers."""
    readers = list(source.get_target_inputs())
    made = _fake_quantize(source, low, high, levels)
    made.set_friendly_name(f"{source.get_node().get_friendly_name()}/rounded")
    for reader in readers:
        reader.replace_source_output(made.output(0))


def _round_before_joining(model: ov.Model) -> None:
    """Move a rounding after a concatenation to its inputs."""
    for each in _roundings(model):
        joined = each.input_value(0).get_node()
        if joined.get_type_name() != "Concat" or _readers(joined) != 1:
            continue
        for at in range(joined.get_input_size()):
            made = _fake_quantize(joined.input_value(at), *_range(each), each.get_levels())
            joined.input(at).replace_source_output(made.output(0))
        each.output(0).replace(joined.output(0))
    model.validate_nodes_and_infer_types()


def _fake_quantize(source: Any, low: float, high: float, levels: int) -> Any:
    ends = [ops.constant(np.float32(end)) for end in (low, high, low, high)]
    return ops.fake_quantize(source, *ends, levels)


def _roundings(model: ov.Model) -> list[Any]:
    """The roundings of activations (not weights) that have one range for all channels."""
    return [
        node
        for node in model.get_ordered_ops()
        if node.get_type_name() == "FakeQuantize"
        and _constant_of(node.input_value(0)) is None
        and all(set(node.input(at).get_partial_shape()) <= {1} for at in range(1, 5))
    ]


def _source(output: Any) -> Any:
    """The value that is rounded, before all nodes that do not change values: rounding there is equivalent."""
    while _keeps_values(output.get_node()):
        output = output.get_node().input_value(0)
    return output


def _keeps_values(node: Any) -> bool:
    kind = node.get_type_name()
    return kind in ("MaxPool", "VariadicSplit") or (
        kind == "Interpolate" and node.get_attributes()["mode"] == "nearest"
    )


def _widest_range(roundings: list[Any]) -> tuple[float, float]:
    """The union of the ranges, adjusted so that zero is one of its steps."""
    ranges = [_range(each) for each in roundings]
    low, high = min(low for low, _ in ranges), max(high for _, high in ranges)
    if not low < 0 < high:
        return low, high
    steps = roundings[0].get_levels() - 1
    step = (high - low) / steps
    below = round(-low / step)
    return -below * step, (steps - below) * step


def _range(rounding: Any) -> tuple[float, float]:
    low, high = (rounding.input_value(at).get_node().get_data().item() for at in (1, 2))
    return low, high


def _groups(together: list[list[str]]) -> list[list[str]]:
    """Merge groups of names that share a name, directly or through others; sorted."""
    found: list[set[str]] = []
    for names in together:
        apart = [group for group in found if group.isdisjoint(names)]
        found = [*apart, set(names).union(*(group for group in found if not group.isdisjoint(names)))]
    return [sorted(group) for group in found if group]


def _key(output: Any) -> str:
    return f"{output.get_node().get_name()}:{output.get_index()}"


def _readers(node: Any) -> int:
    return sum(len(output.get_target_inputs()) for output in node.outputs())


def _constant_of(output: Any) -> npt.NDArray[Any] | None:
    """The value of a constant node; None if it is computed."""
    node = output.get_node()
    while node.get_type_name() == "Convert":
        node = node.input_value(0).get_node()
    return np.asarray(node.get_data(), np.float32) if node.get_type_name() == "Constant" else None
