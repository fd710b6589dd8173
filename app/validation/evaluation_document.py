"""The JSON document of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.validation.ai_city_score import SEGMENTS, ai_city_score
from app.validation.class_reliability import class_reliability
from app.validation.conditions import LIGHTS, light, size_scores, total_score
from app.validation.confidence_interval import LEVEL, wape_interval
from app.validation.counting_errors_page import EvaluatedClip
from app.validation.event_matching import ClassScore, LineEvents, class_scores, confusion
from app.validation.truth import by_class, wape


def evaluation_document(clips: Sequence[EvaluatedClip], missing: list[str]) -> dict[str, Any]:
    """All figures of `aforo evaluate`; what cannot be known is null.

    Raises:
        ConfigurationError: the truth has no road users.
    """
    lines = [line for clip in clips for line in clip.lines]
    results = [line.result for line in lines]
    scores, interval, cells = class_scores(lines), wape_interval(results), confusion(lines)
    return {
        "wape": round(wape(results), 4),
        "wape_interval": interval
        and {
            "low": round(interval.low, 4),
            "high": round(interval.high, 4),
            "level": LEVEL,
            "method": "clip bootstrap",
        },
        "true": sum(result.truth.total for result in results),
        "error": sum(result.error for result in results),
        "ai_city": {"score": _rounded(ai_city_score(lines)), "segments": SEGMENTS},
        "missing_clips": missing,
        "classes": {
            name: {"true": true, "counted": counted, "error": error} | (_shares(scores[name]) if name in scores else {})
            for name, (true, counted, error) in by_class(results).items()
        },
        "confusion": [
            {"true": true, "counted": counted, "count": number}
            for (true, counted), number in sorted(cells.items(), key=lambda cell: [name or "" for name in cell[0]])
        ],
        "class_confidence": [row._asdict() | {"stated": round(row.stated, 4)} for row in class_reliability(lines)],
        "untimed": sum(line.result.truth.total for line in lines if not line.timed),
        "sizes": {name: _score(score) for name, score in size_scores(lines).items()},
        "lights": by_light(clips),
        "clips": [
            {"clip": clip.path.name, "brightness": _rounded(clip.brightness, 1), "light": light(clip.brightness)}
            for clip in clips
        ],
        "lines": [_line(line) for line in lines],
    }


def by_light(clips: Sequence[EvaluatedClip]) -> dict[str, dict[str, Any]]:
    """Per light that occurs: number of clips, true number, Σ|counted − true|, WAPE (None if nobody passed), scores."""
    found = {}
    for name in LIGHTS:
        own = [clip for clip in clips if light(clip.brightness) == name]
        lines = [line for clip in own for line in clip.lines]
        true, error = sum(line.result.truth.total for line in lines), sum(line.result.error for line in lines)
        if own:
            found[name] = {
                "clips": len(own),
                "true": true,
                "error": error,
                "wape": _rounded(error / true if true else None),
            } | _shares(total_score(lines))
    return found


def _line(line: LineEvents) -> dict[str, Any]:
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


def _score(score: ClassScore) -> dict[str, Any]:
    return {"true": score.true, "counted": score.counted, "matched": score.matched} | _shares(score)


def _shares(score: ClassScore) -> dict[str, float | None]:
    return {"precision": _rounded(score.precision), "recall": _rounded(score.recall), "f1": _rounded(score.f1)}


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
