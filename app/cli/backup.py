"""The command `backup`: a copy of a site's counts in one file; SQLite only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import ConfigArgument


def backup(
    config: ConfigArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file of the copy.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the store of a site into one file, while cameras are counted; SQLite only.

    To restore it, stop Aforo, put the copy in the place that `store` names, delete the files beside it whose names end
    in -wal and -shm, and start again. PostgreSQL has pg_dump and pg_restore for this.
    """
    from aforo.config.reading import load_site
    from aforo.errors import ConfigurationError
    from aggregate.store.sqlite.backend import file_of
    from aggregate.store.sqlite.backup import back_up
    from app.cli.console import err

    address = load_site(config).store.get_secret_value()
    if address.startswith(("postgres:", "postgresql:")):
        raise ConfigurationError(
            "aforo backup copies SQLite stores, and this site's is PostgreSQL; use pg_dump --format=custom --file FILE"
        )
    size = back_up(file_of(address), out, force=force)
    err.print(f"{size / 1e6:.1f} MB written to {out}", highlight=False)
