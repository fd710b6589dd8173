"""Each engine as a back-end: which one `auto` means, and what it tells of this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

import pytest

from aforo.config.detector import DetectorSection
from aforo.doctor_finding import Finding
from app.assemble import DETECTORS, detector_backend

ENGINES = set(get_args(DetectorSection.model_fields["engine"].annotation)) - {"auto"}


@pytest.fixture(autouse=True)
def no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs, without nvidia-smi."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def findings(engine: str, *, needed: bool = False, **detector: object) -> dict[str, Finding]:
    backend = DETECTORS[engine](DetectorSection.model_validate(detector))
    return {finding.name: finding for finding in backend.check(needed=needed)}


def test_each_engine_of_the_configuration_has_a_back_end_and_no_other() -> None:
    assert DETECTORS.keys() == ENGINES


@pytest.mark.parametrize("engine", sorted(ENGINES))
@pytest.mark.parametrize("device", ["auto", "cpu", "cuda:0", "NPU"])
@pytest.mark.parametrize("model", ["yolov8n", "mine.engine", "mine.onnx"])
def test_an_engine_that_is_configured_is_taken_whatever_suits(engine: str, device: str, model: str) -> None:
    section = DetectorSection.model_validate({"engine": engine, "device": device, "model": model})
    assert type(detector_backend(section)) is type(DETECTORS[engine](section))


@pytest.mark.parametrize(
    ("model", "device", "engine"),
    [
        ("yolov8n", "auto", "openvino"),
        ("yolov8n", "cpu", "openvino"),
        ("yolov8n", "CPU", "openvino"),
        ("yolov8n.pt", "GPU", "openvino"),
        ("mine.onnx", "NPU", "openvino"),
        ("mine.xml", "auto", "openvino"),
        ("yolov8n", "cuda", "ultralytics"),
        ("mine.onnx", "cuda:1", "ultralytics"),
        ("mine.engine", "auto", "ultralytics"),
        ("/models/mine.engine", "cpu", "ultralytics"),
    ],
)
def test_the_engine_that_auto_means(model: str, device: str, engine: str) -> None:
    section = DetectorSection(model=model, device=device)
    assert type(detector_backend(section)) is type(DETECTORS[engine](section))


@pytest.mark.parametrize("engine", sorted(ENGINES))
@pytest.mark.parametrize("needed", [False, True])
def test_an_engine_whose_library_is_absent_is_a_fault_only_where_it_is_needed(
    engine: str, needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # as Python has it for what cannot be imported
    monkeypatch.setattr(sys, "path", [])  # where installed packages are looked for
    first = next(iter(findings(engine, needed=needed).values()))
    assert first.ok is (False if needed else None)
    assert first.hint.startswith("pip install ")


@pytest.mark.parametrize(
    ("program", "ok", "detail"),
    [
        ("#!/bin/sh\necho 'Tesla T4, 550.54'\necho 'Tesla T4, 550.54'\n", True, "Tesla T4, 550.54; Tesla T4, 550.54"),
        ("#!/bin/sh\necho 'cannot reach the driver' >&2\nexit 9\n", False, "cannot reach the driver"),
        ("#!/bin/sh\necho 'No devices were found'\nexit 6\n", False, "No devices were found"),
        ("#!/absent/interpreter\n", False, "FileNotFoundError: "),
    ],
)
def test_the_gpu_is_what_nvidias_driver_says_of_it(no_gpu: Path, program: str, ok: bool, detail: str) -> None:
    tool = no_gpu / "nvidia-smi"
    tool.write_text(program)
    tool.chmod(0o755)
    found = findings("ultralytics")["cuda"]
    assert found.ok is ok
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(("device", "ok"), [("auto", None), ("cpu", None), ("cuda", False), ("cuda:0", False)])
def test_a_gpu_that_is_absent_is_a_fault_only_where_it_is_asked_for(device: str, ok: bool | None) -> None:
    assert findings("ultralytics", device=device)["cuda"].ok is ok
