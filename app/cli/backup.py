"""The command `backup`: a copy of a site's counts in one file; SQLite only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aforo.config.reading import load_site
from aforo.errors import ConfigurationError
from aggregate.store.sqlite.backup import back_up
from app.assemble import store_backend
from app.cli.console import err
from app.cli.options import ConfigArgument
from app.cli.outputs import kept_files
from app.output_file import OutputFile


def backup(
    config: ConfigArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file of the copy.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the store of a site into one file, while cameras are counted; SQLite only.

    To restore it, stop Aforo, put the copy in the place that `store` names, delete the files beside it whose names end
    in -wal and -shm, and start again. PostgreSQL has pg_dump and pg_restore for this.
    """
    site = load_site(config)
    database = store_backend(site).file
    if database is None:
        raise ConfigurationError(
            "aforo backup copies SQLite stores, and this site's is PostgreSQL; use pg_dump --format=custom --file FILE"
        )
    # Private, as it holds the addresses of cameras; and never in the place of an older one unless that is wanted.
    copy = OutputFile("--out", out, None, inputs=kept_files(site, (config,)), force=force, private=True)
    with copy.writing() as scratch:
        back_up(database, scratch)
        size = scratch.stat().st_size
    err.print(f"{size / 1e6:.1f} MB written to {out}", highlight=False)
