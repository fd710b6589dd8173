"""The cached choice of arithmetic for a model on this machine: f32, bf16 or int8; made by `app.machine.precision`.

A choice is valid for one model, machine, OpenVINO version and input size.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import openvino as ov

from aforo.errors import ModelError
from aforo.model import Image
from aforo.ports import Detector
from detect.openvino.model_files import model_file
from detect.openvino.quantise import RECIPE

Precision = Literal["f32", "bf16", "int8"]

_ROUNDS = 5
_PICTURES = 12


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice of precision and the measurements behind it.

    Attributes:
        precision: the fastest one whose counts agree with f32.
        reason: one sentence.
        speeds_fps: pictures per second of each precision that was tried.
        differences: Σ|counted − counted in f32| / Σ counted in f32, per precision whose counts were compared.
        counted: Σ counted in f32.
        calibrated_on: names of the cameras or recordings.
    """

    precision: Precision
    reason: str
    speeds_fps: dict[str, float]
    differences: dict[str, float]
    counted: int
    calibrated_on: list[str]


@cache
def machine() -> str:
    """What decides the speed of arithmetic here, as text: processor, cores, capabilities, OpenVINO."""
    core = ov.Core()
    name = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip() or platform.processor()
    able = ",".join(sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")))
    return f"{name}, {os.cpu_count()} cores, {able}, OpenVINO {ov.__version__.split('-')[0]}"


def bf16_is_native() -> bool:
    """Whether this CPU computes in bfloat16; elsewhere it would be emulated."""
    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def int8_folder(model: Path, cache: Path) -> Path:
    """The folder of the INT8 model of an OpenVINO model, whether it exists or not."""
    return cache / f"{_identity(model)}-int8-{RECIPE}"


def load_choice(model: Path, image_size: int, cache: Path) -> Choice | None:
    """The cached choice for a model on this machine; None if there is none or its INT8 model is missing."""
    try:
        choice = Choice(**json.loads(_choice_file(model, image_size, cache).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if choice.precision == "int8" and not int8_folder(model, cache).is_dir():
        return None
    return choice


def save_choice(choice: Choice, model: Path, image_size: int, cache: Path) -> Path:
    """Write a choice to the cache; returns its file.

    Raises:
        ModelError: the cache cannot be written.
    """
    file = _choice_file(model, image_size, cache)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(asdict(choice), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        scratch.replace(file)
    except OSError as error:
        raise ModelError(f"cannot keep the choice of precision in {file}: {error.strerror}") from error
    return file


def measure(detectors: Mapping[Precision, Detector], picture: Image) -> dict[str, float]:
    """Pictures per second of each detector: median of alternating rounds, so that a busy moment affects all alike."""
    rounds: dict[Precision, list[float]] = {name: [] for name in detectors}
    for detector in detectors.values():
        detector.submit(picture).result()  # compiles
    for _ in range(_ROUNDS):
        for name, detector in detectors.items():
            began = time.perf_counter()
            for future in [detector.submit(picture) for _ in range(_PICTURES)]:
                future.result()
            rounds[name].append(_PICTURES / (time.perf_counter() - began))
    return {str(name): round(statistics.median(speeds), 1) for name, speeds in rounds.items()}


def _choice_file(model: Path, image_size: int, cache: Path) -> Path:
    key = hashlib.sha256(f"{machine()} {image_size}".encode()).hexdigest()[:8]
    return cache / f"{_identity(model)}-{key}.json"


def _identity(model: Path) -> str:
    file = model_file(model)
    parts = [part for part in (file, file.with_suffix(".bin")) if part.is_file()]
    return f"{file.stem}-{_digest(tuple((part, part.stat().st_mtime_ns) for part in parts))}"


@cache
def _digest(parts: tuple[tuple[Path, int], ...]) -> str:
    """SHA-256 of the contents, cached: every start needs it several times."""
    digest = hashlib.sha256()
    for part, _ in parts:
        digest.update(part.read_bytes())
    return digest.hexdigest()[:12]
