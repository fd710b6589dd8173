"""Counts against the truth: the error that does not cancel.

WAPE = Σ|counted − true| / Σ true over every (clip, line, direction, class).
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
"""Stand in place of a class, or beside the counts, for road users that may be called more than one class."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What really passed one line of one clip.

    Attributes:
        clip: file name.
        line_px: the line's points, pixels.
        counts: true numbers per (direction, road user).
        either: per direction, road users that may fairly be called more than one class: they count, as whatever class.
        events: when they passed, first and last frame (0-based), direction and class ("" where not said).
    """

    clip: str
    line_px: tuple[tuple[float, float], ...]
    counts: Counts
    either: Mapping[str, int] = field(default_factory=dict)
    events: tuple[tuple[int, int, str, str], ...] = ()

    @property
    def total(self) -> int:
        """All road users that passed."""
        return sum(self.counts.values()) + sum(self.either.values())


@dataclass(frozen=True, slots=True)
class LineResult:
    """One line of one clip, counted."""

    truth: Truth
    counted: Counts

    @property
    def rows(self) -> list[tuple[str, str, int, int]]:
        """(direction, road user, true, counted) of everything that was there or was counted."""
        keys = sorted(set(self.truth.counts) | set(self.counted))
        return [(*key, self.truth.counts.get(key, 0), self.counted.get(key, 0)) for key in keys]

    @property
    def error(self) -> int:
        """Σ|counted − true|; road users of either class make good as many extra ones of any class."""
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
        ConfigurationError: there is nothing to compare with.
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


def load_truth(path: Path) -> list[Truth]:
    """Read a ground-truth file.

    Raises:
        ConfigurationError: it cannot be read, or is not of the form described in docs/accuracy.md.
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


def _truth(entry: dict[str, Any]) -> Truth:
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
    return Truth(str(entry["clip"]), line, counts, {key: n for key, n in either.items() if n > 0}, tuple(events))
