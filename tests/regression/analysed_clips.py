"""What the tests of this folder know of a clip."""

from __future__ import annotations

from dataclasses import dataclass

from app.validation.mot_file import MotTracks
from app.validation.truth import LineResult


@dataclass(frozen=True, slots=True)
class Analysed:
    """What was found in one clip."""

    results: list[LineResult]
    tracks: MotTracks
    problem: str
