"""What a detector's module loads: no engine but its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = "import json, sys, detect.ultralytics; print(json.dumps(sorted(sys.modules)))"


def test_the_ultralytics_detector_loads_neither_openvino_nor_compiled_kernels() -> None:
    """A machine with CUDA need not have OpenVINO, and must not wait for numba."""
    repository = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=repository, capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "detect.limits" in loaded
    assert not loaded & {"openvino", "numba", "detect.openvino"}
