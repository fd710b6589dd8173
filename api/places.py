"""So many at a time, exactly: a place is taken before anything is given, and is free again whatever happens."""

from __future__ import annotations

import threading
from types import TracebackType

from aforo.errors import BusyError

RETRY_S = 10


class Places:
    """The places of one kind of answer that lasts. Safe for use by several threads at once.

    Args:
        number: how many there are.
        name: what they are for, in the plural, as in "all 32 places for viewers of live video are taken".
    """

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self._free = threading.BoundedSemaphore(number)

    def take(self) -> Place:
        """A place, which is free again when it is closed, or when nobody holds it any more.

        Raises:
            BusyError: all are taken.
        """
        return Place(self)


class Place:
    """One of the places; a context manager that frees it.

    Args:
        places: where it is taken.

    Raises:
        BusyError: all are taken.
    """

    def __init__(self, places: Places) -> None:
        self._free: threading.BoundedSemaphore | None = None
        if not places._free.acquire(blocking=False):
            raise BusyError(f"all {places.number} places for {places.name} are taken; try again later", RETRY_S)
        self._free = places._free

    def close(self) -> None:
        """Free it; again changes nothing."""
        free, self._free = self._free, None
        if free is not None:
            free.release()

    # An answer whose client has left before its first byte is never begun, and so never ended: only dropped.
    __del__ = close

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
