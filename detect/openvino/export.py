"""Exports weights to OpenVINO's format: `python -m detect.openvino.export WEIGHTS`.

Runs in its own process, so that the detecting process never imports torch. Because weights are programs, that process
has neither network nor root, nor the environment's secrets, as far as the machine allows.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from aforo.errors import ModelError
from detect.openvino.confinement import NOBODY, can_be_nobody, confine

log = logging.getLogger(__name__)

_TIMEOUT_S = 900
_KEPT = "kept: "
_PASSED_ON = {
    *("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "SYSTEMROOT"),
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
}
"""Of the environment, what an export may need; passwords and tokens are not among it."""


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
    nobody = can_be_nobody()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        # Not in the cache: it may lie in a home directory, which nobody else can enter.
        with tempfile.TemporaryDirectory(prefix="aforo-export-") as work:
            scratch = Path(work)
            shutil.copyfile(weights, scratch / weights.name)
            if nobody:
                for path in (scratch, scratch / weights.name):
                    os.chown(path, NOBODY, NOBODY)
            _run(scratch / weights.name, weights, nobody)
            _keep(scratch / f"{weights.stem}_openvino_model", made, weights)
    except OSError as error:
        raise ModelError(f"cannot export {weights} into {cache}: {error.strerror or error}") from error
    return made


def _keep(exported: Path, made: Path, weights: Path) -> None:
    """Copy what was exported to its place in one step: plain files only, and nobody else's."""
    if exported.is_symlink() or not (exported / "metadata.yaml").is_file():
        raise ModelError(f"the export of {weights} made no OpenVINO model")
    with tempfile.TemporaryDirectory(dir=made.parent) as folder:
        copy = Path(folder) / made.name
        copy.mkdir()
        for path in exported.iterdir():
            if path.is_symlink() or not path.is_file():
                raise ModelError(f"the export of {weights} made {path.name}, which is no plain file")
            shutil.copyfile(path, copy / path.name)
        try:
            copy.rename(made)
        except OSError:
            if not (made / "metadata.yaml").is_file():  # else another process has exported it
                raise


def _fingerprint(weights: Path) -> str:
    try:
        return hashlib.sha256(weights.read_bytes()).hexdigest()[:12]
    except OSError as error:
        raise ModelError(f"cannot read the model {weights}: {error.strerror}") from error


def _run(copy: Path, weights: Path, nobody: bool) -> None:
    """Export the copy beside itself.

    Raises:
        ModelError: about the weights.
    """
    environment = {name: value for name, value in os.environ.items() if name in _PASSED_ON} | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")])),
        "HOME": str(copy.parent),
        "TMPDIR": str(copy.parent),
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "YOLO_VERBOSE": "false",
        "YOLO_CONFIG_DIR": str(copy.parent),
    }
    with tempfile.TemporaryFile() as said:  # no pipe: what a model leaves behind would hold it open
        process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "detect.openvino.export", str(copy), *(["--nobody"] if nobody else [])],
            cwd=copy.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            process.wait(_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            raise ModelError(f"the export of {weights} did not end within {_TIMEOUT_S} s") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        said.seek(0)
        lines = [line for line in said.read().decode(errors="replace").splitlines() if line.strip()]
    for line in lines:
        if line.startswith(_KEPT):
            log.warning("the export of %s kept %s", weights, line.removeprefix(_KEPT))
    if process.returncode != 0:
        reasons = [line for line in lines if not line.startswith(_KEPT)] or [f"exit {process.returncode}"]
        raise ModelError(f"cannot export {weights} to OpenVINO, expected an Ultralytics detection model: {reasons[-1]}")


def _export(weights: str) -> None:
    from ultralytics import YOLO  # heavy, and only for this process

    model = YOLO(weights, task="detect")
    if model.task != "detect":
        sys.exit(f"expected a detection model, got one for {model.task}")
    model.export(format="openvino", dynamic=True)


if __name__ == "__main__":
    for part in confine(nobody="--nobody" in sys.argv[2:]):
        sys.stderr.write(f"{_KEPT}{part}\n")
    _export(sys.argv[1])
