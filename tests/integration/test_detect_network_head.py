"""The network's cut end: what it says of the anchors that see something is what the whole network says of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as ops

from aforo.config.detector import DetectorSection
from aforo.model import Image
from app.assemble import float_model
from detect.openvino.boxes import Placement
from detect.openvino.detector import with_picture_input
from detect.openvino.model_files import model_file
from detect.openvino.network_head import Head, PictureDetections, cut
from detect.openvino.quantise import as_input

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]

COLUMNS = [0, 7, 2]
LOWEST, LOWEST_OTHER = 0.01, 0.015
SIZE = (256, 320)
"""Height and width of the network's input."""

WHERE_IT_IS = Placement(1.0, 0.0, 0.0, *map(float, SIZE[::-1]))
"""The picture is the input."""


@pytest.fixture(scope="module")
def picture(picture: Image) -> Image:
    """The same in the size of the network's input."""
    return np.asarray(cv2.resize(picture, SIZE[::-1]), np.uint8)


def network(default_model_path: Path) -> ov.Model:
    model = ov.Core().read_model(model_file(float_model(DetectorSection(model=str(default_model_path)))))
    model.reshape([1, 3, *SIZE])
    return model


def otherwise_ended(model: ov.Model) -> ov.Model:
    """The same, but as another exporter might write it: boxes and scores are turned and turned back at the end."""
    output = model.get_results()[0].input_value(0)
    turn = ops.constant(np.array([0, 2, 1], np.int64))
    return ov.Model([ops.transpose(ops.transpose(output, turn), turn)], model.get_parameters())


def run(model: ov.Model, picture: Image) -> list[np.ndarray]:
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(as_input(picture))
    return [np.array(found[output][0]) for output in compiled.outputs]


def run_pictures(model: ov.Model, picture: Image) -> list[np.ndarray]:
    """The same, as it is done with what a camera sees."""
    compiled = ov.Core().compile_model(with_picture_input(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled(picture[None])
    return [np.array(found[output][0]) for output in compiled.outputs]


def everybody(head: Head, outputs: list[np.ndarray], limit: int = 10_000) -> PictureDetections:
    """All that `limit` lets be seen, however much they overlap."""
    return head.read(head.arrange(outputs), WHERE_IT_IS, 1.0, limit)


@pytest.mark.parametrize("ended", ["as Ultralytics does", "otherwise"])
def test_the_anchors_that_see_something_are_told_as_before(
    default_model_path: Path, picture: Image, ended: str
) -> None:
    whole, cuttable = network(default_model_path), network(default_model_path)
    if ended == "otherwise":
        cuttable = otherwise_ended(cuttable)
    (output,) = run(whole, picture)
    short, head = cut(cuttable, COLUMNS, [LOWEST] * len(COLUMNS), LOWEST_OTHER)
    outputs = run(short, picture)
    assert len(outputs) == (3 if ended == "otherwise" else 9)  # of all anchors together, or of three grids
    found = everybody(head, outputs)

    scores, others = output[4:][COLUMNS], np.delete(output[4:], COLUMNS, axis=0).max(axis=0)
    best = scores.max(axis=0)
    looked_for, other = best > LOWEST, (best <= LOWEST) & (others > LOWEST_OTHER)
    confidence = np.where(looked_for, best, others)
    seen = np.flatnonzero(looked_for | other)
    seen = seen[np.argsort(-confidence[seen], kind="stable")]
    assert looked_for.sum() >= 10
    assert other.any()
    centre, size = output[:2, seen].T, output[2:4, seen].T
    xyxy = np.clip(np.hstack((centre - size / 2, centre + size / 2)), 0, [*SIZE[::-1], *SIZE[::-1]])
    np.testing.assert_allclose(found.xyxy, xyxy, atol=1e-2)
    np.testing.assert_allclose(found.confidence, confidence[seen], atol=1e-5)
    assert np.array_equal(found.class_id, np.where(looked_for, scores.argmax(axis=0), len(COLUMNS))[seen])


def test_of_too_many_the_surest_are_told(default_model_path: Path, picture: Image) -> None:
    short, head = cut(network(default_model_path), COLUMNS, [LOWEST] * len(COLUMNS), LOWEST_OTHER)
    outputs = run(short, picture)
    all_of_them, few = everybody(head, outputs), everybody(head, outputs, limit=5)
    assert len(few.confidence) == 5 < len(all_of_them.confidence)
    assert few.confidence.tolist() == sorted(all_of_them.confidence.tolist())[:-6:-1]


def test_answers_of_half_precision_are_read_too(default_model_path: Path, picture: Image) -> None:
    short, head = cut(network(default_model_path), COLUMNS, [LOWEST] * len(COLUMNS), LOWEST_OTHER)
    other = short.clone()
    halves = [ops.convert(result.input_value(0), np.float16) for result in other.get_results()]
    half = ov.Model([each.output(0) for each in halves], other.get_parameters())
    assert {output.element_type for output in half.outputs} == {ov.Type.f16}
    found = [everybody(head, run_pictures(model, picture)) for model in (half, short)]
    assert len(found[0].confidence) >= 10
    np.testing.assert_allclose(found[0].confidence, found[1].confidence, atol=1e-3)


def test_where_every_label_is_looked_for_there_are_no_others(default_model_path: Path, picture: Image) -> None:
    short, head = cut(network(default_model_path), range(80), [LOWEST] * 80, LOWEST_OTHER)
    found = everybody(head, run(short, picture))
    assert len(found.confidence) >= 10
    assert found.confidence.min() > LOWEST
    assert found.class_id.max() < 80


def test_colours_stay_where_every_label_is_looked_for_in_another_order(
    default_model_path: Path, picture: Image
) -> None:
    networks = [
        cut(network(default_model_path), order, [LOWEST] * 80, LOWEST_OTHER) for order in (range(80), range(79, -1, -1))
    ]
    found = []
    for model, head in networks:
        found.append(everybody(head, run_pictures(model, picture)))
    assert len(found[0].confidence) >= 10
    np.testing.assert_allclose(found[1].confidence, found[0].confidence, atol=1e-5)
    assert np.array_equal(found[1].class_id, 79 - found[0].class_id)


def test_an_empty_picture_holds_nobody(default_model_path: Path) -> None:
    short, head = cut(network(default_model_path), COLUMNS, [LOWEST] * len(COLUMNS), LOWEST_OTHER)
    found = everybody(head, run(short, np.full((*SIZE, 3), 114, np.uint8)))
    assert found.xyxy.shape == (0, 4)
    assert found.confidence.shape == found.class_id.shape == (0,)
