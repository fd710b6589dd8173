"""The command `evaluate`: recordings against hand counts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.reading import load_site
from aforo.config.site import SiteConfiguration
from aforo.errors import SourceError
from aforo.geometry import image_directions
from aforo.model import Frame, TrackedFrame
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
from app.validation.counting_errors_page import EvaluatedClip, errors_page
from app.validation.event_matching import CountedEvent, LineEvents, class_scores
from app.validation.truth import LineResult, LineTruth, by_class, load_truth, wape
from ingest.capture import probe


def evaluate(
    groundtruth: Annotated[Path, typer.Argument(metavar="GROUNDTRUTH.json", help="Hand counts per clip and line.")],
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
    """Count the clips of a ground-truth file and print the error per clip, class and in total.

    The error is WAPE = Σ|counted − true| / Σ true over every clip, line, direction and class: errors never cancel.
    Where the file says when somebody passed, every missed and extra crossing is printed with its time.
    Clips that are in none of the folders are named and left out; the exit code is then 3.
    """
    truths = load_truth(groundtruth)
    site = load_site(config) if config else SiteConfiguration()
    section = chosen_detector(site, trust_model, model=model, image_size=image_size, engine=engine)
    found = {truth.clip: _find(truth.clip, videos) for truth in truths}
    json_file, page_file = output_files(
        ("--json", json, JSON),
        ("--html", page, ERRORS_PAGE),
        site=site,
        inputs=(groundtruth, config, file_of(model), *found.values()),
        force=force,
    )
    missing = [clip for clip, path in found.items() if path is None]
    if len(missing) == len(found):
        raise SourceError(f"none of the {len(found)} clips of {groundtruth} is in {', '.join(map(str, videos))}")
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
        _print(lines)
    if json_file is not None:
        write_json(_document(lines, missing), json_file)
    if page_file is not None:
        page_file.write(errors_page(clips).encode())
        err.print(f"{page} shows every wrong crossing; it holds pictures of the recordings", highlight=False)
    if missing:
        err.print(f"Left out, because not found: {', '.join(missing)}", highlight=False, style="yellow")
        raise typer.Exit(SourceError.exit_code)


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

    def keep(frame: Frame, tracked: TrackedFrame, _: RecordingCounts) -> None:
        messages[frame.index] = tracked

    counts = with_progress(Recording(path, camera, analyse_fps=fps, timezone=site.timezone), detector, section, keep)
    results = [
        LineEvents(
            LineResult(truth, counts.rows.of_line(line.id)), _events(counts, line.id, messages), counts.facts.fps
        )
        for truth, line in zip(truths, lines, strict=True)
    ]
    return EvaluatedClip(path, camera, results, messages)


def _events(counts: RecordingCounts, line: str, messages: dict[int, TrackedFrame]) -> tuple[Any, ...]:
    """The crossings of a line, each at the nearest frame that was analysed."""
    rows = sorted((row for row in counts.rows.crossings.values() if row.line == line), key=lambda row: row.at_us)
    return tuple(
        CountedEvent(
            min(messages, key=lambda index: abs(messages[index].captured_at_us - row.at_us)),
            row.direction,
            row.road_user,
            row.track_id,
        )
        for row in rows
    )


def _document(lines: list[LineEvents], missing: list[str]) -> dict[str, Any]:
    """The JSON document of `aforo evaluate`."""
    results = [line.result for line in lines]
    scores = class_scores(lines)
    return {
        "wape": round(wape(results), 4),
        "true": sum(result.truth.total for result in results),
        "error": sum(result.error for result in results),
        "missing_clips": missing,
        "classes": {
            name: {"true": true, "counted": counted, "error": error}
            | (
                {
                    "precision": _rounded(scores[name].precision),
                    "recall": _rounded(scores[name].recall),
                    "f1": _rounded(scores[name].f1),
                }
                if name in scores
                else {}
            )
            for name, (true, counted, error) in by_class(results).items()
        },
        "lines": [_line_document(line) for line in lines],
    }


def _line_document(line: LineEvents) -> dict[str, Any]:
    matched = line.matched()
    return {
        "clip": line.result.truth.clip,
        "line_px": [list(point) for point in line.result.truth.line_px],
        "true": line.result.truth.total,
        "error": line.result.error,
        "counts": [
            {
                "direction": direction,
                "road_user": road_user,
                "true": true,
                "counted": counted,
                "missed": true - matched[direction, road_user],
                "extra": counted - matched[direction, road_user],
            }
            for direction, road_user, true, counted in line.result.rows
        ],
        "events": {
            "timed": line.timed,
            "wrong": [
                {
                    "kind": event.kind,
                    "frames": [event.first, event.last],
                    "at_s": round(event.first / line.frame_rate, 2),
                    "direction": event.direction,
                    "road_user": event.road_user or None,
                    "track_id": event.track_id,
                }
                for event in line.wrong
            ],
        },
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _print(lines: list[LineEvents]) -> None:
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
    error, true = sum(result.error for result in results), sum(result.truth.total for result in results)
    out.print(f"WAPE {100 * wape(results):.1f} % ({error} of {true})", highlight=False)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"
