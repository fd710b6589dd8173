"""Commands about this machine: models, samples, bench, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.recordings import ConfigOption, JsonOption, ModelOption, SizeOption, TrustOption, chosen_detector

if TYPE_CHECKING:
    from app.machine.speed import Benchmark

models = typer.Typer(help="The detection models that Aforo knows: list, fetch, export, verify.", no_args_is_help=True)
samples = typer.Typer(help="The sample videos that Aforo knows: list, fetch, verify.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")]
NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="As `list` shows them; default: all.")
]


def _list(kind: str) -> None:
    from app.assets import manifest
    from app.cli.console import table

    rows = [
        (
            asset.name,
            asset.title,
            f"{asset.size / 1e6:.1f} MB",
            asset.licence,
            "yes" if manifest.locate(asset.name) else "no",
        )
        for asset in manifest.manifest().values()
        if asset.kind == kind
    ]
    table("", ("name", "what it is", "size", "licence", "here"), rows, numeric=(2,))


def _fetch(name: str) -> None:
    from app.assets import manifest
    from app.cli.console import fetch_progress

    with fetch_progress() as tell:
        path = manifest.fetch(name, progress=tell)
    typer.echo(path)


def _verify(kind: str, names: list[str] | None) -> None:
    from app.assets import manifest

    for name in names or [
        asset.name for asset in manifest.manifest().values() if asset.kind == kind and manifest.locate(asset.name)
    ]:
        typer.echo(f"{name}: {manifest.verify(name)} is what the manifest says")


@models.command("list")
def list_models() -> None:
    """List the models, and whether they are here."""
    _list("model")


@models.command("fetch")
def fetch_model(name: NameArgument) -> None:
    """Fetch a model and print its path."""
    from app.assets import manifest
    from app.cli.console import fetch_progress

    with fetch_progress() as tell:
        typer.echo(manifest.resolve_model(name, progress=tell))


@models.command("export")
def export_model(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name or file.")],
    config: ConfigOption = None,
    trust_model: TrustOption = False,
) -> None:
    """Export a model to OpenVINO, the fast format on a CPU, and print its path; done once."""
    from aforo.config.reading import load_site
    from aforo.config.site import Site
    from app.assemble import float_model
    from app.cli.console import err, fetch_progress

    section = chosen_detector(load_site(config) if config else Site(), trust_model, model=name)
    with err.status(f"Exporting {name} …"), fetch_progress() as tell:
        path = float_model(section, tell)
    typer.echo(path)


@models.command("verify")
def verify_models(names: NamesArgument = None) -> None:
    """Check size and hash of the models that are here."""
    _verify("model", names)


@samples.command("list")
def list_samples() -> None:
    """List the sample videos, and whether they are here."""
    _list("sample")


@samples.command("fetch")
def fetch_sample(name: NameArgument = "vtest") -> None:
    """Fetch a sample video and print its path."""
    _fetch(name)


@samples.command("verify")
def verify_samples(names: NamesArgument = None) -> None:
    """Check size and hash of the samples that are here."""
    _verify("sample", names)


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Also look at what this site needs.")
    ] = None,
) -> None:
    """Say what works on this machine: decoders, engines, model, database, broker.

    The exit code is 1 when something that is needed does not work.
    """
    from aforo.config.reading import load_site
    from app.cli.console import err, out, table
    from app.machine.doctor import examine

    site = load_site(config) if config else None
    with err.status("Looking …"):
        findings = examine(site)
    mark = {True: "ok", False: "FAILS", None: "absent"}
    table("", ("what", "state", "found"), [(f.name, mark[f.ok], f.detail) for f in findings])
    for finding in findings:
        if finding.hint:
            out.print(f"{finding.name}: {finding.hint}", highlight=False)
    if any(finding.ok is False for finding in findings):
        raise typer.Exit(1)


def bench(
    video: Annotated[
        Path | None, typer.Argument(metavar="[VIDEO]", help="A recording; default: the sample video.")
    ] = None,
    runs: Annotated[int, typer.Option(min=1, help="Runs of the whole recording; the median is told.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the other measurements.")] = 10.0,
    fps: Annotated[float, typer.Option(min=0.1, help="Frames per second of a camera, for latency and cost.")] = 10.0,
    config: ConfigOption = None,
    model: ModelOption = None,
    trust_model: TrustOption = False,
    image_size: SizeOption = None,
    precision: Annotated[str | None, typer.Option(help="auto, f32, bf16 or int8.")] = None,
    json: JsonOption = None,
) -> None:
    """Say how fast this machine counts: time per stage, frames per second, latency, CPU per camera, memory."""
    from aforo.config.reading import load_site
    from aforo.config.site import Site
    from aforo.errors import ConfigurationError
    from app.assets import manifest
    from app.cli.console import err, fetch_progress, json_document, open_detector
    from app.machine.speed import benchmark
    from detect.openvino.detector import OpenVinoYolo

    site = load_site(config) if config else Site()
    section = chosen_detector(
        site, trust_model, model=model, image_size=image_size, precision=precision, engine="openvino"
    )
    if video is None:
        with fetch_progress() as tell:
            video = manifest.sample(progress=tell).path
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


def _print(result: Benchmark) -> None:
    from app.cli.console import out, table
    from app.machine.speed import COUNTING_STAGES

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
    trust_model: TrustOption = False,
) -> None:
    """Make the INT8 form of the model on pictures of your own cameras, and use it where it counts the same.

    Each camera of CONFIG is watched for a while (without CONFIG: the sample videos). The same pictures are then counted
    in f32 and in the faster precisions; one is taken only if its counts stay within 5 % of those in f32, over every
    line, zone, direction and class. The pictures are held in memory and forgotten. The exit code is 4 when f32 stays.
    """
    from aforo.config.reading import load_site
    from aforo.config.site import Site
    from aforo.errors import ConfigurationError, ModelError
    from app.cli.console import err, fetch_progress, say, table
    from app.machine.precision import BOUND, calibrate, calibrate_on_samples, site_clips

    site = load_site(config) if config else Site()
    if config and not site.cameras:
        raise ConfigurationError(f"{config} has no cameras to calibrate on; add some, or leave out -c")
    section = chosen_detector(site, trust_model, model=model, precision="auto")

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
