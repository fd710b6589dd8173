"""The bus inside one process: a bounded queue."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from aforo.errors import BusError
from aforo.model import TrackedFrame
from aforo.tracked_batch import TrackedBatch

LARGEST_BATCH = 64
"""Messages that are handed out together at most."""


class MemoryBus:
    """A `Bus` for one process; `publish` waits while it is full.

    Closing never waits, however full it is, so that a program whose store is down can end.

    Args:
        capacity: messages in it at most.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._queue: deque[TrackedFrame] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def publish(self, message: TrackedFrame) -> None:
        """Hand over one message.

        Raises:
            BusError: the bus is closed, perhaps while this message waited for room.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._queue) < self._capacity)
            if self._closed:
                raise BusError("the bus is closed: no message can be published any more")
            self._queue.append(message)
            self._changed.notify_all()

    def batches(self) -> Iterator[TrackedBatch]:
        """Yield whatever is in the bus, together, until it is closed and drained; for one consumer."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._queue)
                if not self._queue:
                    return
                frames = [self._queue.popleft() for _ in range(min(len(self._queue), LARGEST_BATCH))]
                self._changed.notify_all()
            yield TrackedBatch.of(frames)

    def close(self) -> None:
        """No more messages will be published; those in it can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
