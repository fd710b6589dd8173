"""Commands for sites: demo, run, serve, report, recount."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from aforo.address import Address
from aforo.config.camera import CameraSection
from aforo.config.geometry import LineSection, ZoneSection
from aforo.config.reading import load_site
from aforo.config.server import ApiSection
from aforo.config.site import SiteConfiguration, SiteIdentity
from aforo.errors import ConfigurationError
from aforo.model import PlaceKind
from api.time_ranges import parse_open_range
from app import web_process
from app.assets import manifest
from app.cli.console import err, fetch_progress, table
from app.cli.detector import open_detector
from app.cli.options import ConfigArgument, ForceOption, InputFpsOption, PortOption
from app.cli.outputs import output_file
from app.file_kinds import REPORTS
from app.history_recount import recount_place
from app.report_file import report_file
from app.rows_in_memory import RowsInMemory
from app.site_process import Service
from ingest.capture import probe


def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the video ends.")] = False,
    pace: Annotated[
        bool | None,
        typer.Option("--pace/--fast", help="Play at its own pace, or as fast as possible (default with --once)."),
    ] = None,
    port: PortOption = None,
) -> None:
    """Count a sample video and show it on a web page: http://127.0.0.1:8000.

    Fetches the default model and the sample when they are missing, analyses the video, and prints what was counted
    beside the sample's published truth.
    """
    with fetch_progress() as progress:
        sample = manifest.sample(progress=progress)
    if sample.note:
        err.print(sample.note, style="yellow", highlight=False)
    paced = pace if pace is not None else not once
    site = _demo_site(sample, 8000 if port is None else port, paced)
    detector = open_detector(site.detector)

    rows = RowsInMemory()
    service = Service(site, detector, paced=paced, listeners=(rows.add,))
    service.start()
    try:
        err.print(f"Analysing {sample.asset.file}: {sample.asset.title}", highlight=False)
        err.print(f"Live page: [bold]{service.url}[/bold]", highlight=False)
        service.finish()
        for failure in service.failures:
            raise failure
        _print_demo(sample, rows.of_line("middle"))
        if not once:
            err.print(f"The video is over; the page stays at {service.url}. Ctrl-C ends.", highlight=False)
            _until_interrupted()
    finally:
        service.stop()


def _demo_site(sample: manifest.Sample, port: int, paced: bool) -> SiteConfiguration:
    facts = probe(sample.path)
    store = manifest.cache_directory() / "demo.db"
    for path in (store, store.with_name("demo.db-wal"), store.with_name("demo.db-shm")):
        path.unlink(missing_ok=True)
    truth = sample.asset.truth
    ends = truth.line_px if truth else ((facts.width_px // 2, 0), (facts.width_px // 2, facts.height_px))
    line = LineSection(
        id="middle", name="Counting line", points=[(x / facts.width_px, y / facts.height_px) for x, y in ends]
    )
    zone = ZoneSection(id="centre", name="Centre", polygon=[(0.30, 0.35), (0.70, 0.35), (0.78, 0.75), (0.25, 0.75)])
    duration = timedelta(seconds=0 if paced else (facts.frames or 0) / facts.fps)
    camera = CameraSection(
        id="demo",
        name=sample.asset.title.split(" (")[0],
        source=(Address.of_file(sample.path),),
        analyse_fps=facts.fps,
        starts_at=(datetime.now(UTC) - duration).isoformat(),
        lines=[line],
        zones=[zone],
    )
    return SiteConfiguration(
        site=SiteIdentity(id="demo", name="Aforo demo", timezone="UTC"),
        cameras=[camera],
        store=Address(f"sqlite:///{store}"),
        api=ApiSection(port=port),
    )


def _print_demo(sample: manifest.Sample, counted: Counter[tuple[str, str]]) -> None:
    truth = sample.asset.truth
    published = {(direction, truth.road_user): n for direction, n in truth.counts.items()} if truth else {}
    rows = [
        (direction, road_user, counted[direction, road_user], published.get((direction, road_user), "–"))
        for direction, road_user in sorted(set(counted) | set(published))
    ]
    title = f"{sample.asset.file}: counted, and published truth" + (f" ({truth.source})" if truth else " (none)")
    table(title, ("direction", "road user", "counted", "published"), rows, numeric=(2, 3))


def run(config: ConfigArgument, port: PortOption = None, input_fps: InputFpsOption = None) -> None:
    """Count every camera of the configuration, and serve the web page and the API, in one process."""
    site = load_site(config)
    if input_fps is not None:
        site = _recorded_at(site, input_fps)
    if port is not None:
        site = site.model_copy(update={"api": site.api.model_copy(update={"port": port})})
    if not site.cameras:
        raise ConfigurationError(f"{config} has no cameras; add some under the key cameras")
    detector = open_detector(site.detector)

    service = Service(site, detector)
    service.start()
    try:
        err.print(f"{len(site.cameras)} cameras; live page: [bold]{service.url}[/bold]; Ctrl-C ends.", highlight=False)
        _until_interrupted()
    finally:
        service.stop()


def _recorded_at(site: SiteConfiguration, fps: float) -> SiteConfiguration:
    """The site with recordings made at so many frames per second; its cameras are as they were."""
    if not any(camera.is_recording for camera in site.cameras):
        raise ConfigurationError("--input-fps: this site has no recording, and cameras need none; leave it out")
    cameras = [
        camera.model_copy(update={"recorded_fps": fps}) if camera.is_recording else camera for camera in site.cameras
    ]
    return site.model_copy(update={"cameras": cameras})


def _until_interrupted() -> None:
    """Wait for Ctrl-C or the end signal of a service manager."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with suppress(KeyboardInterrupt):
        while not ended.is_set():
            ended.wait(1.0)


