"""Commands about speed: bench, and `models quantise`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aforo.cli.checks import models
from aforo.cli.recordings import ConfigOption, JsonOption, ModelOption, SizeOption

if TYPE_CHECKING:
    from aforo.bench import Benchmark
    from aforo.config import DetectorSection, Site


def bench(
    video: Annotated[
        Path | None, typer.Argument(metavar="[VIDEO]", help="A recording; default: the sample video.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of the whole recording; the median is told.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the other measurements.")] = 10.0,
    fps: Annotated[float, typer.Option(min=0.1, help="Frames per second of a camera, for latency and cost.")] = 10.0,
    config: ConfigOption = None,
    model: ModelOption = None,
    image_size: SizeOption = None,
    precision: Annotated[str | None, typer.Option(help="auto, f32, bf16 or int8.")] = None,
    json: JsonOption = None,
) -> None:
    """Say how fast this machine counts: time per stage, frames per second, latency, CPU per camera, memory."""
    from aforo import assets
    from aforo.bench import benchmark
    from aforo.cli.console import err, fetch_progress, json_document, open_detector
    from aforo.config import Site, load_site
    from aforo.errors import ConfigurationError
    from detect.openvino_yolo import OpenVinoYolo

    site = load_site(config) if config else Site()
    section = _section(site, model=model, image_size=image_size, precision=precision, engine="openvino")
    if video is None:
        with fetch_progress() as tell:
            video = assets.sample(progress=tell).path
    detector = open_detector(section)
    try:
        if not isinstance(detector, OpenVinoYolo):
            raise ConfigurationError("the stages are measured on OpenVINO only; set detector.device to cpu, GPU or NPU")
        with err.status(f"Counting {video.name} {runs} times …"):
            result = benchmark(video, detector, section, runs=runs, seconds=seconds, analyse_fps=fps)
    finally:
        detector.close()
    if json is not None:
        json_document(result.document(), json)
    if json != "-":
        _print(result)


def _section(site: Site, **changes: object) -> DetectorSection:
    from pydantic import ValidationError

    from aforo.config import DetectorSection
    from aforo.errors import ConfigurationError

    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return DetectorSection.model_validate(site.detector.model_dump() | given)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ConfigurationError(f"{problem['loc'][0]}: {problem['msg']}") from None


def _print(result: Benchmark) -> None:
    from aforo.bench import COUNTING_STAGES
    from aforo.cli.console import out, table

    counting = sum(result.stage_ms[stage] for stage in COUNTING_STAGES)
    rows = [
        (stage, f"{ms:.2f}", f"{100 * ms / counting:.1f} %" if stage in COUNTING_STAGES else "only while watched")
        for stage, ms in result.stage_ms.items()
    ]
    table("Stages, each alone", ("stage", "CPU ms per frame", "share of counting"), rows, numeric=(1, 2))
    latency = ", ".join(f"{name} {ms:.0f} ms" for name, ms in result.latency_ms.items())
    versions = ", ".join(f"{name} {number}" for name, number in result.versions.items())
    for line in (
        f"Machine: {result.machine}",
        f"Versions: {versions}",
        f"Detector: {result.detector}",
        f"Whole way, {result.video}: {result.frames_per_second:.1f} frames per second, "
        f"{result.cpu_ms_per_frame:.1f} ms of CPU each",
        f"One camera at {result.analyse_fps:g} fps: {result.cpu_s_per_camera_hour:.0f} s of CPU per hour; "
        f"capture to count: {latency}",
        f"Peak memory: {result.peak_memory_mb:.0f} MB",
    ):
        out.print(line, highlight=False, soft_wrap=True)


@models.command("quantise")
def quantise_model(
    config: ConfigOption = None,
    seconds: Annotated[float, typer.Option(min=5, help="How long each camera of CONFIG is watched.")] = 120.0,
    model: ModelOption = None,
) -> None:
    """Make the INT8 form of the model on pictures of your own cameras, and use it where it counts the same.

    Each camera of CONFIG is watched for a while (without CONFIG: the sample videos). The same pictures are then counted
    in f32 and in the faster precisions; one is taken only if its counts stay within 5 % of those in f32, over every
    line, zone, direction and class. The pictures are held in memory and forgotten. The exit code is 4 when f32 stays.
    """
    from aforo.calibration import BOUND, calibrate, calibrate_on_samples, site_clips
    from aforo.cli.console import err, fetch_progress, say, table
    from aforo.config import Site, load_site
    from aforo.errors import ConfigurationError, ModelError

    site = load_site(config) if config else Site()
    if config and not site.cameras:
        raise ConfigurationError(f"{config} has no cameras to calibrate on; add some, or leave out -c")
    section = _section(site, model=model, precision="auto")

    if site.cameras:
        choice = calibrate(section, site_clips(site, seconds, say), say)
    else:
        with fetch_progress() as tell:
            choice = calibrate_on_samples(section, say, tell)
    rows = [
        (
            name,
            f"{speed:.1f}",
            "reference" if name == "f32" else _percent(choice.differences.get(name)),
            "taken" if name == choice.precision else "",
        )
        for name, speed in choice.speeds_fps.items()
    ]
    title = f"{choice.counted} passages in f32; others may differ by {100 * BOUND:.0f} %"
    table(title, ("precision", "pictures per second", "counts differ by", ""), rows, numeric=(1, 2))
    if choice.precision == "f32":
        raise ModelError(f"f32 stays: {choice.reason}")
    err.print(f"Taken: {choice.reason}", highlight=False)


def _percent(share: float | None) -> str:
    return "not compared" if share is None else f"{100 * share:.1f} %"
