"""What the commands say: tables on stdout, progress and notes on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from app.assets.mirrors import Progress as FetchProgress
from app.output_file import OutputFile

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


def write_json(document: object, file: OutputFile) -> None:
    """Write a JSON document.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    file.write((json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace"))


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

        def show(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(f"Fetching {name}", total=total)
            progress.update(tasks[name], completed=done, total=total)

        yield show


def say(step: str) -> None:
    """Tell a step of long work on stderr."""
    err.print(f"{step} …", highlight=False)
