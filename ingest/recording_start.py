"""Start of a recording: from its file name, its container, or the file's modification time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import BinaryIO

from aforo.model import MICROSECONDS

_STAMP = re.compile(
    r"(?<!\d)(?P<date>(?:19|20)\d{2}([-_.]?)\d{2}\2\d{2})[T_ -]?(?P<time>\d{2}([-_.:h]?)\d{2}\4\d{2})(?P<utc>Z?)(?!\d)"
)
_MP4_EPOCH_S = 2_082_844_800  # 1904-01-01 to 1970-01-01
_PLAUSIBLE_FROM_S = 946_684_800  # 2000-01-01: earlier times are of clocks that were never set


def recording_start_us(path: Path, duration_us: int, timezone: tzinfo) -> int:
    """Event time of the first frame of a recording whose start is not configured, microseconds.

    The first of these that exists: a date and time in the file name (local to `timezone` unless it ends in Z),
    the creation time of an MP4 or QuickTime container, the file's modification time less the recording's duration
    (recorders write a file until the recording ends).

    Raises:
        OSError: the file cannot be read.
    """
    told = told_start_us(path, timezone)
    return told if told is not None else path.stat().st_mtime_ns // 1000 - duration_us


def told_start_us(path: Path, timezone: tzinfo) -> int | None:
    """Event time of the first frame as a recording itself tells it, by name or container; None where it does not.

    Raises:
        OSError: the file cannot be read.
    """
    named = start_in_name_us(path.name, timezone)
    return named if named is not None else start_in_mp4_us(path)


def start_in_name_us(name: str, timezone: tzinfo) -> int | None:
    """The first date with time in a file name, such as cam1_2026-03-05_07-30-00.mp4 or 20260305T073000Z.avi.

    >>> start_in_name_us("20260305T073000Z.avi", UTC)
    1772695800000000
    """
    for match in _STAMP.finditer(name):
        digits = re.sub(r"\D", "", match["date"] + match["time"])
        zone = UTC if match["utc"] else timezone
        try:
            start = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=zone)
        except ValueError:  # not a date
            continue
        return round(start.timestamp()) * MICROSECONDS
    return None


def start_in_mp4_us(path: Path) -> int | None:
    """Creation time in the movie header of an MP4 or QuickTime file (ISO/IEC 14496-12, 8.2.2), None if there is none.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        end = path.stat().st_size
        for wanted in (b"moov", b"mvhd"):
            found = _find_box(file, wanted, end)
            if found is None:
                return None
            end = found
        version = file.read(4)[:1]
        created_s = int.from_bytes(file.read(8 if version == b"\x01" else 4), "big") - _MP4_EPOCH_S
    return created_s * MICROSECONDS if created_s >= _PLAUSIBLE_FROM_S else None


def lacks_index(path: Path) -> bool:
    """Whether a file begins as MP4 or QuickTime and has no movie header: it was not finished, or was cut off."""
    with path.open("rb") as file:
        begins = file.read(8)[4:] in (b"ftyp", b"moov", b"mdat", b"wide")
        file.seek(0)
        return begins and _find_box(file, b"moov", path.stat().st_size) is None


def _find_box(file: BinaryIO, wanted: bytes, end: int) -> int | None:
    """Move to the content of the next box of that type before `end`; returns where the box ends."""
    while file.tell() + 8 <= end:
        start = file.tell()
        size, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        elif size == 0:
            size = end - start
        if kind == wanted:
            return min(start + size, end)
        if size < 8 or start + size > end:  # noqa: PLR2004  a box is at least its own header: this is no MP4
            return None
        file.seek(start + size)
    return None
