"""A web page of counting errors: a strip of pictures around every missed or extra crossing.

The page is one file with embedded pictures, made only on request from the user's own recordings, and says so.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2

from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.model import Image, TrackedFrame
from api.drawing import FrameAnnotator
from app.validation.event_matching import LineEvents, WrongEvent, class_scores
from app.validation.truth import wape
from ingest.file_source import RecordedSource

PICTURES = 7
"""Number of pictures in a strip."""

AROUND_S = 0.6
"""Time that a strip shows before and after an event."""

_WIDTH_PX = 480
_UTC = ZoneInfo("UTC")

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Aforo: evaluation</title><style>
body{{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#1a1a1a;background:#fafafa}}
table{{border-collapse:collapse}}td,th{{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ddd}}
.strip{{display:flex;gap:4px;overflow-x:auto}}figure{{margin:0}}figcaption,.note{{font-size:13px;color:#555}}
img{{display:block;height:auto}}h3.extra{{color:#a3261b}}h3.missed{{color:#0b57a4}}
</style></head><body>
<h1>Evaluation: WAPE {wape}</h1>
<p class="note">This page holds pictures of the recordings, made on request. Aforo keeps none otherwise; handle the file
as you would the recordings.</p>
{body}
</body></html>
"""


@dataclass(slots=True)
class EvaluatedClip:
    """A counted clip, for the page.

    Attributes:
        path: of the clip.
        camera: with its lines.
        lines: the events of each line of `camera`, in its order.
        messages: tracked frames by frame index.
        brightness: the median over its frames of their mean luma, 0..255; None if there are none.
    """

    path: Path
    camera: CameraSection
    lines: Sequence[LineEvents]
    messages: Mapping[int, TrackedFrame] = field(default_factory=dict)
    brightness: float | None = None


def errors_page(clips: Sequence[EvaluatedClip]) -> str:
    """The page; clips with wrong events are read again for their pictures.

    Raises:
        SourceError: a clip cannot be read.
    """
    lines = [line for clip in clips for line in clip.lines]
    body = [_classes(lines)]
    for clip in clips:
        strips = [[(event, _frames(event, line.frame_rate)) for event in line.wrong] for line in clip.lines]
        pictures = _pictures(clip, {index for strip in strips for _, indices in strip for index in indices})
        for line, events in zip(clip.lines, strips, strict=True):
            body.append(_line(line))
            body += [_event(event, line.frame_rate, indices, pictures) for event, indices in events]
    return _PAGE.format(wape=f"{100 * wape([line.result for line in lines]):.1f} %", body="\n".join(body))


def _frames(event: WrongEvent, frame_rate: float) -> list[int]:
    """Indices of the frames of an event's strip, evenly spaced."""
    around = AROUND_S * frame_rate
    first, last = max(0.0, event.first - around), event.last + around
    return sorted({round(first + (last - first) * i / (PICTURES - 1)) for i in range(PICTURES)})


def _pictures(clip: EvaluatedClip, wanted: Collection[int]) -> dict[int, str]:
    """The wanted frames with lines, boxes and classes drawn on them, as base64 of JPEG."""
    if not wanted:
        return {}
    annotator, found = FrameAnnotator(clip.camera.domain(), _UTC), {}
    source = RecordedSource(
        clip.path, clip.camera.id, starts_at_us=0, timezone=_UTC, analyse_fps=None, clock=SystemClock()
    )
    with closing(source):
        for frame in source.frames():
            if frame.index in wanted:
                message = clip.messages.get(frame.index)
                found[frame.index] = _embedded(annotator.draw(frame.image, message, {}) if message else frame.image)
            if frame.index >= max(wanted):
                break
    return found


def _embedded(scene: Image) -> str:
    height, width = scene.shape[:2]
    if width > _WIDTH_PX:
        scene = cv2.resize(scene, (_WIDTH_PX, round(height * _WIDTH_PX / width)), interpolation=cv2.INTER_AREA)
    return base64.b64encode(cv2.imencode(".jpg", scene)[1].tobytes()).decode("ascii")


def _classes(lines: Iterable[LineEvents]) -> str:
    rows = [
        (name, score.true, score.counted, score.matched, *map(_share, (score.precision, score.recall, score.f1)))
        for name, score in class_scores(lines).items()
    ]
    return _table(("road user", "true", "counted", "matched", "precision", "recall", "F1"), rows)


def _line(line: LineEvents) -> str:
    truth = line.result.truth
    points = " ".join(f"{x:g},{y:g}" for x, y in truth.line_px)
    title = f"<h2>{html.escape(truth.clip)}, line {points}</h2>"
    note = (
        "" if line.timed or not line.result.error else "<p class='note'>The truth does not say when, so no strip.</p>"
    )
    return title + _table(("direction", "road user", "true", "counted"), line.result.rows) + note


def _event(event: WrongEvent, frame_rate: float, indices: Sequence[int], pictures: Mapping[int, str]) -> str:
    who = html.escape(f"{event.road_user or 'road user'} {event.direction}")
    track = "" if event.track_id is None else f", track {event.track_id}"
    frames = f"{event.first}" if event.first == event.last else f"{event.first} to {event.last}"
    title = f"{event.kind}: {who}, frame {frames} ({event.first / frame_rate:.1f} s){track}"
    figures = "".join(
        f'<figure><img alt="frame {index}" src="data:image/jpeg;base64,{pictures[index]}">'
        f"<figcaption>{index}</figcaption></figure>"
        for index in indices
        if index in pictures
    )
    return f'<h3 class="{event.kind}">{title}</h3><div class="strip">{figures}</div>'


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    cells = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{cells}</table>"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
