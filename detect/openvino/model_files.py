"""The files of an OpenVINO model and its labels."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import openvino as ov

from aforo.errors import ModelError
from aforo.plain_files import read_text
from aforo.yaml_text import MOST_BYTES, parse_yaml
from detect.limits import one_line


def is_quantised(model: Path) -> bool:
    """Whether an OpenVINO model (folder or file) was made by `detect.openvino.quantise`, or by NNCF elsewhere."""
    file = model if model.is_file() else next(iter(model.glob("*.xml")), model)
    if file.suffix != ".xml" or not file.is_file():
        return False
    return b'type="FakeQuantize"' in file.read_bytes()


def metadata_of(file: Path) -> Path:
    """The file with the labels that Ultralytics' export writes beside an OpenVINO model."""
    return file.parent / "metadata.yaml"


def model_file(model: Path) -> Path:
    """The file of an OpenVINO model: of a folder its one `.xml`.

    Raises:
        ModelError: there is none, or several.
    """
    found = [model] if model.suffix in (".xml", ".onnx") else sorted(model.glob("*.xml"))
    if len(found) != 1 or not found[0].is_file():
        raise ModelError(
            f"{model} is not an OpenVINO model: expected a folder with one .xml file in it, that file, or an .onnx file"
        )
    return found[0]


def label_names(core: ov.Core, file: Path) -> list[str]:
    """The model's labels by class id, as Ultralytics' export writes them beside or into it.

    Raises:
        ModelError: they are missing or unreadable.
    """
    where = file if file.suffix == ".onnx" else metadata_of(file)
    try:
        if file.suffix == ".onnx":
            names = ast.literal_eval(core.read_model(file).get_rt_info(["framework", "names"]).astype(str))
        else:
            names = parse_yaml(read_text(where, MOST_BYTES)).value["names"]
        return [str(names[key]) for key in sorted(names, key=int)] if isinstance(names, Mapping) else [*map(str, names)]
    except (OSError, KeyError, TypeError, RuntimeError, ValueError, SyntaxError, MemoryError) as error:
        raise ModelError(
            f"{where} must name the model's labels as Ultralytics' export does: {one_line(error)}"
        ) from error