def report(
    config: ConfigArgument,
    line: Annotated[str | None, typer.Option("--line", metavar="ID", help="Counting line of the report.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", metavar="ID", help="Zone of the report.")] = None,
    day: Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Its day; default: today.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last day, for a range of days.")] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="csv, xlsx or pdf; default: the ending of FILE, else csv.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", help="en or es.")] = "en",
    separator: Annotated[
        str | None,
        typer.Option(
            "--separator",
            help="Of a CSV: comma (default); or semicolon, with decimal commas, for spreadsheets that expect them.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: a name made of site, place and day; - is stdout."),
    ] = None,
    force: ForceOption = False,
) -> None:
    """Write the hourly volume report of a line or zone: hours × directions × classes, with coverage and peak hour."""
    site = load_site(config)
    file_format = _report_format(format, out)
    name, content = report_file(
        site, line=line, zone=zone, first=day, last=to, file_format=file_format, lang=lang, separator=separator
    )
    file = output_file(("--out", out or name, REPORTS[file_format]), site=site, inputs=(config,), force=force)
    file.write(content)
    err.print(f"Report written to {file.target}", highlight=False)


def _report_format(asked: str | None, out: Path | None) -> str:
    """The format that was asked for, by name or by the ending of the file; the two must agree."""
    ending = "" if out is None else out.suffix.lower().removeprefix(".")
    if asked is None:
        return ending if ending in REPORTS else "csv"
    if asked in REPORTS and ending in REPORTS and ending != asked:
        raise ConfigurationError(f"--format: {asked} does not fit --out {out}, which ends in .{ending}; leave one out")
    return asked


def serve(config: ConfigArgument, port: PortOption = None) -> None:
    """Serve API, web page and reports from the store alone; live pictures come from the workers registered there."""
    site = load_site(config)
    if port is not None:
        site = site.model_copy(update={"api": site.api.model_copy(update={"port": port})})
    web_process.serve(
        site, lambda url: err.print(f"API and web page: [bold]{url}[/bold]; Ctrl-C ends.", highlight=False)
    )


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
    site = load_site(config)
    if (line is None) == (zone is None):
        raise ConfigurationError("a recount needs either --line ID or --zone ID")
    start_us, end_us = parse_open_range(start, end, site.timezone)
    kind = PlaceKind.ZONE if line is None else PlaceKind.LINE
    done = recount_place(site, kind, line or str(zone), start_us, end_us)
    what = "crossings" if done.kind == PlaceKind.LINE else "visits"
    err.print(
        f"{done.kind} {done.place}: {done.count} {what} of {done.tracks} tracks, geometry {done.geometry}",
        highlight=False,
    )
