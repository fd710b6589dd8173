"""Counts compared with ground truth.

WAPE (weighted absolute percentage error) = Σ|counted − true| / Σ true over every (clip, line, direction, class); errors
of opposite sign do not cancel.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aforo.config.detector import DEFAULT_ROAD_USERS
from aforo.errors import ConfigurationError
from aforo.json_text import parse_json
from aforo.plain_files import read_text

Counts = Mapping[tuple[str, str], int]
"""(direction, road user) -> number."""


_MOST_BYTES = 64_000_000
_LONGEST_NAME = 200
_MOST = 1_000_000_000
_FARTHEST_PX = 1e6

_EITHER = ("either", "either_class")
"""Keys in place of a class, or beside the counts, for road users of an ambiguous class."""

_AMBIGUOUS = re.compile(r"(?P<name>[^()]*[^()\s])\s*\((?P<classes>[^()]+)\)")
"""An ambiguous class with those that are right: `pick-up (car/truck)`; `car/truck` and `car|truck` are so, too."""


@dataclass(frozen=True, slots=True)
class LineTruth:
    """The ground truth of one line of one clip.

    Attributes:
        clip: file name.
        line_px: the line's points, pixels.
        counts: true numbers per (direction, road user).
        either: per direction, the number of road users of an ambiguous class: any class is right.
        events: passages: first and last frame (0-based), direction and class ("" if not stated).
        alternatives: per name of an ambiguous class, as `events` have it: the classes that are right, empty for any.
    """

    clip: str
    line_px: tuple[tuple[float, float], ...]
    counts: Counts
    either: Mapping[str, int] = field(default_factory=dict)
    events: tuple[tuple[int, int, str, str], ...] = ()
    alternatives: Mapping[str, frozenset[str]] = field(default_factory=dict)

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


def load_truths(paths: Sequence[Path]) -> list[LineTruth]:
    """Read several ground-truth files as one.

    Raises:
        ConfigurationError: one cannot be read, or two of them hold the same line of the same clip.
    """
    found: dict[tuple[str, tuple[tuple[float, float], ...]], Path] = {}
    truths = []
    for path in paths:
        own = load_truth(path)
        for truth in own:
            if first := found.get((truth.clip, truth.line_px)):
                raise ConfigurationError(
                    f"{path} and {first} hold the same line of {truth.clip}, which would count twice; "
                    "leave it out of one of them"
                )
        found |= {(truth.clip, truth.line_px): path for truth in own}
        truths += own
    return truths


def load_truth(path: Path) -> list[LineTruth]:
    """Read a ground-truth file.

    Raises:
        ConfigurationError: it cannot be read, or is not in the format of docs/accuracy.md.
    """
    try:
        entries = parse_json(read_text(path, _MOST_BYTES))["ground_truth"]
        return [_numbered(number, entry) for number, entry in enumerate(entries, 1)]
    except OSError as error:
        raise ConfigurationError(f"cannot read the ground truth {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"got {error}" if isinstance(error, ValueError) else "got something else"
        raise ConfigurationError(
            f"{path} is not a ground-truth file: expected ground_truth: [{{clip, line, counts}}], {reason}"
        ) from error


def _numbered(number: int, entry: dict[str, Any]) -> LineTruth:
    try:
        return _truth(entry)
    except KeyError as error:
        raise ValueError(f"no {error} in entry {number}") from None
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        reason = str(error) if isinstance(error, ValueError) else "a value of another form"
        raise ValueError(f"{reason} in entry {number}") from None


def _truth(entry: dict[str, Any]) -> LineTruth:
    counts: dict[tuple[str, str], int] = {}
    either: Counter[str] = Counter()
    for direction, classes in entry["counts"].items():
        for road_user, number in classes.items():
            if road_user in _EITHER:
                either[_name(direction)] += _whole(number)
            else:
                counts[_name(direction), _name(road_user)] = _whole(number)
    alternatives: dict[str, frozenset[str]] = {}
    for direction, number in next((entry[key] for key in _EITHER if key in entry), {}).items():
        alternatives |= dict(map(_alternatives, number)) if isinstance(number, dict) else {}
        either[_name(direction)] += sum(map(_whole, number.values())) if isinstance(number, dict) else _whole(number)
    for direction, total in (entry.get("total") or {}).items():
        either[_name(direction)] = _whole(total) - sum(number for key, number in counts.items() if key[0] == direction)
    known = {name for _, name in counts} | set(alternatives)
    events = []
    for event in entry.get("event_frames") or []:
        frames = event.get("frames") or [event["frame"]]
        first, last = _whole(frames[0]), _whole(frames[-1])
        events.append((first, last, _name(event.get("direction", "")), _class(event.get("cls", ""), known)))
    line = tuple((_pixels(x), _pixels(y)) for x, y in entry["line"])
    if len(line) < 2:  # noqa: PLR2004
        raise ValueError("a line of less than two points")
    either_way = {key: number for key, number in either.items() if number > 0}
    return LineTruth(_name(entry["clip"]), line, counts, either_way, tuple(events), alternatives)


def _alternatives(stated: str) -> tuple[str, frozenset[str]]:
    """An ambiguous class by name, and the classes that are right for it."""
    parts = _AMBIGUOUS.fullmatch(_name(stated))
    name, classes = parts.group("name", "classes") if parts else (stated, stated)
    right = frozenset(re.split(r"\s*[/|]\s*", classes.strip()))
    return name, right if parts or len(right) > 1 else frozenset()


def _class(stated: Any, known: set[str]) -> str:
    """The class of a passage; one that the line's counts do not know may be told as detectors do: motorcycle."""
    name = _name(stated)
    return name if name in known else DEFAULT_ROAD_USERS.get(name, name)


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME or not value.isprintable():
        raise ValueError(f"{str(value)[:40]!r} for a name of at most {_LONGEST_NAME} characters on one line")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
        raise ValueError(f"{str(value)[:40]!r} for a whole number from 0 to {_MOST:,}")
    return value


def _pixels(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= _FARTHEST_PX:
        raise ValueError(f"{str(value)[:40]!r} for a number of pixels")
    return float(value)
