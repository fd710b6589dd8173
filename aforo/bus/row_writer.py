"""Writing counted rows for a counting loop, and whether the store takes them."""

from __future__ import annotations

import logging

from aforo.camera_state import Problem
from aforo.errors import StoreError
from aforo.model import Rows
from aforo.ports import Clock, CountStore
from aforo.write_health import WriteHealth

LOG = logging.getLogger(__name__)

WRITE_EVERY_S = 0.5
"""Time between writes of rows, processing time."""

RETRY_S = 2.0
"""Delay before a failed write is repeated."""


class RowWriter:
    """Writes batches of rows, and keeps how that goes; telling people of it is `app.watch`'s part.

    >>> from types import SimpleNamespace
    >>> clock = SimpleNamespace(monotonic_s=lambda: 5.0)
    >>> writer = RowWriter(SimpleNamespace(write=lambda rows: None), clock)
    >>> writer.write(Rows()), writer.health.failure
    (True, '')

    Args:
        store: where rows go.
        clock: for the age of writes.

    Attributes:
        health: how writing goes.
    """

    def __init__(self, store: CountStore, clock: Clock) -> None:
        self._store = store
        self.health = WriteHealth(clock.monotonic_s, "the store")

    def write(self, rows: Rows) -> bool:
        """Try to write a batch; False where that fails, and the caller repeats it after `RETRY_S`."""
        self.health.waits()
        try:
            self._store.write(rows)
        except StoreError as error:
            self.health.failed(_problem(error))
            return False
        except Exception as error:  # a fault of ours: the thread goes on, and everybody is told that nothing is written
            if not self.health.failure:
                LOG.exception("rows cannot be written")
            self.health.failed(Problem.of("write-fault", type(error).__name__))
            return False
        self.health.written()
        return True


def _problem(error: StoreError) -> Problem:
    """In parts where these say the same as the error's sentence."""
    told = Problem.of("write-refused", error.database, error.reason)
    return told if str(told) == str(error) else Problem.of("unwritten", error)
