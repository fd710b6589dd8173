"""Commands about this machine: models, samples, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

models = typer.Typer(help="The detection models that Aforo knows: list, fetch, export, verify.", no_args_is_help=True)
samples = typer.Typer(help="The sample videos that Aforo knows: list, fetch, verify.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")]
NamesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="As `list` shows them; default: all.")
]


def _list(kind: str) -> None:
    from aforo import assets
    from aforo.cli.console import table

    rows = [
        (
            asset.name,
            asset.title,
            f"{asset.size / 1e6:.1f} MB",
            asset.licence,
            "yes" if assets.locate(asset.name) else "no",
        )
        for asset in assets.manifest().values()
        if asset.kind == kind
    ]
    table("", ("name", "what it is", "size", "licence", "here"), rows, numeric=(2,))


def _here(name: str) -> str:
    from aforo import assets

    return "yes" if assets.locate(name) else "no"


def _fetch(name: str) -> None:
    from aforo import assets
    from aforo.cli.console import fetch_progress

    with fetch_progress() as tell:
        path = assets.fetch(name, progress=tell)
    typer.echo(path)


def _verify(kind: str, names: list[str] | None) -> None:
    from aforo import assets

    for name in names or [
        asset.name for asset in assets.manifest().values() if asset.kind == kind and assets.locate(asset.name)
    ]:
        typer.echo(f"{name}: {assets.verify(name)} is what the manifest says")


@models.command("list")
def list_models() -> None:
    """List the models, and whether they are here."""
    _list("model")


@models.command("fetch")
def fetch_model(name: NameArgument) -> None:
    """Fetch a model and print its path."""
    from aforo import assets
    from aforo.cli.console import fetch_progress

    with fetch_progress() as tell:
        typer.echo(assets.resolve_model(name, progress=tell))


@models.command("export")
def export_model(name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name or file.")]) -> None:
    """Export a model to OpenVINO, the fast format on a CPU, and print its path; done once."""
    from aforo import assets
    from aforo.cli.console import err, fetch_progress
    from detect.export import openvino_model

    with fetch_progress() as tell:
        weights = assets.resolve_model(name, progress=tell)
    with err.status(f"Exporting {weights.name} …"):
        path = openvino_model(weights, assets.cache_directory() / "openvino")
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
    from aforo.cli.console import err, out, table
    from aforo.config import load_site
    from aforo.doctor import examine

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
