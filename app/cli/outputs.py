"""The files that a command was told to write, checked before any work begins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel

from aforo.address import Address
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from app.assemble import store_backend
from app.file_kinds import FileKind
from app.output_file import OutputFile, with_companions

Named = tuple[str, str | Path | None, FileKind]
"""An option, the file that it names if it was given, and the kind of what is written there."""


def output_files(
    *named: Named, site: SiteConfiguration, inputs: Iterable[Path | None] = (), force: bool
) -> list[OutputFile | None]:
    """The files to write, in order, None where an option was not given.

    Args:
        named: the options.
        site: whose database, recordings, model and keys are not written over.
        inputs: what else the command reads, None where it does not.
        force: replace files of another kind.

    Raises:
        ConfigurationError: one must not or cannot be written, two are the same, or `force` has nothing to replace.
    """
    kept = kept_files(site, inputs)
    files = [
        None if target is None else OutputFile(option, target, kind, inputs=kept, force=force)
        for option, target, kind in named
    ]
    given = [file for file in files if file is not None]
    for number, first in enumerate(given):
        for second in given[number + 1 :]:
            if first.same_file(second):
                raise ConfigurationError(f"two options name the same file, {first.target}; give two files")
    if force and all(file.is_stdout for file in given):
        raise ConfigurationError("--force: no option names a file that could be replaced; leave it out")
    return files


def output_file(named: Named, *, site: SiteConfiguration, inputs: Iterable[Path | None], force: bool) -> OutputFile:
    """As `output_files`, for a command that writes one file in any case."""
    option, target, kind = named
    return OutputFile(option, str(target), kind, inputs=kept_files(site, inputs), force=force)


def file_of(model: str | None) -> Path | None:
    """The file that a model's name may be, for `inputs`."""
    return None if model is None else Path(model)


def kept_files(site: SiteConfiguration, inputs: Iterable[Path | None] = ()) -> list[Path]:
    """Files that no command writes over: what it reads, the site's database, and what the configuration names."""
    kept = [path for path in inputs if path is not None]
    database = store_backend(site).file
    if database is not None:
        kept += with_companions(database)
    return kept + [Path(text) for text in _texts(site) if text]


def _texts(value: object) -> Iterator[str]:
    """Every text in a configuration: any of them may name a file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Address):
        yield str(value)
    elif isinstance(value, BaseModel):
        for _, part in value:
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
