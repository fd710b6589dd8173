"""The command line: `aforo COMMAND`.

Every command imports what it needs when it runs, so that `--help` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import Annotated

import typer

from aforo.errors import AforoError
from app.cli import city, machine, recordings, sites, validation

app = typer.Typer(
    name="aforo",
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

app.command(rich_help_panel="Start here")(sites.demo)
app.command(rich_help_panel="Recordings")(recordings.count)
app.command(rich_help_panel="Recordings")(recordings.tracks)
app.command(rich_help_panel="Recordings")(validation.evaluate)
app.command(rich_help_panel="Cameras")(sites.run)
app.command(rich_help_panel="Cameras")(sites.report)
app.command(rich_help_panel="City")(city.worker)
app.command(rich_help_panel="City")(city.aggregator)
app.command(rich_help_panel="City")(city.simulate)
app.command(rich_help_panel="City")(sites.serve)
app.command(rich_help_panel="Cameras")(sites.recount)
app.add_typer(machine.models, name="models", rich_help_panel="This machine")
app.add_typer(machine.samples, name="samples", rich_help_panel="This machine")
app.command(rich_help_panel="This machine")(machine.bench)
app.command(rich_help_panel="This machine")(machine.doctor)


_RARE_COLLECTIONS = (200_000, 20, 20)
"""Loading makes that many objects that stay, counting many more and no cycles: looking for these at Python's own pace
costs an aggregator a sixth."""


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"aforo {version('aforo')}")
        raise typer.Exit


@app.callback()
def _common(
    log: Annotated[str, typer.Option("--log", metavar="LEVEL", help="debug, info, warning or error.")] = "info",
    version: Annotated[  # noqa: ARG001 (its callback does it all, before a command is asked for)
        bool, typer.Option("--version", help="Say the version and leave.", is_eager=True, callback=_say_version)
    ] = False,
) -> None:
    from aforo.logs import configure_logging

    configure_logging(log)


def main() -> None:
    """Run the command line; errors that Aforo knows end with one sentence and their exit code.

    Nothing may have imported numpy before: its threads are made then.
    """
    gc.set_threshold(*_RARE_COLLECTIONS)
    atexit.register(gc.freeze)  # or Python looks through all there is for cycles, several times, for half a second
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix here is large: its threads would only wait, busily
    try:
        app()
    except AforoError as error:
        from aforo.redaction import without_credentials

        typer.secho(f"aforo: {without_credentials(str(error))}", err=True, fg="red" if sys.stderr.isatty() else None)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("aforo: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
