"""Writing counted rows for a counting loop, and whether the store takes them."""

from __future__ import annotations

import logging

from aforo.errors import StoreError
from aforo.model import Rows
from aforo.ports import CountStore

LOG = logging.getLogger(__name__)

WRITE_EVERY_S = 0.5
"""Time between writes of rows, processing time."""

RETRY_S = 2.0
"""Delay before a failed write is repeated."""


class RowWriter:
    """Writes batches of rows; an outage of the store is logged once at its beginning and once at its end.

    >>> from types import SimpleNamespace
    >>> writer = RowWriter(SimpleNamespace(write=lambda rows: None))
    >>> writer.write(Rows()), writer.failure
    (True, '')

    Args:
        store: where rows go.

    Attributes:
        failure: why rows cannot be written now, "" while they can.
    """

    def __init__(self, store: CountStore) -> None:
        self._store = store
        self.failure = ""

    def write(self, rows: Rows) -> bool:
        """Try to write a batch; False where the store refuses it, and the caller repeats it after `RETRY_S`."""
        try:
            self._store.write(rows)
        except StoreError as error:
            if not self.failure:
                LOG.error("%s; trying again every %g s, nothing is lost meanwhile", error, RETRY_S)
            self.failure = str(error)
            return False
        if self.failure:
            LOG.warning("the store works again")
        self.failure = ""
        return True
