"""The command `doctor`: what works on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aforo.config.reading import load_site
from app.cli.console import err, out, table
from app.machine.doctor import examine


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Also look at what this site needs.")
    ] = None,
) -> None:
    """Say what works on this machine: decoders, engines, model, database, broker.

    The exit code is 1 when something that is needed does not work.
    """
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
