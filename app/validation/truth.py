"""Counts compared with ground truth.

WAPE (weighted absolute percentage error) = Σ|counted − true| / Σ true over every (clip, line, direction, class); errors
of opposite sign do not cancel.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aforo.errors import ConfigurationError

Counts = Mapping[tuple[str, str], int]
"""(direction, road user) -> number."""


_EITHER = ("either", "either_class")
"""Keys in place of a class, or beside the counts, for road users of an ambiguous class."""


@dataclass(frozen=True, slots=True)
class LineTruth:
    """The ground truth of one line of one clip.

    Attributes:
        clip: file name.
        line_px: the line's points, pixels.
        counts: true numbers per (direction, road user).
        either: per direction, the number of road users of an ambiguous class: any class is right.
        events: passages: first and last frame (0-based), direction and class ("" if not stated).
    """

    clip: str
    line_px: tuple[tuple[float, float], ...]
    counts: Counts
    either: Mapping[str, int] = field(default_factory=dict)
    events: tuple[tuple[int, int, str, str], ...] = ()

    @property
    def total(self) -> int:
        """Number of all road users that passed."""
        return sum(self.counts.values()) + sum(self.either.values())


@dataclass(frozen=True, slots=True)
class LineResult:
    """The counts of one line of one clip, and its truth."""

    truth: LineTruth
    counted: Counts

    @property
    def rows(self) -> list[tuple[str, str, int, int]]:
        """(direction, road user, true, counted) of every class that is in the truth or was counted."""
        keys = sorted(set(self.truth.counts) | set(self.counted))
        return [(*key, self.truth.counts.get(key, 0), self.counted.get(key, 0)) for key in keys]

    @property
    def error(self) -> int:
        """Σ|counted − true|; road users of an ambiguous class compensate as many extra ones of any class."""
        error = 0
        directions = {direction for direction, *_ in self.rows} | set(self.truth.either)
        for direction in directions:
            rows = [row for row in self.rows if row[0] == direction]
            extra = sum(max(0, counted - true) for _, _, true, counted in rows)
            missing = sum(max(0, true - counted) for _, _, true, counted in rows)
            error += abs(extra - self.truth.either.get(direction, 0)) + missing
        return error


def wape(results: list[LineResult]) -> float:
    """Weighted absolute percentage error of all lines together, as a share of the truth.

    Raises:
        ConfigurationError: the truth has no road users.
    """
    true = sum(result.truth.total for result in results)
    if true == 0:
        raise ConfigurationError("the ground truth holds no road users, so no error can be given relative to it")
    return sum(result.error for result in results) / true


def by_class(results: list[LineResult]) -> dict[str, tuple[int, int, int]]:
    """Per road user: true, counted, and Σ|counted − true| over lines and directions."""
    true: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    error: Counter[str] = Counter()
    for result in results:
        for _, road_user, t, c in result.rows:
            true[road_user] += t
            counted[road_user] += c
            error[road_user] += abs(t - c)
    return {name: (true[name], counted[name], error[name]) for name in sorted(set(true) | set(counted))}


def load_truth(path: Path) -> list[LineTruth]:
    """Read a ground-truth file.

    Raises:
        ConfigurationError: it cannot be read, or is not in the format of docs/accuracy.md.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["ground_truth"]
        return [_truth(entry) for entry in entries]
    except OSError as error:
        raise ConfigurationError(f"cannot read the ground truth {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} is not a ground-truth file: expected ground_truth: [{{clip, line, counts}}], got {error!r}"
        ) from error


def _truth(entry: dict[str, Any]) -> LineTruth:
    counts: dict[tuple[str, str], int] = {}
    either: Counter[str] = Counter()
    for direction, classes in entry["counts"].items():
        for road_user, number in classes.items():
            if int(number) < 0:
                raise ValueError(f"{road_user}: {number}")
            if road_user in _EITHER:
                either[str(direction)] += int(number)
            else:
                counts[str(direction), str(road_user)] = int(number)
    for direction, number in next((entry[key] for key in _EITHER if key in entry), {}).items():
        either[str(direction)] += sum(number.values()) if isinstance(number, dict) else int(number)
    for direction, total in (entry.get("total") or {}).items():
        either[str(direction)] = int(total) - sum(number for key, number in counts.items() if key[0] == direction)
    events = []
    for event in entry.get("event_frames") or []:
        frames = event.get("frames") or [event["frame"]]
        events.append((int(frames[0]), int(frames[-1]), str(event.get("direction", "")), str(event.get("cls", ""))))
    line = tuple((float(x), float(y)) for x, y in entry["line"])
    if len(line) < 2:  # noqa: PLR2004
        raise ValueError(f"line: {entry['line']}")
    return LineTruth(str(entry["clip"]), line, counts, {key: n for key, n in either.items() if n > 0}, tuple(events))
