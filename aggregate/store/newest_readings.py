"""Which reading of a recording a store keeps: the newest, and none of an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from aforo.model import Rows
from aforo.session_names import reading_of

Recording = tuple[str, str]
"""Camera and recording."""

CameraSession = tuple[str, str]
"""Camera and session."""


class NewestReadings:
    """The newest reading of each recording that a writer has met."""

    def __init__(self) -> None:
        self._newest: dict[Recording, str] = {}

    def admit(self, rows: Rows, sessions_of: Callable[[Recording], Iterable[str]]) -> tuple[Rows, list[CameraSession]]:
        """Decide what of a batch is written, and what gives way to it.

        Args:
            rows: the batch.
            sessions_of: asks the store for the sessions of all readings of a recording that have rows; called for
                recordings that this writer has not met, and for readings later than the newest.

        Returns:
            The batch without what it has of earlier readings, such as a replay of the log brings again (the batch
            itself where it has none); and the stored sessions of earlier readings, to be taken out first.
        """
        readings = _readings(rows)
        superseded: list[CameraSession] = []
        for recording, number in sorted(readings.values()):
            if recording in self._newest and number <= self._newest[recording]:
                continue
            stored = {
                name: reading.number for name in sessions_of(recording) if (reading := reading_of(name)) is not None
            }
            newest = self._newest[recording] = max([number, *stored.values()])
            superseded += [(recording[0], name) for name, stored_number in stored.items() if stored_number < newest]
        earlier = {session for session, (recording, number) in readings.items() if number < self._newest[recording]}
        if earlier:
            rows = Rows(*([row for row in kind if (row.camera, row.session) not in earlier] for kind in rows.by_kind()))
        return rows, superseded

    def forget(self) -> None:
        """Know nothing any more: a batch could not be written."""
        self._newest.clear()


def _readings(rows: Rows) -> dict[CameraSession, tuple[Recording, str]]:
    """Of each session of a recording in a batch: the recording, and the number of the reading."""
    sessions = {(row.camera, row.session) for kind in rows.by_kind() for row in kind}
    return {
        (camera, session): ((camera, reading.recording), reading.number)
        for camera, session in sessions
        if (reading := reading_of(session)) is not None
    }
