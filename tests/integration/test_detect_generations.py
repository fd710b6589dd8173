"""Ultralytics' networks since YOLOv8 give the boxes that Ultralytics gives, and are cut: they run at full speed.

Their trained weights cannot be fetched everywhere, so the networks are made from Ultralytics' own descriptions, with
random weights whose scores are spread until some anchors of a real picture see something. YOLOv8's own weights are
tried in `test_detect_openvino.py`.
"""

from __future__ import annotations

import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import supervision as sv

from aforo.model import Image
from detect.openvino.detector import OpenVinoYolo
from detect.openvino.network_head import cut

pytestmark = [pytest.mark.timeout(300)]

CONFIDENCE, MARGIN, PIXELS = 0.25, 0.01, 0.5
MOST = 300
GENERATIONS = ("yolo11n", "yolo12n", "yolo26n", "yolo26n end to end")


@pytest.mark.parametrize("generation", GENERATIONS)
def test_the_boxes_are_those_that_ultralytics_gives(generation: str, picture: Image, tmp_path: Path) -> None:
    from ultralytics import YOLO

    name, _, end_to_end = generation.partition(" ")
    suppression: dict[str, Any] = {"nms": False} if end_to_end else {}  # Ultralytics' word for the end that needs none
    weights = tmp_path / f"{name}.pt"
    random_network(name, picture).save(weights)
    with warnings.catch_warnings(action="ignore"):  # its exporter uses what its libraries are about to drop
        exported = Path(YOLO(weights).export(format="openvino", dynamic=True, **suppression))
    theirs = ultralytics_boxes(weights, picture, **suppression)
    with closing(OpenVinoYolo(exported, tuple(coco_names().values()))) as detector:
        ours = detector.submit(picture).result()
        _, network = detector.network(picture.shape[1], picture.shape[0])
    if not end_to_end:
        short, _ = cut(network, range(80), [CONFIDENCE] * 80, CONFIDENCE)
        assert len(short.outputs) == 9, "three grids with three outputs each"
    ours = ours[ours.confidence >= CONFIDENCE - MARGIN]
    sure = [found[found.confidence >= CONFIDENCE + MARGIN] for found in (ours, theirs)]
    assert min(map(len, sure)) >= 20, "or this compares next to nothing"
    assert max(map(len, sure)) < MOST, "or some are left out that the other tells"
    for some, all_of_other in zip(sure, (theirs, ours), strict=True):
        for box, score, label in zip(some.xyxy, some.confidence, some.class_id, strict=True):
            alike = (
                (all_of_other.class_id == label)
                & (np.abs(all_of_other.xyxy - box).max(axis=1) <= PIXELS)
                & (np.abs(all_of_other.confidence - score) <= MARGIN)
            )
            assert alike.any(), f"{label} {score:.3f} {box}"


def random_network(name: str, picture: Image) -> Any:
    import torch
    from ultralytics import YOLO

    torch.manual_seed(1)
    made = YOLO(f"{name}.yaml")
    made.model.names = coco_names()
    calibrate(made.model, picture)
    head = made.model.model[-1]
    for layers in (head.cv3, getattr(head, "one2one_cv3", None) or ()):
        for layer in layers:
            last = layer[-1]
            torch.nn.init.normal_(last.weight, 0, 1.2 / last.weight.shape[1] ** 0.5)
            torch.nn.init.constant_(last.bias, -10)
    for layers in (head.cv2, getattr(head, "one2one_cv2", None) or ()):
        for layer in layers:
            last = layer[-1]
            if last.weight.shape[0] == 4:  # the distances themselves, in strides: boxes have an extent
                torch.nn.init.normal_(last.weight, 0, 0.5 / last.weight.shape[1] ** 0.5)
                torch.nn.init.constant_(last.bias, 3)
    made.model.requires_grad_(False)
    return made


def calibrate(model: Any, picture: Image) -> None:
    """Give every layer's normalisation the statistics of a picture, as training would: or all activations fade away."""
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    model.train()
    pixels = torch.from_numpy(cv2.resize(picture, (640, 480)).transpose(2, 0, 1).copy())[None].float() / 255
    with torch.no_grad():
        model.predict(torch.cat((pixels, pixels.flip(3))))
    model.eval()


def coco_names() -> dict[int, str]:
    import ultralytics
    import yaml

    file = Path(ultralytics.__file__).parent / "cfg/datasets/coco.yaml"
    names: dict[int, str] = yaml.safe_load(file.read_text(encoding="utf-8"))["names"]
    return names


def ultralytics_boxes(weights: Path, picture: Image, **suppression: Any) -> sv.Detections:
    """What `yolo predict` says of the weights, with torch: its OpenVINO computes in bf16 where a processor can."""
    from ultralytics import YOLO

    settings = {"conf": CONFIDENCE - MARGIN, "iou": 0.7, "device": "cpu", "verbose": False, "max_det": MOST}
    boxes = YOLO(weights).predict(picture, **settings, **suppression)[0].boxes
    return sv.Detections(boxes.xyxy.numpy(), confidence=boxes.conf.numpy(), class_id=boxes.cls.numpy().astype(int))
