"""Which reading of a recording a store keeps: the newest, and none of an earlier one."""

from __future__ import annotations

from collections.abc import Iterable

from aforo.model import Rows
from aforo.session_names import reading_of

Recording = tuple[str, str]
"""Camera and recording."""


class NewestReadings:
    """The newest reading of each recording that a writer has met."""

    def __init__(self) -> None:
        self._newest: dict[Recording, str] = {}

    def unknown(self, rows: Rows) -> set[Recording]:
        """Recordings in a batch of which this writer does not know yet what the store has."""
        return {key for key, _ in _readings(rows)} - self._newest.keys()

    def learn(self, recording: Recording, sessions: Iterable[str]) -> None:
        """Take in the sessions of a camera that the store has; those of other recordings do not matter."""
        numbers = [reading.number for session in sessions if (reading := reading_of(session)) is not None]
        self._newest[recording] = max(numbers, default="")

    def forget(self) -> None:
        """Know nothing any more: a batch could not be written."""
        self._newest.clear()

    def begin(self, rows: Rows) -> set[Recording]:
        """Recordings of which a batch begins a later reading than the newest; it is the newest from now on."""
        begun = set()
        for key, number in _readings(rows):
            if number > self._newest.get(key, ""):
                self._newest[key] = number
                begun.add(key)
        return begun

    def earlier(self, recording: Recording, sessions: Iterable[str]) -> list[str]:
        """Those of the sessions that belong to an earlier reading of the recording than the newest."""
        return [
            session
            for session in sessions
            if (reading := reading_of(session)) is not None
            and reading.recording == recording[1]
            and reading.number < self._newest[recording]
        ]

    def current(self, rows: Rows) -> Rows:
        """A batch without what it has of earlier readings, such as a replay of the log brings again."""
        old = {who for who, (recording, number) in _sessions(rows).items() if number < self._newest.get(recording, "")}
        if not old:
            return rows
        return Rows(
            [row for row in rows.crossings if (row.camera, row.session) not in old],
            [row for row in rows.visits if (row.camera, row.session) not in old],
            [row for row in rows.movements if (row.camera, row.session) not in old],
            [row for row in rows.coverage if (row.camera, row.session) not in old],
            [row for row in rows.voided if (row.camera, row.session) not in old],
            [row for row in rows.trajectories if (row.camera, row.session) not in old],
        )


def _sessions(rows: Rows) -> dict[tuple[str, str], tuple[Recording, str]]:
    """Per camera and session of a recording in a batch: the recording, and the number of the reading."""
    found = {(row.camera, row.session) for batch in rows.by_kind() for row in batch}
    return {
        who: ((who[0], reading.recording), reading.number)
        for who in found
        if (reading := reading_of(who[1])) is not None
    }


def _readings(rows: Rows) -> set[tuple[Recording, str]]:
    return set(_sessions(rows).values())
