"""A recording in several files: their order, and where each begins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from aforo.errors import SourceError
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
        SourceError: a file is given twice, pictures differ in size, two files overlap in time, or some have a start
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
        SourceError: what both show would be counted twice.
    """
    if start_us < end_us - SEAM_US:
        begins, ends = (local_time(at_us, timezone).isoformat(timespec="seconds") for at_us in (start_us, end_us))
        raise SourceError(
            f"{following.name} begins at {begins}, before {path.name} ends at {ends}; if the files follow each other "
            "in the order given, say when the first begins with --starts-at, else count them one by one"
        )


def _told_starts_us(files: Sequence[VideoFacts], timezone: tzinfo) -> list[int]:
    """When each file begins by its name or container; [] if none of them says.

    Raises:
        SourceError: some say and some do not.
    """
    try:
        told = [told_start_us(facts.path, timezone) for facts in files]
    except OSError as error:
        raise SourceError(f"cannot read {error.filename}: {error.strerror}") from error
    known = [start_us for start_us in told if start_us is not None]
    if known and len(known) < len(files):
        unknown = next(facts.path.name for facts, start_us in zip(files, told, strict=True) if start_us is None)
        raise SourceError(
            f"neither name nor container of {unknown} tells when it begins, but those of other files do; give "
            "--starts-at once, if the files follow each other in the order given, or once for each file"
        )
    return known


def _check_alike(files: Sequence[VideoFacts]) -> None:
    for first, second in itertools.combinations(files, 2):
        if first.path.samefile(second.path):
            raise SourceError(f"{second.path} is given twice, and all in it would be counted twice; give it once")
    for other in files[1:]:
        if (other.width_px, other.height_px) != (files[0].width_px, files[0].height_px):
            raise SourceError(
                f"{other.path.name} has pictures of {other.width_px}×{other.height_px} pixels and {files[0].path.name} "
                f"of {files[0].width_px}×{files[0].height_px}: these are not parts of one recording; count them one by "
                "one"
            )
