"""Commands about detection models and sample videos: list, fetch, export, verify, quantise."""

from __future__ import annotations

from typing import Annotated

import typer

from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.errors import AssetError, ConfigurationError, ModelError
from app.assemble import float_model
from app.assets import manifest
from app.cli.console import err, fetch_progress, say, table
from app.cli.detector import chosen_detector
from app.cli.options import ConfigOption, ModelOption, TrustOption, finite, refuse_typed
from app.machine.precision import BOUND, calibrate, calibrate_on_samples, site_clips

models = typer.Typer(
    help="The detection models that Aforo knows: list, fetch, export, verify.",
    no_args_is_help=True,
    add_completion=False,
)
samples = typer.Typer(
    help="The sample videos that Aforo knows: list, fetch, verify.", no_args_is_help=True, add_completion=False
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")]
NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="As `list` shows them; default: all.")
]


def _list(kind: str) -> None:
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


def _check_kind(kind: str, name: str) -> None:
    """Refuse a name of the other kind of asset; one that is unknown is refused where it is looked up."""
    asset = manifest.manifest().get(name)
    if asset is not None and asset.kind != kind:
        raise AssetError(f"{name} is no {kind} but a {asset.kind}; see `aforo {asset.kind}s`")


def _fetch(name: str) -> None:
    with fetch_progress() as progress:
        path = manifest.fetch(name, progress=progress)
    typer.echo(path)


def _verify(kind: str, names: list[str] | None) -> None:
    for name in names or ():
        _check_kind(kind, name)
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
    _check_kind("model", name)
    with fetch_progress() as progress:
        typer.echo(manifest.resolve_model(name, progress=progress))


@models.command("export")
def export_model(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name or file.")],
    config: ConfigOption = None,
    trust_model: TrustOption = False,
) -> None:
    """Export a model to OpenVINO, the fast format on a CPU, and print its path; done once."""
    section = chosen_detector(load_site(config) if config else SiteConfiguration(), trust_model, model=name)
    with err.status(f"Exporting {name} …"), fetch_progress() as progress:
        path = float_model(section, progress)
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
    _check_kind("sample", name)
    _fetch(name)


@samples.command("verify")
def verify_samples(names: NamesArgument = None) -> None:
    """Check size and hash of the samples that are here."""
    _verify("sample", names)


@models.command("quantise")
def quantise_model(
    context: typer.Context,
    config: ConfigOption = None,
    seconds: Annotated[
        float, typer.Option(min=5, callback=finite, help="How long each camera of CONFIG is watched.")
    ] = 120.0,
    model: ModelOption = None,
    trust_model: TrustOption = False,
) -> None:
    """Make the INT8 form of the model on pictures of your own cameras, and use it where it counts the same.

    Each camera of CONFIG is watched for a while (without CONFIG: the sample videos). The same pictures are then counted
    in f32 and in the faster precisions; one is taken only if its counts stay within 5 % of those in f32, over every
    line, zone, direction and class. The pictures are held in memory and forgotten. The exit code is 4 when f32 stays.
    """
    site = load_site(config) if config else SiteConfiguration()
    if config and not site.cameras:
        raise ConfigurationError(f"{config} has no cameras to calibrate on; add some, or leave out -c")
    if not site.cameras:
        refuse_typed(context, "is for the cameras of CONFIG, and there are none", "seconds")
    section = chosen_detector(site, trust_model, model=model, precision="auto")

    if site.cameras:
        choice = calibrate(section, site_clips(site, seconds, say), say)
    else:
        with fetch_progress() as progress:
            choice = calibrate_on_samples(section, say, progress)
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
