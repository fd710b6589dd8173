"""Commands for recordings: count, tracks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError
from aforo.model import Frame, TrackedFrame
from aforo.ports import Detector
from api.time_ranges import parse_time
from app.annotated_copy import ANNOTATED_COPY, AnnotatedCopy
from app.cli.console import err, frames_progress, table, write_json
from app.cli.detector import chosen_detector, open_detector
from app.cli.options import (
    ConfigOption,
    EngineOption,
    ForceOption,
    FpsOption,
    InputFpsOption,
    JsonOption,
    ModelOption,
    SizeOption,
    StartsOption,
    TrustOption,
    VideoArgument,
    VideosArgument,
    finite,
)
from app.cli.outputs import file_of, output_file, output_files
from app.file_kinds import JSON, TRACKS
from app.output_file import OutputFile
from app.recording import OnFrame, Recording, RecordingCounts, line_of_pixels, zone_of_pixels
from app.rows_in_memory import RowsInMemory
from app.validation.mot_file import MotTracks
from ingest.capture import VideoFacts, probe


def count(
    video: VideosArgument,
    line: Annotated[
        list[str] | None,
        typer.Option("--line", metavar="x1,y1,x2,y2", help="A counting line in pixels; may be given several times."),
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", metavar="x1,y1,x2,y2,x3,y3,…", help="A zone in pixels; may be given several times."),
    ] = None,
    camera: Annotated[
        str | None, typer.Option("--camera", metavar="ID", help="Take lines and zones of this camera of CONFIG.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = None,
    annotate: Annotated[
        Path | None, typer.Option("--annotate", metavar="OUT.mp4", help="Write a copy with boxes, tracks and counts.")
    ] = None,
    force: ForceOption = False,
    starts_at: StartsOption = None,
    fps: FpsOption = None,
    input_fps: InputFpsOption = None,
    model: ModelOption = None,
    trust_model: TrustOption = False,
    image_size: SizeOption = None,
    engine: EngineOption = None,
) -> None:
    """Count a recording, as fast as the machine can.

    Example: [bold]aforo count street.mp4 --line 100,400,1180,400 --json -[/bold]

    Several files are counted as one recording, in order of time; road users are followed from one into the next.

    Directions of a line given here are named as in a site file: right/left when it is nearer to vertical (it spans more
    of the picture's height than of its width), else down/up, as seen in the image.
    """
    facts = probe(video[0])
    site = load_site(config) if config else SiteConfiguration()
    starts_us = _starts_us(starts_at or [], len(video), site)
    json_file, copy_file = output_files(
        ("--json", json, JSON),
        ("--annotate", annotate, ANNOTATED_COPY),
        site=site,
        inputs=(*video, config, file_of(model)),
        force=force,
    )
    section = chosen_detector(site, trust_model, model=model, image_size=image_size, engine=engine)
    what = _camera(site, camera, line or [], zone or [], facts)
    if input_fps is not None:
        what = what.model_copy(update={"recorded_fps": input_fps})
    recording = Recording(
        video, what, analyse_fps=fps, starts_us=starts_us, recorded_fps=what.recorded_fps, timezone=site.timezone
    )
    if len(recording.files) > 1:
        names = ", ".join(facts.path.name for facts in recording.files)
        order = "their start times" if recording.order_told else "the order given, each where the one before it ends"
        err.print(f"One recording of {len(recording.files)} files, by {order}: {names}", highlight=False)
    counts = _count(recording, section, site, copy_file)
    _say_notes(counts.note, counts.problem)
    if json_file is None or not json_file.is_stdout:
        _print_counts(counts, what)
    if json_file is not None:
        write_json(_document(counts, what), json_file)


def tracks(
    video: VideoArgument,
    mot: Annotated[Path, typer.Option("--mot", metavar="OUT.txt", help="Where to write the tracks; - is stdout.")],
    force: ForceOption = False,
    road_user: Annotated[
        list[str] | None,
        typer.Option(
            "--road-user", help="These road users; default: pedestrian, which is what the challenge is about."
        ),
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="All road users.")] = False,
    confidence: Annotated[
        float,
        typer.Option(min=0.0, max=1.0, callback=finite, help="Leave out tracks whose surest detection is below this."),
    ] = 0.6,
    fps: FpsOption = None,
    input_fps: InputFpsOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    trust_model: TrustOption = False,
    image_size: SizeOption = None,
    engine: EngineOption = None,
) -> None:
    """Write the tracks of a recording in MOTChallenge format.

    One line per box: frame (1-based), id, left, top, width, height (pixels), confidence, -1, -1, -1. Gaps of up to a
    second inside a track are filled with straight motion. Only people, unless other road users are asked for.
    """
    if everybody and road_user:
        raise ConfigurationError("--road-user: has no effect with --all, which takes everybody; leave one out")
    wanted = None if everybody else road_user or ["pedestrian"]
    site = load_site(config) if config else SiteConfiguration()
    mot_file = output_file(("--mot", mot, TRACKS), site=site, inputs=(video, config, file_of(model)), force=force)
    section = chosen_detector(site, trust_model, model=model, image_size=image_size, engine=engine)
    _check_known(road_user or [], section)
    recording = Recording(
        video, CameraSection.of_recording(video), analyse_fps=fps, recorded_fps=input_fps, timezone=site.timezone
    )
    found = MotTracks(confidence)
    detector = open_detector(section, recording.analysed_wh)
    try:
        with frames_progress(f"Tracking {video.name}", recording.expected_frames) as advance:
            for frame, tracked in recording.analyse(detector, section):
                found.add(tracked)
                if frame is not None:
                    advance()
    finally:
        detector.close()
    mot_file.write(found.text(wanted).encode("ascii"))
    _say_notes(recording.note, recording.problem)
    err.print(f"{found.number(wanted)} tracks written to {mot}", highlight=False)


def _check_known(road_users: list[str], section: DetectorSection) -> None:
    known = sorted(set(section.road_users.values()))
    for road_user in road_users:
        if road_user not in known:
            raise ConfigurationError(f"--road-user: expected one of {', '.join(known)}, got {road_user!r}")


def _camera(
    site: SiteConfiguration, camera: str | None, lines: list[str], zones: list[str], facts: VideoFacts
) -> CameraSection:
    """What to count: a camera of the configuration, and the lines and zones of the command line."""
    base = site.camera(camera) if camera is not None else CameraSection.of_recording(facts.path)
    own_lines = [
        line_of_pixels(f"line-{i}", _pixels("--line", text, 2), facts) for i, text in enumerate(lines, start=1)
    ]
    own_zones = [
        zone_of_pixels(f"zone-{i}", _pixels("--zone", text, 3), facts) for i, text in enumerate(zones, start=1)
    ]
    what = base.model_copy(update={"lines": base.lines + own_lines, "zones": base.zones + own_zones})
    if not what.lines and not what.zones:
        middle = facts.height_px // 2
        raise ConfigurationError(
            f"nothing to count in {facts.path.name} ({facts.width_px}×{facts.height_px} pixels): give a line such as "
            f"--line 0,{middle},{facts.width_px},{middle}, a --zone, or --camera ID with -c CONFIG"
        )
    return what


def _pixels(option: str, text: str, least: int) -> list[tuple[float, float]]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) < 2 * least or len(numbers) % 2 or not all(abs(number) < 1e6 for number in numbers):  # noqa: PLR2004
        wanted = ",".join(f"x{i},y{i}" for i in range(1, least + 1))
        raise ConfigurationError(f"{option}: expected {wanted}{',…' if least > 2 else ''} in pixels, got {text!r}")  # noqa: PLR2004
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _say_notes(*notes: str) -> None:
    for note in filter(None, notes):
        err.print(f"Note: {note}", highlight=False, style="yellow")


def _starts_us(texts: Sequence[str], files: int, site: SiteConfiguration) -> list[int]:
    if len(texts) not in (0, 1, files):
        raise ConfigurationError(f"--starts-at: expected it once, or once for each of {files} files, got {len(texts)}")
    return [parse_time("--starts-at", text, site.timezone) for text in texts]


def _count(
    recording: Recording, section: DetectorSection, site: SiteConfiguration, copy_file: OutputFile | None
) -> RecordingCounts:
    detector = open_detector(section, recording.analysed_wh)
    try:
        if copy_file is None:
            return with_progress(recording, detector, section)
        with (
            copy_file.writing() as scratch,
            AnnotatedCopy(scratch, recording.camera, recording.facts, recording.frame_rate, site.timezone) as copy,
        ):
            counts = with_progress(recording, detector, section, copy.add)
            copy.finish()
        return counts
    finally:
        detector.close()


def with_progress(
    recording: Recording, detector: Detector, section: DetectorSection, on_frame: OnFrame | None = None
) -> RecordingCounts:
    """Count a recording with a bar on stderr."""
    with frames_progress(f"Counting {recording.facts.path.name}", recording.expected_frames) as advance:

        def each(frame: Frame, tracked: TrackedFrame, counts: RecordingCounts) -> None:
            advance()
            if on_frame is not None:
                on_frame(frame, tracked, counts)

        return recording.count(detector, section, each)


def _counts_of(rows: RowsInMemory, line: str) -> list[dict[str, Any]]:
    sure = rows.class_confidence(line)
    return [
        {"direction": key[0], "road_user": key[1], "count": number, "class_confidence": sure[key]}
        for key, number in sorted(rows.of_line(line).items())
    ]


def _document(counts: RecordingCounts, what: CameraSection) -> dict[str, Any]:
    """The JSON document of `aforo count`."""
    width, height = counts.facts.width_px, counts.facts.height_px
    return {
        "video": {
            "path": str(counts.facts.path),
            "width": width,
            "height": height,
            "fps": round(counts.facts.fps, 3),
            "frames": counts.frames,
            **({"files": [str(path) for path in counts.files]} if len(counts.files) > 1 else {}),
        },
        "fps_source": counts.facts.fps_source,
        "note": counts.note,
        "analysed_frames": counts.analysed_frames,
        "elapsed_s": round(counts.elapsed_s, 2),
        "complete": not counts.problem,
        "problem": counts.problem,
        "lines": [
            {
                "id": line.id,
                "points_px": _to_pixels(line.points, width, height),
                "counts": _counts_of(counts.rows, line.id),
            }
            for line in what.lines
        ],
        "zones": [
            {
                "id": zone.id,
                "polygon_px": _to_pixels(zone.polygon, width, height),
                "visits": [
                    {"road_user": road_user, "count": number}
                    for road_user, number in sorted(counts.rows.of_zone(zone.id).items())
                ],
                "mean_dwell_s": counts.rows.mean_dwell_s(zone.id),
            }
            for zone in what.zones
        ],
        "movements": [
            {"id": movement.id, "road_user": road_user, "count": number}
            for movement in what.movements
            for road_user, number in sorted(counts.rows.of_movement(movement.id).items())
        ],
    }


def _to_pixels(pairs: Sequence[tuple[float, float]], width: int, height: int) -> list[list[float]]:
    """Points in pixels, whole numbers where they are whole."""
    scaled = [[round(x * width, 2), round(y * height, 2)] for x, y in pairs]
    return [[int(value) if value.is_integer() else value for value in pair] for pair in scaled]


def _print_counts(counts: RecordingCounts, what: CameraSection) -> None:
    for line in what.lines:
        rows = sorted(counts.rows.of_line(line.id).items())
        total = ("total", "", sum(number for _, number in rows))
        shown = [(direction, road_user, number) for (direction, road_user), number in rows]
        table(f"Line {line.name or line.id}", ("direction", "road user", "count"), [*shown, total], numeric=(2,))
    for zone in what.zones:
        visits = sorted(counts.rows.of_zone(zone.id).items())
        table(f"Zone {zone.name or zone.id}", ("road user", "visits"), visits, numeric=(1,))
    if what.movements:
        turns = [
            (movement.name or movement.id, road_user, number)
            for movement in what.movements
            for road_user, number in sorted(counts.rows.of_movement(movement.id).items())
        ]
        table("Turning movements", ("movement", "road user", "count"), turns, numeric=(2,))
    speed = counts.analysed_frames / counts.elapsed_s if counts.elapsed_s else 0.0
    err.print(
        f"{counts.analysed_frames} of {counts.frames} frames analysed in {counts.elapsed_s:.1f} s ({speed:.1f} fps)",
        highlight=False,
    )
