"""What choosing and opening a detector loads: no engine but its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


def loaded_by(program: str) -> set[str]:
    repository = Path(__file__).parents[2]
    command = [sys.executable, "-c", f"import json, sys\n{program}\nprint(json.dumps(sorted(sys.modules)))"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_the_ultralytics_detector_loads_neither_openvino_nor_compiled_kernels() -> None:
    """A machine with CUDA need not have OpenVINO, and must not wait for numba."""
    loaded = loaded_by("import detect.ultralytics.detector")
    assert "detect.limits" in loaded
    assert not loaded & {"openvino", "numba", "detect.openvino"}


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda:0", "GPU"])
def test_choosing_an_engine_loads_none_where_there_is_no_gpu(device: str) -> None:
    loaded = loaded_by(
        "import os; os.environ['PATH'] = ''  # no nvidia-smi\n"
        "from aforo.config.detector import DetectorSection; from app.assemble import detector_backend\n"
        f"detector_backend(DetectorSection(device={device!r}))"
    )
    assert "detect.openvino.backend" in loaded
    assert not loaded & {"openvino", "nncf", "torch", "ultralytics"}
