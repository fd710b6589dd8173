"""The bus inside one process: a bounded queue."""

from __future__ import annotations

import queue
from collections.abc import Iterator

from aforo.errors import BusError
from aforo.model import TrackedFrame


class MemoryBus:
    """A `Bus` for one process; `publish` waits while it is full.

    Args:
        capacity: messages in it at most.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._queue: queue.Queue[TrackedFrame | None] = queue.Queue(capacity)
        self._closed = False

    def publish(self, message: TrackedFrame) -> None:
        """Hand over one message.

        Raises:
            BusError: the bus is closed.
        """
        if self._closed:
            raise BusError("the bus is closed: no message can be published any more")
        self._queue.put(message)

    def messages(self) -> Iterator[TrackedFrame]:
        """Yield messages until the bus is closed and drained; for one consumer."""
        while (message := self._queue.get()) is not None:
            yield message

    def close(self) -> None:
        """No more messages will be published."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
