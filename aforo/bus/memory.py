"""The bus inside one process: a bounded queue."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from aforo.bus.row_writer import RETRY_S, WRITE_EVERY_S, RowWriter
from aforo.doctor_finding import Finding
from aforo.errors import BusError
from aforo.model import Rows, TrackedFrame
from aforo.ports import BatchCounter, Clock, CountStore
from aforo.tracked_batch import TrackedBatch
from aforo.write_health import WriteState

LOG = logging.getLogger(__name__)

LARGEST_BATCH = 64
"""Messages that are handed out together at most."""


class MemoryBus:
    """A `Bus` for one process; `publish` waits while it is full.

    Closing never waits, however full it is, so that a program whose store is down can end.

    >>> bus = MemoryBus(capacity=2)
    >>> bus.publish(TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080))
    >>> bus.close()
    >>> [len(batch) for batch in bus.batches()]  # messages in each
    [1]

    Args:
        capacity: messages in it at most.
    """

    def __init__(self, capacity: int = 256) -> None:
        self._capacity = capacity
        self._queue: deque[TrackedFrame] = deque()
        self._closed = False
        self._changed = threading.Condition()

    def prepare(self, cameras: int, stopped: Callable[[], bool]) -> bool:  # noqa: ARG002 -- others need them
        """Nothing to prepare; always ready."""
        return True

    def open_publisher(self, clock: Clock) -> MemoryBus:  # noqa: ARG002 -- others need it
        """The bus itself."""
        return self

    def open_counting(
        self,
        new_counter: Callable[[], BatchCounter],
        store: CountStore,
        clock: Clock,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> MemoryCounting:
        """What counts the messages of this bus; there is one."""
        return MemoryCounting(self, new_counter(), store, clock, listeners)

    def check(self) -> Iterator[Finding]:
        """What `aforo doctor` says of it."""
        yield Finding("bus", True, "in-process: no broker is needed")

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

    @property
    def waiting(self) -> int:
        """Messages in it now."""
        return len(self._queue)

    @property
    def capacity(self) -> int:
        """Messages in it at most."""
        return self._capacity

    def batches(self, patience_s: float | None = None) -> Iterator[TrackedBatch]:
        """Yield whatever is in the bus, together, until it is closed and drained; for one consumer.

        Args:
            patience_s: yield an empty batch when nothing came for so long; None waits for as long as it takes.
        """
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._queue, patience_s)
                if self._closed and not self._queue:
                    return
                frames = [self._queue.popleft() for _ in range(min(len(self._queue), LARGEST_BATCH))]
                self._changed.notify_all()
            yield TrackedBatch.of(frames)

    def close(self) -> None:
        """No more messages will be published; those in it can still be read."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class MemoryCounting:
    """Counts what is published to the bus of this process, and writes the rows, losing none.

    A failed write is repeated until it succeeds; meanwhile the bus fills, the cameras wait, and frames are dropped
    where they are read, which lowers the coverage.

    >>> from types import SimpleNamespace
    >>> from aforo.clock import ManualClock
    >>> from aforo.model import TrackKey
    >>> bus, written = MemoryBus(), []
    >>> bus.publish(TrackedFrame("north", "s1", 0, 1_700_000_000_000_000, 100_000, 1920, 1080))
    >>> bus.close()
    >>> counter = SimpleNamespace(add=lambda batch: Rows(voided=[TrackKey(*who, 7) for who in batch.sessions]))
    >>> MemoryCounting(bus, counter, SimpleNamespace(write=written.append), ManualClock()).run()
    >>> [sorted(rows.cameras()) for rows in written]
    [['north']]

    Args:
        bus: source of the messages.
        counter: turns them into rows.
        store: gets the rows.
        clock: for batches and retries.
        listeners: called with new rows before they are written.
    """

    def __init__(
        self,
        bus: MemoryBus,
        counter: BatchCounter,
        store: CountStore,
        clock: Clock,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> None:
        self._bus, self._counter, self._clock = bus, counter, clock
        self._writer = RowWriter(store, clock)
        self._listeners = listeners
        self._batch = Rows()
        self._abandon = threading.Event()
        self._abandoned_rows = 0

    def state(self) -> WriteState:
        """How writing goes, with the bus as its queue."""
        return replace(
            self._writer.health.state(),
            frames_waiting=self._bus.waiting,
            frames_capacity=self._bus.capacity,
            rows_waiting=len(self._batch),
        )

    def run(self) -> None:
        """Count until the bus is closed and drained, and all rows are written."""
        written_s = self._clock.monotonic_s()
        # Rows that wait are written even when no message comes any more.
        for messages in self._bus.batches(WRITE_EVERY_S):
            if len(messages):
                self._batch.extend(self._count(messages))
            if self._batch and (messages.head["last"].any() or self._clock.monotonic_s() - written_s >= WRITE_EVERY_S):
                self._write()
                written_s = self._clock.monotonic_s()
        self._write()
        if self._abandoned_rows:
            LOG.error("%d rows could not be written before the end of the program; they are lost", self._abandoned_rows)

    def stop(self) -> None:
        """Close the bus and give up writes that fail; what is in the bus is still counted."""
        self._abandon.set()
        self._bus.close()

    def _count(self, messages: TrackedBatch) -> Rows:
        try:
            rows = self._counter.add(messages)
            for listener in self._listeners:
                listener(rows)
        except Exception:  # a fault of ours in one batch must not end the counting of all cameras
            (first, *_), cameras = messages.heads(), sorted({camera for camera, _ in messages.sessions})
            LOG.exception(
                "camera %s: a fault in Aforo itself; %d frames from %d on are not counted",
                *(", ".join(cameras), len(messages), first.frame_index),
            )
            return Rows()
        return rows

    def _write(self) -> None:
        """Write the rows that wait, for as long as it takes; none wait afterwards."""
        while self._batch and not self._writer.write(self._batch):
            if self._abandon.is_set():
                self._abandoned_rows += len(self._batch)
                break
            self._clock.sleep(RETRY_S)
        self._batch = Rows()
