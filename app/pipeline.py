"""Runs the stages together in one process, with threads and queues.

one per camera:  FrameSource -> Detector -> Tracker -> Bus
one in all:      Bus -> BatchCounter -> CountStore
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING

from aforo.errors import AforoError, StoreError
from aforo.model import Frame, Rows, TrackedFrame
from aforo.ports import BatchCounter, Bus, CameraSource, Clock, CountStore, Detector, FrameSource, Tracker
from aforo.tracked_batch import TrackedBatch
from app.detector_turns import DetectorSlot

if TYPE_CHECKING:
    import supervision as sv

LOG = logging.getLogger(__name__)

LOOK_AHEAD = 4
"""Frames of one camera that wait between decoding and tracking, besides those in the detector: enough to keep it busy,
few enough for a short latency."""

WRITE_EVERY_S = 0.5
"""Time between writes of rows, processing time."""

RETRY_S = 2.0
"""Delay before a failed write is repeated."""


def analyse(
    source: FrameSource, detector: Detector, new_tracker: Callable[[], Tracker], slot: DetectorSlot | None = None
) -> Iterator[tuple[Frame | None, TrackedFrame]]:
    """Detect and track in the frames of a source, in order.

    Decoding and detection run ahead in a thread. Every session gets its own tracker, and a closing message without a
    frame, also when source or detector fail.

    Args:
        source: of the frames.
        detector: may be shared with other cameras.
        new_tracker: called for every session.
        slot: at a shared detector; the source waits for it before it yields a frame, and it is released here.

    Raises:
        SourceError: the source failed.
        ModelError: the detector failed.
    """
    tracker: Tracker | None = None
    last: TrackedFrame | None = None
    failure: AforoError | None = None
    with closing(_ReadAhead(source, detector, slot)) as ahead:
        try:
            for frame, detections in ahead:
                if tracker is None or last is None or frame.session != last.session:
                    if tracker is not None and last is not None:
                        yield None, tracker.finish(last)
                    tracker = new_tracker()
                last = tracker.update(frame, detections.result())
                yield frame, last
        except AforoError as error:  # what was tracked until then is still counted
            failure = error
        if tracker is not None and last is not None:
            yield None, tracker.finish(last)
        if failure is not None:
            raise failure


class _ReadAhead:
    """Frames of a source and their detections to come, read by its own thread."""

    def __init__(self, source: FrameSource, detector: Detector, slot: DetectorSlot | None) -> None:
        self._source, self._detector, self._slot = source, detector, slot
        self._queue: queue.Queue[tuple[Frame, Future[sv.Detections]] | None] = queue.Queue(
            detector.capacity + LOOK_AHEAD
        )
        self._stopped = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name=f"read {source.camera}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[tuple[Frame, Future[sv.Detections]]]:
        while (item := self._queue.get()) is not None:
            yield item
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End the reading thread."""
        self._stopped.set()
        self._source.close()
        self._thread.join(timeout=10)

    def _read(self) -> None:
        try:
            for frame in self._source.frames():
                if not self._put((frame, self._submit(frame))):
                    return
        except BaseException as error:  # raised again by the iteration
            self._failure = error
        self._put(None)

    def _submit(self, frame: Frame) -> Future[sv.Detections]:
        slot = self._slot
        if slot is None:
            return self._detector.submit(frame.image)
        try:
            future = self._detector.submit(frame.image)
        except BaseException:
            slot.release()
            raise
        future.add_done_callback(lambda _: slot.release())
        return future

    def _put(self, item: tuple[Frame, Future[sv.Detections]] | None) -> bool:
        """Wait for room in the queue; False when stopped."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False


class Counting:
    """The thread that counts: takes messages from the bus and writes their rows, losing none.

    A failed write is repeated until it succeeds; meanwhile the bus fills, the cameras wait, and frames are dropped
    where they are read, which lowers the coverage.

    Args:
        bus: source of the messages.
        counter: turns them into rows.
        store: gets the rows.
        clock: for batches and retries.
        listeners: called with new rows before they are written.
    """

    def __init__(
        self,
        bus: Bus,
        counter: BatchCounter,
        store: CountStore,
        clock: Clock,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> None:
        self._bus, self._counter, self._store, self._clock = bus, counter, store, clock
        self._listeners = listeners
        self._thread = threading.Thread(target=self._run, name="count", daemon=True)
        self._abandon = threading.Event()
        self.failure: str = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the bus is closed and all rows are written; after `timeout` seconds failed writes are given up."""
        self._thread.join(timeout)
        self._abandon.set()
        self._thread.join()

    def _run(self) -> None:
        batch = Rows()
        written_s = self._clock.monotonic_s()
        for messages in self._bus.batches():
            batch.extend(self._count(messages))
            if batch and (messages.head["last"].any() or self._clock.monotonic_s() - written_s >= WRITE_EVERY_S):
                self._write(batch)
                batch, written_s = Rows(), self._clock.monotonic_s()
        self._write(batch)

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

    def _write(self, batch: Rows) -> None:
        while batch:
            try:
                self._store.write(batch)
            except StoreError as error:
                if not self.failure:
                    LOG.error("%s; trying again every %g s, nothing is lost meanwhile", error, RETRY_S)
                self.failure = str(error)
                if self._abandon.is_set():
                    LOG.error("gave up writing %d crossings at the end of the program", len(batch.crossings))
                    return
                self._clock.sleep(RETRY_S)
            else:
                if self.failure:
                    LOG.warning("the store works again")
                self.failure = ""
                return


class CameraThread:
    """The thread of one camera; other cameras go on when it fails.

    Args:
        source: of the camera.
        run: yields frames and messages (`analyse`).
        publish: called with each; the frame is None for the message that closes a session.
    """

    def __init__(
        self,
        source: CameraSource,
        run: Callable[[], Iterator[tuple[Frame | None, TrackedFrame]]],
        publish: Callable[[Frame | None, TrackedFrame], None],
    ) -> None:
        self.source = source
        self.failure: AforoError | None = None
        self._run, self._publish = run, publish
        self._thread = threading.Thread(target=self._work, name=f"camera {source.camera}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end; `join` waits for it."""
        self.source.close()

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end of the thread."""
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the thread is running."""
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            for frame, tracked in self._run():
                self._publish(frame, tracked)
        except AforoError as error:
            self.failure = error
            LOG.error("camera %s: %s", self.source.camera, error)
        except Exception:
            LOG.exception("camera %s: stopped by a fault in Aforo itself", self.source.camera)
