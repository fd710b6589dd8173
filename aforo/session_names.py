"""The names of sessions: which recording a session reads, and in which reading of it. Pure.

A live connection is a session of its own and never comes again. A recording can be read again: by a restart, or after
the geometry has changed. Two readings need not agree in what a track's number is. So each is a session of its own,
whose name tells the recording and the reading: a store keeps the newest reading alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NAME = re.compile(r"^(rec-[0-9a-f]{16})(?:~([0-9a-f]{16}))?(?:-(\d+))?$")


class Reading(NamedTuple):
    """One reading of a recording.

    >>> recording = "rec-0123456789abcdef"
    >>> Reading(recording, "0000000000000002") > Reading(recording, "0000000000000001") > Reading(recording, "")
    True

    Attributes:
        recording: the same for the same file with the same start.
        number: later readings have a larger one; "" for one by a version that did not tell readings apart.
    """

    recording: str
    number: str


def reading_session(recording: str, started_us: int, round_number: int = 1) -> str:
    """The session of one round of a reading.

    Args:
        recording: `rec-` and 16 hexadecimal digits.
        started_us: processing time at which the reading began.
        round_number: from 1; further rounds follow where a recording is repeated.

    >>> reading_session("rec-0123456789abcdef", 1_772_695_800_000_000)
    'rec-0123456789abcdef~00064c41e7742e00'
    >>> reading_session("rec-0123456789abcdef", 1, 3)
    'rec-0123456789abcdef~0000000000000001-3'
    """
    name = f"{recording}~{started_us:016x}"
    return name if round_number == 1 else f"{name}-{round_number}"


def reading_of(session: str) -> Reading | None:
    """Which reading of which recording a session belongs to; None for a live connection.

    >>> reading_of("rec-0123456789abcdef~0000000000000001-3")
    Reading(recording='rec-0123456789abcdef', number='0000000000000001')
    >>> reading_of("rec-0123456789abcdef-2")
    Reading(recording='rec-0123456789abcdef', number='')
    >>> reading_of("5e0f")
    """
    found = _NAME.match(session)
    return None if found is None else Reading(found[1], found[2] or "")


def is_outdated(session: str, by: str) -> bool:
    """Whether a session is of an earlier reading of the same recording than another session.

    >>> first, second = (reading_session("rec-0123456789abcdef", started_us) for started_us in (1, 2))
    >>> is_outdated(first, by=second), is_outdated(second, by=first), is_outdated("5e0f", by=second)
    (True, False, False)
    """
    earlier, later = reading_of(session), reading_of(by)
    return (
        earlier is not None
        and later is not None
        and earlier.recording == later.recording
        and earlier.number < later.number
    )
