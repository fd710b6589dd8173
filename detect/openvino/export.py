"""Exports weights to OpenVINO's format: `python -m detect.openvino.export WEIGHTS FOLDER`.

Runs in its own process, so that the detecting process never imports torch.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from aforo.errors import ModelError

_TIMEOUT_S = 900


def openvino_model(weights: Path, cache: Path) -> Path:
    """The OpenVINO model of weights, exported on the first call and cached.

    Args:
        weights: a `.pt` of Ultralytics; what OpenVINO itself reads (a folder, `.xml`, `.onnx`) is returned as it is.
        cache: folder for it; its name there contains the weights' SHA-256.

    Raises:
        ModelError: the weights are not a detection model that can be exported.
    """
    if weights.is_dir() or weights.suffix in (".xml", ".onnx"):
        return weights
    made = cache / f"{weights.stem}-{_fingerprint(weights)}_openvino_model"
    if (made / "metadata.yaml").is_file():
        return made
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        copy = Path(scratch) / weights.name
        shutil.copy2(weights, copy)
        _run([str(copy)], weights, Path(scratch))
        exported = Path(scratch) / f"{weights.stem}_openvino_model"
        if not (exported / "metadata.yaml").is_file():
            raise ModelError(f"the export of {weights} made no OpenVINO model")
        try:
            exported.rename(made)
        except OSError as error:
            if not (made / "metadata.yaml").is_file():  # else another process has exported it
                raise ModelError(f"cannot keep the exported model in {cache}: {error.strerror}") from error
    return made


def _fingerprint(weights: Path) -> str:
    try:
        return hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise ModelError(f"cannot read the model {weights}: {error.strerror}") from error


def _run(arguments: list[str], weights: Path, scratch: Path) -> None:
    environment = os.environ | {
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "YOLO_VERBOSE": "false",
        "YOLO_CONFIG_DIR": str(scratch),
    }
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "detect.openvino.export", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"the export of {weights} did not end within {_TIMEOUT_S} s") from error
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise ModelError(
            f"cannot export {weights} to OpenVINO, expected an Ultralytics detection model: "
            f"{lines[-1] if lines else f'exit {done.returncode}'}"
        )


def _export(weights: str) -> None:
    from ultralytics import YOLO  # heavy, and only for this process

    model = YOLO(weights, task="detect")
    if model.task != "detect":
        raise ModelError(f"expected a detection model, got one for {model.task}")
    model.export(format="openvino", dynamic=True)


if __name__ == "__main__":
    _export(sys.argv[1])
