"""A recording in several files: their order, and where each begins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from aforo.camera_state import Problem, ProblemError
from aforo.local_time import local_time
from aforo.model import MICROSECONDS
from ingest.capture import VideoFacts
from ingest.recording_start import told_start_us

SEAM_US = 1_500_000
"""Files that are so close in time follow on: names tell whole seconds, and a recorder needs a moment for a new file."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """One file of a recording.

    Attributes:
        starts_at_us: event time of its first frame; None: where the file before it ends, and for the first file what
            `ingest.recording_start` finds.
    """

    path: Path
    starts_at_us: int | None = None


def in_time_order(files: Sequence[VideoFacts], starts_us: Sequence[int], timezone: tzinfo) -> list[FilePart]:
    """The files of one recording, in the order of time.

    Args:
        files: in any order where the start of each is known, else in the order of the recording.
        starts_us: event times at which the files begin; one of several files: of the first, and the others follow on;
            none: names and containers tell.
        timezone: of dates in file names.

    Raises:
        ProblemError: a file is given twice, pictures differ in size, two files overlap in time, or some have a start
            and some have none.
    """
    _check_alike(files)
    if not starts_us:
        starts_us = _told_starts_us(files, timezone)
    if len(starts_us) < len(files):
        first = starts_us[0] if starts_us else None
        return [FilePart(facts.path, None if place else first) for place, facts in enumerate(files)]
    timed = sorted(zip(starts_us, files, strict=True), key=lambda item: item[0])
    for (start_us, facts), (next_us, following) in itertools.pairwise(timed):
        duration_us = round((facts.frames or 0) / facts.fps * MICROSECONDS)
        check_follows(facts.path, start_us + duration_us, following.path, next_us, timezone)
    return [FilePart(facts.path, start_us) for start_us, facts in timed]


def check_follows(path: Path, end_us: int, following: Path, start_us: int, timezone: tzinfo) -> None:
    """Refuse a file that begins long before the one ahead of it ends.

    Raises:
        ProblemError: what both show would be counted twice.
    """
    if start_us < end_us - SEAM_US:
        begins, ends = (local_time(at_us, timezone).isoformat(timespec="seconds") for at_us in (start_us, end_us))
        raise ProblemError(Problem.of("files-overlap", following.name, begins, path.name, ends))


def _told_starts_us(files: Sequence[VideoFacts], timezone: tzinfo) -> list[int]:
    """When each file begins by its name or container; [] if none of them says.

    Raises:
        ProblemError: some say and some do not, or a file cannot be read.
    """
    try:
        told = [told_start_us(facts.path, timezone) for facts in files]
    except OSError as error:
        raise ProblemError(Problem.of("unreadable", error.filename, error.strerror)) from error
    known = [start_us for start_us in told if start_us is not None]
    if known and len(known) < len(files):
        unknown = next(facts.path.name for facts, start_us in zip(files, told, strict=True) if start_us is None)
        raise ProblemError(Problem.of("start-untold", unknown))
    return known


def _check_alike(files: Sequence[VideoFacts]) -> None:
    for first, second in itertools.combinations(files, 2):
        if first.path.samefile(second.path):
            raise ProblemError(Problem.of("file-twice", second.path))
    for other in files[1:]:
        if (other.width_px, other.height_px) != (files[0].width_px, files[0].height_px):
            sizes = [f"{facts.width_px}×{facts.height_px}" for facts in (other, files[0])]
            raise ProblemError(Problem.of("sizes-differ", other.path.name, sizes[0], files[0].path.name, sizes[1]))
