"""Runs the stages together in one process, with threads and queues.

one per camera:  FrameSource -> Detector -> Tracker -> Bus
one in all:      Bus -> CountingLoop (BatchCounter, CountStore)
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing
from typing import TYPE_CHECKING

from aforo.errors import AforoError
from aforo.model import Frame, TrackedFrame
from aforo.ports import CameraSource, CountingLoop, Detector, FrameSource, Tracker
from app.detector_turns import DetectorSlot

if TYPE_CHECKING:
    import supervision as sv

LOG = logging.getLogger(__name__)

LOOK_AHEAD = 4
"""Frames of one camera that wait between decoding and tracking, besides those in the detector: enough to keep it busy,
few enough for a short latency."""


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


class CountingThread:
    """The thread in which one end of a bus counts.

    Args:
        loop: what counts.
    """

    def __init__(self, loop: CountingLoop) -> None:
        self._loop = loop
        self._thread = threading.Thread(target=loop.run, name="count", daemon=True)

    @property
    def failure(self) -> str:
        """Why rows cannot be written now, "" while they can."""
        return self._loop.failure

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout: float | None = None) -> None:
        """Wait until nothing can come any more and all rows are written; after `timeout` seconds ask it to stop."""
        self._thread.join(timeout)
        self._loop.stop()
        self._thread.join()


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
