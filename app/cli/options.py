"""Options and arguments that several commands have."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated

import typer

from aforo.address import Address
from aforo.errors import ConfigurationError


def refuse_typed(context: typer.Context, why: str, *names: str) -> None:
    """Refuse options that were typed and that this combination of options would not look at.

    Args:
        context: of the command.
        why: the end of the sentence.
        names: of the parameters.

    Raises:
        ConfigurationError: one of them was typed.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in names and source is not None and source.name == "COMMANDLINE":
            raise ConfigurationError(f"{parameter.opts[0]}: {why}; leave it out")


def finite(number: float | None) -> float | None:
    """The number; `nan` is below no minimum and above no maximum, so that every option of real numbers asks here.

    Raises:
        typer.BadParameter: it is nan or infinite.
    """
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"expected a number, got {number}")
    return number


def video_file(path: Path | None) -> Path | None:
    """The path, if it cannot be meant as the address of a camera; a message about a file would show its password.

    Raises:
        ConfigurationError: it looks like one.
    """
    try:
        if path is None or os.path.exists(path) or not Address(str(path)).scheme:
            return path
    except ValueError:
        pass
    raise ConfigurationError(
        "VIDEO: expected a video file, got what looks like an address; cameras are counted by `aforo run -c CONFIG`"
    )


def video_files(paths: list[Path]) -> list[Path]:
    """The paths, as `video_file`.

    Raises:
        ConfigurationError: one looks like an address.
    """
    for path in paths:
        video_file(path)
    return paths


VideoArgument = Annotated[
    Path, typer.Argument(metavar="VIDEO", help="A video file that FFmpeg can read.", callback=video_file)
]
VideosArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="VIDEO…", help="A video file that FFmpeg can read, or several of one recording.", callback=video_files
    ),
]
StartsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--starts-at",
        metavar="TIME",
        help="When the recording starts, ISO 8601, local to the site when without offset. Of several files: once, and "
        "they follow each other in the order given, or once for each. Default: from file names or metadata.",
    ),
]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="A known model's name, or a .pt, .onnx or OpenVINO model.")
]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust-model", help="Load the model though Aforo does not know it: a .pt runs whatever its maker put into it."
    ),
]
SizeOption = Annotated[int | None, typer.Option("--image-size", help="Longer side of the network's input, pixels.")]
EngineOption = Annotated[str | None, typer.Option("--engine", help="auto, openvino or ultralytics.")]
FpsOption = Annotated[
    float | None,
    typer.Option("--fps", min=0.1, callback=finite, help="Analyse at most so many frames per second; default: all."),
]
InputFpsOption = Annotated[
    float | None,
    typer.Option(
        "--input-fps",
        min=0.01,
        max=1000,
        callback=finite,
        help="Frames per second at which it was recorded; default: what it tells.",
    ),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="The site file.")]
JsonOption = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write one JSON document there; - is stdout.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace files of another kind that have the names of those to write.")
]
ConfigArgument = Annotated[Path, typer.Option("--config", "-c", metavar="CONFIG", help="The site file (YAML).")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Port of the web page; 0 takes a free one.")
]
