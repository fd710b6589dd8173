"""The command `bench`: how fast this machine counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from app.assets import manifest
from app.cli.console import err, fetch_progress, out, table, write_json
from app.cli.detector import chosen_detector, open_detector
from app.cli.options import (
    ConfigOption,
    ForceOption,
    JsonOption,
    ModelOption,
    SizeOption,
    TrustOption,
    finite,
    video_file,
)
from app.cli.outputs import file_of, output_files
from app.file_kinds import JSON
from app.machine.speed import COUNTING_STAGES, Benchmark, benchmark
from detect.openvino.detector import OpenVinoYolo
from ingest.capture import probe


def bench(
    video: Annotated[
        Path | None,
        typer.Argument(metavar="[VIDEO]", help="A recording; default: the sample video.", callback=video_file),
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of the whole recording; the median is told.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, callback=finite, help="Length of the other measurements.")] = 10.0,
    fps: Annotated[
        float, typer.Option(min=0.1, callback=finite, help="Frames per second of a camera, for latency and cost.")
    ] = 10.0,
    config: ConfigOption = None,
    model: ModelOption = None,
    trust_model: TrustOption = False,
    image_size: SizeOption = None,
    precision: Annotated[str | None, typer.Option(help="auto, f32, bf16 or int8.")] = None,
    json: JsonOption = None,
    force: ForceOption = False,
) -> None:
    """Say how fast this machine counts: time per stage, frames per second, latency, CPU per camera, memory."""
    site = load_site(config) if config else SiteConfiguration()
    (json_file,) = output_files(("--json", json, JSON), site=site, inputs=(video, config, file_of(model)), force=force)
    if site.detector.engine == "ultralytics":
        raise ConfigurationError("the stages are measured on OpenVINO only, and detector.engine is ultralytics")
    section = chosen_detector(
        site, trust_model, model=model, image_size=image_size, precision=precision, engine="openvino"
    )
    if video is None:
        with fetch_progress() as progress:
            video = manifest.sample(progress=progress).path
    probe(video)  # better refused now than after the model has been loaded
    detector = open_detector(section)
    try:
        if not isinstance(detector, OpenVinoYolo):
            raise ConfigurationError("the stages are measured on OpenVINO only; set detector.device to cpu, GPU or NPU")
        with err.status(f"Counting {video.name} {runs} times …"):
            result = benchmark(video, detector, section, runs=runs, seconds=seconds, analyse_fps=fps)
    finally:
        detector.close()
    if json_file is None or not json_file.is_stdout:
        _print(result)
    if json_file is not None:
        write_json(result.document(), json_file)


def _print(result: Benchmark) -> None:
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
