"""Runs recounts of history, one at a time in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable

from aforo.errors import QueryError
from aforo.model import PlaceKind, Recount

Recounter = Callable[[PlaceKind, str, int | None, int | None], Recount]
"""Counts the history of a line or zone again: kind, id, start and end (microseconds, None for all)."""


class RecountRunner:
    """Runs at most one recount at a time in this process.

    Args:
        recount: does the work; None where that is not offered.
    """

    def __init__(self, recount: Recounter | None) -> None:
        self._recount = recount
        self._running = threading.Lock()

    @property
    def offered(self) -> bool:
        """Whether this process recounts at all."""
        return self._recount is not None

    def run(self, kind: PlaceKind, place: str, start_us: int | None, end_us: int | None) -> Recount:
        """Count again; returns when it is done.

        Raises:
            QueryError: another recount is running, or none is offered.
            StoreError: the database cannot be read or written.
        """
        if self._recount is None:
            raise QueryError("this server does not recount; use `aforo recount`")
        if not self._running.acquire(blocking=False):
            raise QueryError("another recount is running; try again when it is over")
        try:
            return self._recount(kind, place, start_us, end_us)
        finally:
            self._running.release()
