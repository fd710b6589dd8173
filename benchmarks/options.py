"""What the options of the detector bring and cost: larger input, a region of interest, the motion gate.

    python benchmarks/options.py GROUNDTRUTH.json CLIPS_FOLDER [--only NAME ...] [--precision auto]

Every clip of the ground truth is counted once per option, from its file. Printed are Σ|counted − true|, the share of
pictures that the network did not have to see, and the processor time as a multiple of that without options.
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from app.assemble import open_detector
from app.assets import manifest
from app.recording import Recording, line_of_pixels
from app.validation.truth import LineResult, LineTruth, load_truth
from detect.motion_gate import MotionGate

OPTIONS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "none": ({}, {}),
    "motion gate": ({"motion_gate": True}, {}),
    "region: lines": ({}, {"region": "lines"}),
    "image_size: 960": ({"image_size": 960}, {}),
    "image_size: 1280": ({"image_size": 1280}, {}),
}
"""Keys of the detector, and of each camera."""


def main() -> None:
    """Print a line per option."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("truth", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(OPTIONS), default=list(OPTIONS))
    parser.add_argument("--precision", default="auto")
    given = parser.parse_args()
    truths = load_truth(given.truth)
    without = 0.0
    for name in dict.fromkeys(["none", *given.only]):
        of_detector, of_camera = OPTIONS[name]
        section = DetectorSection(precision=given.precision, **of_detector)
        error, still, cpu_s = _count(truths, given.clips, section, of_camera)
        without = without or cpu_s
        total = sum(truth.total for truth in truths)
        print(f"{name:17} errors {error} of {total}, not seen {still:.0%}, cost {cpu_s / without:.2f}", flush=True)


def _count(
    truths: list[LineTruth], folder: Path, section: DetectorSection, of_camera: dict[str, Any]
) -> tuple[int, float, float]:
    """Σ|counted − true|, share of pictures that were still, and processor seconds; loading left out."""
    error, cpu_s = 0, 0.0
    gates: list[MotionGate] = []

    class Gate(MotionGate):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            gates.append(self)

    with closing(open_detector(section)) as detector, patch("detect.motion_gate.MotionGate", Gate):
        for clip in dict.fromkeys(truth.clip for truth in truths):
            own = [truth for truth in truths if truth.clip == clip]
            path = manifest.fetch("vtest") if clip == "vtest.avi" else folder / clip
            camera = CameraSection.of_recording(path)
            facts = Recording(path, camera, timezone=ZoneInfo("UTC")).facts
            lines = [line_of_pixels(f"line-{i}", truth.line_px, facts) for i, truth in enumerate(own)]
            camera = CameraSection.model_validate(
                camera.model_dump() | {"lines": [line.model_dump() for line in lines]} | of_camera
            )
            began = time.process_time()
            rows = Recording(path, camera, timezone=ZoneInfo("UTC")).count(detector, section).rows
            cpu_s += time.process_time() - began
            error += sum(LineResult(truth, rows.of_line(line.id)).error for truth, line in zip(own, lines, strict=True))
    submitted = sum(gate.submitted for gate in gates)
    return error, sum(gate.still for gate in gates) / submitted if submitted else 0.0, cpu_s


if __name__ == "__main__":
    main()
