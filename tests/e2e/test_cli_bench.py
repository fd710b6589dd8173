"""`aforo bench` and the first use of a model, on a real clip. No test asserts a time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from command_line import aforo

from aforo.config.detector import DetectorSection
from app.assemble import float_model
from app.assets import manifest
from app.machine.speed import COUNTING_STAGES, STAGES, percentiles

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def short_clip(sample_video: Path, tmp_path: Path) -> Path:
    path = tmp_path / "short.avi"
    capture = cv2.VideoCapture(str(sample_video))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (768, 576))
    for _ in range(30):
        writer.write(capture.read()[1])
    writer.release()
    capture.release()
    return path


@pytest.mark.model
def test_every_stage_is_measured(short_clip: Path, default_model_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli.main", "bench", str(short_clip), "--runs", "1", "--seconds", "2"]
    done = subprocess.run(
        [*command, "--precision", "f32", "--image-size", "320", "--json", "-"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert tuple(told["stage_ms"]) == STAGES
    assert sum(told["stage_ms"][stage] for stage in COUNTING_STAGES) > 0
    assert told["frames_per_second"] > 0
    assert told["cpu_s_per_camera_hour"] > 0
    assert told["peak_memory_mb"] > 0
    assert told["latency_ms"]["p50"] <= told["latency_ms"]["p95"] <= told["latency_ms"]["p99"]
    assert {"python", "aforo", "openvino"} <= set(told["versions"])
    assert "OpenVINO" in told["machine"]


@pytest.mark.model
def test_the_first_use_finds_the_fastest_arithmetic_and_the_second_knows_it(
    short_clip: Path, default_model_path: Path, sample_video: Path, tmp_path: Path
) -> None:
    """A new machine, to which nothing but the float model and the sample videos has come."""
    cache = tmp_path / "cache"
    shutil.copytree(float_model(DetectorSection()), cache / "openvino" / float_model(DetectorSection()).name)
    for path in (default_model_path, sample_video, manifest.fetch("bikes")):
        shutil.copy2(path, cache)
    command = ("count", short_clip, "--line", "340,120,340,576", "--json", "-")
    first, second = (aforo(*command, timeout_s=280, AFORO_CACHE=str(cache)) for _ in range(2))
    assert first.code == second.code == 0, first.err + second.err
    assert first.err.count("First use of yolov8n on this machine") == 1
    assert "First use" not in second.err
    (choice,) = (json.loads(path.read_text()) for path in (cache / "openvino").glob("*.json"))
    assert choice["reason"] in " ".join(first.err.split())
    assert set(choice["speeds_fps"]) >= {"f32", "int8"}
    assert f" {choice['precision']}\n" in second.err
    assert json.loads(first.out)["lines"] == json.loads(second.out)["lines"]


def test_a_precision_that_there_is_not_is_refused() -> None:
    command = [sys.executable, "-m", "app.cli.main", "bench", "none.avi", "--precision", "int7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "precision" in done.stderr


def test_percentiles() -> None:
    assert percentiles([float(n) for n in range(101)]) == {"p50": 50.0, "p95": 95.0, "p99": 99.0}


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom app.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'openvino', 'cv2', 'nncf', 'ultralytics', 'fastapi', 'pydantic', 'scipy', 'numpy', 'kafka'}"
        "\n"
        "sys.stderr.write(' '.join(sorted(heavy & set(sys.modules))))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "bench" in done.stdout
