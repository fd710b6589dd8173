"""The command `evaluate`: recordings against hand counts."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.errors import SourceError
from aforo.geometry import image_directions
from aforo.model import Frame, PastPosition, TrackedFrame
from aforo.ports import Detector
from app.cli.console import err, out, table, write_json
from app.cli.detector import chosen_detector, open_detector
from app.cli.options import (
    ConfigOption,
    EngineOption,
    ForceOption,
    FpsOption,
    JsonOption,
    ModelOption,
    SizeOption,
    TrustOption,
)
from app.cli.outputs import file_of, output_files
from app.cli.recordings import with_progress
from app.file_kinds import ERRORS_PAGE, JSON
from app.recording import Recording, RecordingCounts, line_of_pixels
from app.validation.ai_city_score import ai_city_score
from app.validation.conditions import brightness, size_scores
from app.validation.confidence_interval import FEWEST_CLIPS, LEVEL, wape_interval
from app.validation.counting_errors_page import EvaluatedClip, errors_page
from app.validation.evaluation_document import by_light, evaluation_document
from app.validation.event_matching import CountedEvent, LineEvents, class_scores, confusion
from app.validation.truth import LineResult, LineTruth, by_class, load_truths, wape
from ingest.capture import probe


def evaluate(
    groundtruth: Annotated[
        list[Path], typer.Argument(metavar="GROUNDTRUTH.json…", help="Hand counts per clip and line; several are one.")
    ],
    videos: Annotated[list[Path], typer.Option("--videos", metavar="DIR", help="Where the clips are; repeatable.")],
    json: JsonOption = None,
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="PAGE.html", help="Write a page with pictures around every wrong crossing."),
    ] = None,
    force: ForceOption = False,
    fps: FpsOption = None,
    config: ConfigOption = None,
    model: ModelOption = None,
    trust_model: TrustOption = False,
    image_size: SizeOption = None,
    engine: EngineOption = None,
) -> None:
    """Count the clips of ground-truth files and print the error per clip, class and in total.

    The error is WAPE = Σ|counted − true| / Σ true over every clip, line, direction and class: errors never cancel.
    Where the file says when somebody passed, every missed and extra crossing is printed with its time, and what was
    taken for what, at which apparent size. docs/accuracy.md tells how to read each figure.
    Clips that are in none of the folders are named and left out; the exit code is then 3.
    """
    truths = load_truths(groundtruth)
    site = load_site(config) if config else SiteConfiguration()
    section = chosen_detector(site, trust_model, model=model, image_size=image_size, engine=engine)
    found = {truth.clip: _find(truth.clip, videos) for truth in truths}
    json_file, page_file = output_files(
        ("--json", json, JSON),
        ("--html", page, ERRORS_PAGE),
        site=site,
        inputs=(*groundtruth, config, file_of(model), *found.values()),
        force=force,
    )
    missing = [clip for clip, path in found.items() if path is None]
    if len(missing) == len(found):
        raise SourceError(f"none of the {len(found)} clips of {_listed(groundtruth)} is in {_listed(videos)}")
    detector = open_detector(section)
    try:
        clips = [
            _evaluated(path, [truth for truth in truths if truth.clip == clip], detector, section, site, fps)
            for clip, path in found.items()
            if path is not None
        ]
    finally:
        detector.close()
    lines = [line for clip in clips for line in clip.lines]
    if json_file is None or not json_file.is_stdout:
        _print(clips, lines)
    if json_file is not None:
        write_json(evaluation_document(clips, missing), json_file)
    if page_file is not None:
        page_file.write(errors_page(clips).encode())
        err.print(f"{page} shows every wrong crossing; it holds pictures of the recordings", highlight=False)
    if missing:
        err.print(f"Left out, because not found: {', '.join(missing)}", highlight=False, style="yellow")
        raise typer.Exit(SourceError.exit_code)


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))


def _find(clip: str, folders: Sequence[Path]) -> Path | None:
    return next((folder / clip for folder in folders if os.path.isfile(folder / clip)), None)


def _evaluated(
    path: Path,
    truths: list[LineTruth],
    detector: Detector,
    section: DetectorSection,
    site: SiteConfiguration,
    fps: float | None,
) -> EvaluatedClip:
    facts = probe(path)
    lines = [
        # The truth names directions as people see them in the picture, so by pixels.
        line_of_pixels(f"line-{i}", truth.line_px, facts, image_directions(truth.line_px))
        for i, truth in enumerate(truths, start=1)
    ]
    camera = CameraSection.of_recording(path, lines)
    messages: dict[int, TrackedFrame] = {}
    brightnesses: list[float] = []

    def keep(frame: Frame, tracked: TrackedFrame, _: RecordingCounts) -> None:
        messages[frame.index] = tracked
        brightnesses.append(brightness(frame.image))

    counts = with_progress(Recording(path, camera, analyse_fps=fps, timezone=site.timezone), detector, section, keep)
    areas = _areas(messages.values(), section.image_size)
    results = [
        LineEvents(
            LineResult(truth, counts.rows.of_line(line.id)),
            _events(counts, line.id, messages, areas),
            counts.facts.fps,
            counts.frames,
        )
        for truth, line in zip(truths, lines, strict=True)
    ]
    return EvaluatedClip(path, camera, results, messages, median(brightnesses) if brightnesses else None)


def _areas(messages: Iterable[TrackedFrame], image_size: int) -> dict[int, list[tuple[int, float]]]:
    """Per track: event times, and the area of its box then, square pixels of a network's input of that longer side."""
    areas = defaultdict[int, list[tuple[int, float]]](list)
    for message in messages:
        width, height = message.width_px, message.height_px
        square = width * height * (image_size / max(width, height)) ** 2
        for each in message.objects:
            seen = [*each.backfill, PastPosition(message.captured_at_us, each.box)]
            areas[each.track_id] += [(at_us, box.width * box.height * square) for at_us, box in seen]
    return areas


