"""Post-training quantisation of a float model to INT8 by NNCF: `python -m detect.openvino.quantise MODEL.xml FOLDER`.

Runs in its own process, as NNCF is heavy. The calibration pictures are piped to it and never written to a file. Whether
the result is used is decided in `app.machine.precision`.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from aforo.errors import ModelError
from aforo.model import Image
from detect.openvino.model_files import metadata_of, model_file
from detect.openvino.shared_ranges import share_ranges, split_convolutions

RECIPE = 2
"""Number of the quantisation recipe; models of an earlier one are quantised again."""

_TIMEOUT_S = 1800
_SIZE = struct.Struct("<II")
_LAST_CONVOLUTIONS = r".*model\.\d+\.cv[23]\.\d\.2/.*"
_BOX_ARITHMETIC = (r".*model\.\d+/.*", r".*model\.\d+\.dfl.*")
"""Layers left in float: scores and distances to the sides of a box need more than 256 steps."""


def quantise(model: Path, pictures: Sequence[Image], folder: Path) -> Path:
    """Make the INT8 model of an OpenVINO model.

    Args:
        model: an OpenVINO model folder or `.xml`, in float.
        pictures: network inputs as `Letterbox.apply` makes them (height, width, 3), BGR, for calibration.
        folder: for the result; must not exist yet.

    Returns:
        `folder`, an OpenVINO model folder with its metadata.yaml.

    Raises:
        ModelError: NNCF cannot quantise the model.
    """
    file = model_file(model)
    stream = b"".join(_SIZE.pack(*picture.shape[:2]) + picture.tobytes() for picture in pictures)
    try:
        done = subprocess.run(  # noqa: S603 (our own interpreter and module)
            [sys.executable, "-m", "detect.openvino.quantise", str(file), str(folder)],
            input=stream,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"the quantisation of {model} did not end within {_TIMEOUT_S} s") from error
    if done.returncode != 0 or not (folder / file.name).is_file():
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        raise ModelError(f"cannot quantise {model}: {lines[-1] if lines else f'exit {done.returncode}'}")
    shutil.copy2(metadata_of(file), folder / "metadata.yaml")
    return folder


def _pictures(stream: IO[bytes]) -> Iterator[npt.NDArray[np.uint8]]:
    while header := stream.read(_SIZE.size):
        height, width = _SIZE.unpack(header)
        yield np.frombuffer(stream.read(height * width * 3), np.uint8).reshape(height, width, 3)


def as_input(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """A BGR uint8 picture as the network's input: (1, 3, height, width) RGB float32, 0..1."""
    planes = picture[:, :, ::-1].transpose(2, 0, 1)[None]
    return np.ascontiguousarray(planes, dtype=np.float32) / np.float32(255)


def _quantise(file: str, folder: str) -> None:
    import nncf  # heavy, and only for this process
    import openvino as ov

    pictures: list[Any] = list(_pictures(sys.stdin.buffer))
    model = ov.Core().read_model(file)
    split_convolutions(model)
    quantised = nncf.quantize(
        model,
        nncf.Dataset(pictures, as_input),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(pictures),
        ignored_scope=nncf.IgnoredScope(
            patterns=[_LAST_CONVOLUTIONS, *_BOX_ARITHMETIC], types=["Sigmoid", "Softmax"], validate=False
        ),
    )
    share_ranges(quantised)
    made = Path(folder)
    made.mkdir(parents=True)
    ov.save_model(quantised, made / Path(file).name, compress_to_fp16=False)


if __name__ == "__main__":
    _quantise(sys.argv[1], sys.argv[2])
