"""The command line: `aforo COMMAND`.

`COMMANDS` has the names and help lines of all commands; the module of a command is imported when the command is asked
for, so that `--help` answers at once.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import logging
import os
import select
import sys
import threading
import traceback
from importlib import import_module, metadata
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from aforo.address import conceal
from aforo.errors import AforoError, ConfigurationError, shown
from aforo.logs import configure_logging


class Command(NamedTuple):
    """A command as `aforo --help` lists it.

    Attributes:
        name: of the command, and of the function or the group of commands in its module.
        module: in `app.cli`.
        panel: under which it is listed.
        help: the first paragraph of its own help.
    """

    name: str
    module: str
    panel: str
    help: str

    def load(self) -> Any:
        """The command itself; imports its module.

        Returns:
            a command or group of Typer's own click.
        """
        found = getattr(import_module(f"app.cli.{self.module}"), self.name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
            alone.command(self.name)(found)
            found = alone
        return typer.main.get_command(found)


COMMANDS = tuple(
    Command(*each)
    for each in (
        ("demo", "sites", "Start here", "Count a sample video and show it on a web page: http://127.0.0.1:8000."),
        ("count", "recordings", "Recordings", "Count a recording, as fast as the machine can."),
        ("tracks", "recordings", "Recordings", "Write the tracks of a recording in MOTChallenge format."),
        (
            "validate",
            "manual_counts",
            "Cameras",
            "Compare a manual count with what the store has, and say what follows from it.",
        ),
        (
            "evaluate",
            "validation",
            "Recordings",
            "Count the clips of ground-truth files and print the error per clip, class and in total.",
        ),
        (
            "run",
            "sites",
            "Cameras",
            "Count every camera of the configuration, and serve the web page and the API, in one process.",
        ),
        (
            "report",
            "sites",
            "Cameras",
            "Write the hourly volume report of a line or zone: hours × directions × classes, with coverage and peak "
            "hour.",
        ),
        (
            "backup",
            "backup",
            "Cameras",
            "Copy the store of a site into one file, while cameras are counted; SQLite only.",
        ),
        (
            "worker",
            "worker",
            "City",
            "Analyse cameras and publish what they see to Kafka; any number of workers share the cameras among them.",
        ),
        (
            "aggregator",
            "aggregator",
            "City",
            "Count what the workers publish to Kafka, into the store; any number of aggregators share the cameras.",
        ),
        (
            "simulate",
            "simulate",
            "City",
            "Publish synthetic traffic with a known answer: load and fault tests without cameras or a GPU.",
        ),
        (
            "serve",
            "sites",
            "City",
            "Serve API, web page and reports from the store alone; live pictures come from the workers registered "
            "there.",
        ),
        (
            "recount",
            "sites",
            "Cameras",
            "Count history for a line or zone as it is in the configuration now, from the stored trajectories.",
        ),
        (
            "bench",
            "bench",
            "This machine",
            "Say how fast this machine counts: time per stage, frames per second, latency, CPU per camera, memory.",
        ),
        (
            "doctor",
            "doctor",
            "This machine",
            "Say what works on this machine: decoders, engines, model, database, broker.",
        ),
        (
            "models",
            "assets",
            "This machine",
            "The detection models that Aforo knows: list, fetch, export, verify.",
        ),
        ("samples", "assets", "This machine", "The sample videos that Aforo knows: list, fetch, verify."),
    )
)


class LazyGroup(TyperGroup):
    """Lists the commands from `COMMANDS`, and imports the module of the one that is run or completed."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._entries = {entry.name: entry for entry in COMMANDS}
        for entry in COMMANDS:
            self.commands[entry.name] = TyperCommand(entry.name, help=entry.help, rich_help_panel=entry.panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The name, the command itself and the arguments that are left for it."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else self._entries[name].load(), rest


app = typer.Typer(
    name="aforo",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Count who moves through the streets: pedestrians, cyclists, motorcyclists, cars, buses and trucks.

    Start with [bold]aforo demo[/bold]. Count a video of your own with
    [bold]aforo count VIDEO --line x1,y1,x2,y2[/bold], cameras with [bold]aforo run -c CONFIG[/bold].

    Exit codes: 0 done · 1 fault in Aforo · 2 wrong option or configuration · 3 video or camera cannot be read ·
    4 model or sample cannot be had · 5 database or message bus does not work · 130 interrupted.""",
)


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"aforo {metadata.version('aforo')}")
        raise typer.Exit


@app.callback()
def _common(
    log: Annotated[str, typer.Option("--log", metavar="LEVEL", help="debug, info, warning or error.")] = "info",
    version: Annotated[  # noqa: ARG001 (its callback does it all, before a command is asked for)
        bool, typer.Option("--version", help="Say the version and leave.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    configure_logging(log)


_RARE_COLLECTIONS = (200_000, 20, 20)
"""Loading makes that many objects that stay, counting many more and no cycles: looking for these at Python's own pace
costs an aggregator a sixth."""


_M_ARENA_MAX = -8
"""The name of that setting in malloc.h."""
_HEAPS = 2


def tune_process() -> None:
    """Settings of the interpreter and of libraries, for the whole process.

    Nothing may have imported numpy before: its threads are made then.
    """
    gc.set_threshold(*_RARE_COLLECTIONS)
    atexit.register(gc.freeze)  # or Python looks through all there is for cycles, several times, for half a second
    threading.excepthook = _log_fault  # Python's own would print past the filter of secrets
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix here is large: its threads would only wait, busily
    _share_heaps()


def _share_heaps() -> None:
    """Let all threads use two heaps, where the C library is glibc, which else makes one for nearly every thread.

    Each keeps what it once needed for itself: after some thousand requests `aforo run` held 150 MB more that way.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


def _log_fault(fault: threading.ExceptHookArgs) -> None:
    if fault.exc_value is not None and fault.exc_type is not SystemExit:
        logging.getLogger(__name__).critical(
            "thread %s: stopped by a fault in Aforo itself",
            fault.thread.name if fault.thread else "",
            exc_info=fault.exc_value,
        )


_LONGEST_SENTENCE = 4000


def main() -> None:
    """Run the command line; errors that Aforo knows end with one sentence and their exit code.

    Where whoever reads what is printed has gone (`aforo … | head -1`), it ends without a word and well. Where it cannot
    be printed for another reason, as on a full disk, that is the one sentence.
    """
    tune_process()
    try:
        _run(_copies_of_outputs())
    except SystemExit:
        if (unprinted := _unflushed()) is None:
            raise
        _end_unprinted(unprinted)


def _run(printed: list[int]) -> None:
    """Run the command line, to an exit; `printed` are copies of stdout and stderr."""
    try:
        app()
    except (SystemExit, BrokenPipeError) as end:  # Typer and Rich make exits with code 1 of broken pipes, of any
        broken = end if isinstance(end, BrokenPipeError) else end.__context__
        if not isinstance(broken, BrokenPipeError):
            raise
        if not any(map(_has_no_reader, printed)):
            _end_with_fault(broken)
        _print_to_nowhere()
        sys.exit(0)
    except AforoError as error:
        _complain(conceal(str(error), own=True))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("aforo: interrupted", err=True)
        sys.exit(130)
    except Exception as error:
        if isinstance(error, OSError) and _is_of_printing(error):
            _end_unprinted(error)
        _end_with_fault(error)


def _end_unprinted(error: OSError) -> NoReturn:
    _complain(f"cannot print what was asked for: {error.strerror}; make room, or print it to another place")
    _print_to_nowhere()
    sys.exit(ConfigurationError.exit_code)


def _is_of_printing(error: OSError) -> bool:
    """Whether it comes from writing to a stream in one of the libraries that print."""
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    return error.filename is None and innermost.f_globals.get("__name__", "").split(".")[0] in (
        "typer",
        "click",
        "rich",
    )


def _unflushed() -> OSError | None:
    """Why what is left of what was printed does not get out, None where it does, or its reader has gone."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        return None
    except OSError as error:
        return error
    return None


def _print_to_nowhere() -> None:
    """Let what is still in buffers go nowhere at the end of the interpreter."""
    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _end_with_fault(error: Exception) -> NoReturn:
    logging.getLogger(__name__).debug("unexpected", exc_info=error)
    told = conceal(f"{type(error).__name__}: {error}")  # a library's message may quote the address it was given
    _complain(f"{told}: this is a fault in Aforo; please report it, with what `aforo --log debug …` says")
    sys.exit(AforoError.exit_code)


def _copies_of_outputs() -> list[int]:
    """Descriptors of what stdout and stderr are now: Rich puts something else in their place once they break."""
    copies = []
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):  # it was closed before the start
            copies.append(os.dup(descriptor))
    return copies


def _has_no_reader(descriptor: int) -> bool:
    """Whether it is a pipe or socket whose other end is closed."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))


def _complain(text: str) -> None:
    """Say on one line of stderr what went wrong."""
    sentence = shown(" ".join(text.split()), _LONGEST_SENTENCE)
    with contextlib.suppress(OSError):  # stderr cannot be written: the exit code remains
        typer.secho(f"aforo: {sentence}", err=True, fg="red" if sys.stderr.isatty() else None)


if __name__ == "__main__":
    main()