def _events(
    counts: RecordingCounts,
    line: str,
    messages: dict[int, TrackedFrame],
    areas: dict[int, list[tuple[int, float]]],
) -> tuple[CountedEvent, ...]:
    """The crossings of a line, each at the nearest frame that was analysed, with its track's box nearest in time."""
    rows = sorted((row for row in counts.rows.crossings.values() if row.line == line), key=lambda row: row.at_us)
    events = []
    for row in rows:
        frame = min(messages, key=lambda index: abs(messages[index].captured_at_us - row.at_us))
        seen = min(areas.get(row.track_id, ()), key=lambda each: abs(each[0] - row.at_us), default=None)
        events.append(
            CountedEvent(frame, row.direction, row.road_user, row.track_id, seen and seen[1], row.class_confidence)
        )
    return tuple(events)


def _print(clips: list[EvaluatedClip], lines: list[LineEvents]) -> None:
    results = [line.result for line in lines]
    rows: list[tuple[object, ...]] = []
    wrong: list[tuple[object, ...]] = []
    for line in lines:
        truth, matched = line.result.truth, line.matched()
        name = f"{truth.clip} {' '.join(f'{x:g},{y:g}' for x, y in truth.line_px)}"
        rows += [(name, *row, row[2] - matched[row[:2]], row[3] - matched[row[:2]]) for row in line.result.rows]
        wrong += [
            (name, event.kind, event.direction, event.road_user, f"{event.first / line.frame_rate:.1f}", event.first)
            for event in line.wrong
        ]
    columns = ("clip and line", "direction", "road user", "true", "counted", "missed", "extra")
    table("Counts", columns, rows, numeric=(3, 4, 5, 6))
    if wrong:
        events = ("clip and line", "event", "direction", "road user", "at s", "frame")
        table("Wrong crossings, where the truth says when", events, wrong, numeric=(4, 5))
    errors = by_class(results)
    classes = [
        (name, score.true, score.counted, errors[name][2], *map(_percent, (score.precision, score.recall, score.f1)))
        for name, score in class_scores(lines).items()
    ]
    head = ("road user", "true", "counted", "error", "precision", "recall", "F1")
    table("Road users", head, classes, numeric=(1, 2, 3, 4, 5, 6))
    cells = sorted(confusion(lines).items(), key=lambda cell: [name or "" for name in cell[0]])
    if cells:
        taken = [(true or "– (extra)", counted or "– (missed)", number) for (true, counted), number in cells]
        table("What was counted as what, where the truth says when", ("true", "counted", "number"), taken, numeric=(2,))
    sizes = [
        (name, score.true, score.counted, *map(_percent, (score.precision, score.recall, score.f1)))
        for name, score in size_scores(lines).items()
    ]
    if sizes:
        columns_of_sizes = ("apparent size", "true", "counted", "precision", "recall", "F1")
        table("Sizes, where the truth says when", columns_of_sizes, sizes, numeric=(1, 2, 3, 4, 5))
    lights = [
        (name, each["clips"], each["true"], each["error"], *(_percent(each[key]) for key in ("wape", "f1")))
        for name, each in by_light(clips).items()
    ]
    table("Light", ("light", "clips", "true", "error", "WAPE", "F1"), lights, numeric=(1, 2, 3, 4, 5))
    error, true = sum(result.error for result in results), sum(result.truth.total for result in results)
    interval, score = wape_interval(results), ai_city_score(lines)
    if score is not None:
        out.print(f"AI City score {score:.3f}", highlight=False)
    out.print(f"WAPE {100 * wape(results):.1f} % ({error} of {true})", highlight=False)
    if interval is None:
        out.print(f"No confidence interval: it needs {FEWEST_CLIPS} clips in which somebody passes", highlight=False)
    else:
        out.print(
            f"{100 * LEVEL:.0f} % confidence interval {100 * interval.low:.1f} to {100 * interval.high:.1f} %",
            highlight=False,
        )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
