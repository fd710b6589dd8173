"""Devices chosen by the configuration: what is absent is said in one sentence, before any work begins."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import openvino as ov
import pytest
import torch
from requirements import pointless

from aforo.config.detector import DetectorSection
from aforo.errors import ModelError
from app.assemble import open_detector

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]


@pytest.fixture
def no_cuda() -> None:
    if torch.cuda.is_available():
        pointless("there is a CUDA device here")


@pytest.mark.usefixtures("no_cuda")
def test_an_absent_cuda_device_is_named(default_model_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no CUDA device here for detector\.device 'cuda:0'; set it to auto or cpu"):
        open_detector(DetectorSection(model=str(default_model_path), device="cuda:0"))


@pytest.mark.usefixtures("no_cuda")
def test_a_tensorrt_engine_without_cuda_is_refused(tmp_path: Path) -> None:
    engine = tmp_path / "yolov8n.engine"
    engine.write_bytes(b"made for a GPU")
    with pytest.raises(ModelError, match=r"TensorRT engine and there is no CUDA device here"):
        open_detector(DetectorSection(model=str(engine), trusted_sha256=[sha256(engine.read_bytes()).hexdigest()]))


@pytest.mark.parametrize("device", ["GPU", "NPU"])
def test_an_absent_openvino_device_is_named_with_those_that_are_there(default_model_path: Path, device: str) -> None:
    if any(name.startswith(device) for name in ov.Core().available_devices):
        pointless(f"there is a {device} here")
    with pytest.raises(ModelError, match=rf"OpenVINO finds no device '{device}' here; it has: .*CPU"):
        open_detector(DetectorSection(model=str(default_model_path), device=device))
