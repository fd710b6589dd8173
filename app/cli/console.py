"""What the commands say: tables on stdout, progress and notes on stderr."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from aforo.errors import ConfigurationError
from app.assets.mirrors import Progress as FetchProgress

out = Console()
err = Console(stderr=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], numeric: Iterable[int] = ()) -> None:
    """Print a table on stdout; `numeric` columns are right-aligned."""
    right = set(numeric)
    made = Table(title=title or None, title_justify="left")
    for index, column in enumerate(columns):
        made.add_column(column, justify="right" if index in right else "left")
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    out.print(made)


def json_document(document: object, target: str) -> None:
    """Write a JSON document to a file, or to stdout for `-`.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    if target == "-":
        out.file.write(text)
        return
    try:
        Path(target).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write {target}: {error.strerror}") from error


def check_target(option: str, target: str | Path | None) -> None:
    """Refuse a file that cannot be written before hours of work go into it.

    Raises:
        ConfigurationError: its folder does not exist or cannot be written.
    """
    if target is None or target == "-":
        return
    folder = Path(target).absolute().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or Path(target).is_dir():
        raise ConfigurationError(f"{option}: cannot write {target}: expected a file in a folder that can be written")


class _FramesPerSecond(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:6.1f} fps" if speed else "   … fps")


@contextmanager
def frames_progress(title: str, total: int | None, console: Console = err) -> Iterator[Any]:
    """A progress bar over frames on a console, where that is a terminal; yields a function to call after each frame."""
    if not console.is_terminal:
        yield lambda: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total} frames"),
        _FramesPerSecond(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


@contextmanager
def fetch_progress() -> Iterator[FetchProgress]:
    """Tells on stderr what is being fetched, and how far it is."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        console=err,
        transient=True,
    ) as progress:
        tasks: dict[str, Any] = {}

        def tell(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(f"Fetching {name}", total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield tell


def say(step: str) -> None:
    """Tell a step of long work on stderr."""
    err.print(f"{step} …", highlight=False)
