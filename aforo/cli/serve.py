"""Commands on the store alone: serve, recount."""

from __future__ import annotations

from typing import Annotated

import typer

from aforo.cli.sites import ConfigArgument, PortOption


def serve(config: ConfigArgument, port: PortOption = None) -> None:
    """Serve API, web page and reports from the store alone; live pictures come from the workers registered there."""
    from aforo.cli.console import err
    from aforo.config import load_site
    from aforo.serving import serve as run

    site = load_site(config)
    if port is not None:
        site = site.model_copy(update={"api": site.api.model_copy(update={"port": port})})
    run(site, lambda url: err.print(f"API and web page: [bold]{url}[/bold]; Ctrl-C ends.", highlight=False))


def recount(
    config: ConfigArgument,
    line: Annotated[str | None, typer.Option("--line", metavar="ID", help="Counting line.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", metavar="ID", help="Zone.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="ISO 8601; default: the first that is stored.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Default: the last that is stored.")] = None,
) -> None:
    """Count history for a line or zone as it is in the configuration now, from the stored trajectories."""
    from aforo.cli.console import err
    from aforo.config import load_site
    from aforo.errors import ConfigurationError
    from aforo.recounting import recount_place
    from api.times import parse_time

    site = load_site(config)
    if (line is None) == (zone is None):
        raise ConfigurationError("a recount needs either --line ID or --zone ID")
    start_us, end_us = (
        None if text is None else parse_time(name, text, site.timezone) for name, text in (("from", start), ("to", end))
    )
    done = recount_place(site, "zone" if line is None else "line", line or str(zone), start_us, end_us)
    what = "crossings" if done.kind == "line" else "visits"
    err.print(
        f"{done.kind} {done.place}: {done.count} {what} of {done.tracks} tracks, geometry {done.geometry}",
        highlight=False,
    )
