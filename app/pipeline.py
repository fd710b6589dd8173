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
from app.held_up import HeldUp

if TYPE_CHECKING:
    import supervision as sv

LOG = logging.getLogger(__name__)

LOOK_AHEAD = 4
"""Frames of one camera that wait between decoding and tracking, besides those in the detector: enough to keep it busy,
few enough for a short latency."""

_PUT_S = 0.2


def analyse(
    source: FrameSource,
    detector: Detector,
    new_tracker: Callable[[], Tracker],
    slot: DetectorSlot | None = None,
    held_up: HeldUp | None = None,
) -> Iterator[tuple[Frame | None, TrackedFrame]]:
    """Detect and track in the frames of a source, in order.

    Decoding and detection run ahead in a thread. Every session gets its own tracker, and a closing message without a
    frame, also when source or detector fail.

    Args:
        source: of the frames.
        detector: may be shared with other cameras.
        new_tracker: called for every session.
        slot: at a shared detector; the source waits for it before it yields a frame, and it is released here.
        held_up: told when frames cannot go on because whoever takes the messages takes none.

    Raises:
        SourceError: the source failed.
        ModelError: the detector failed.
    """
    tracker: Tracker | None = None
    last: TrackedFrame | None = None
    failure: AforoError | None = None
    with closing(_ReadAhead(source, detector, slot, held_up)) as ahead:
        try:
            for frame, detections in ahead:
                if tracker is None or last is None or frame.session != last.session:
                    if tracker is not None and last is not None:
                        ahead.handed_out += 1
                        yield None, tracker.finish(last)
                        ahead.taken += 1
                    tracker = new_tracker()
                last = tracker.update(frame, detections.result())
                ahead.handed_out += 1
                yield frame, last
                ahead.taken += 1
        except AforoError as error:  # what was tracked until then is still counted
            failure = error
        if tracker is not None and last is not None:
            yield None, tracker.finish(last)
        if failure is not None:
            raise failure


class _ReadAhead:
    """Frames of a source and their detections to come, read by its own thread.

    Attributes:
        handed_out, taken: messages made of them that somebody was given, and has done with.
    """

    def __init__(
        self, source: FrameSource, detector: Detector, slot: DetectorSlot | None, held_up: HeldUp | None
    ) -> None:
        self.handed_out = self.taken = 0
        self._source, self._detector, self._slot, self._held_up = source, detector, slot, held_up
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
                if self._held_up is not None:
                    self._held_up.next_frame(frame)
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
            handed_out = self.handed_out
            try:
                self._queue.put(item, timeout=_PUT_S)
            except queue.Full:
                if self._held_up is not None and self.taken < handed_out == self.handed_out:
                    self._held_up.begins(_PUT_S)
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
        return self._loop.state().failure

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
        held_up: what `run` tells when messages are not taken; None where nobody asks.
    """

    def __init__(
        self,
        source: CameraSource,
        run: Callable[[], Iterator[tuple[Frame | None, TrackedFrame]]],
        publish: Callable[[Frame | None, TrackedFrame], None],
        held_up: HeldUp | None = None,
    ) -> None:
        self.source = source
        self.failure: AforoError | None = None
        self._run, self._publish, self._held_up = run, publish, held_up
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
    def dropped_s(self) -> float:
        """Seconds of frames that it threw away since the start because its messages were not taken in time."""
        return 0.0 if self._held_up is None else self._held_up.dropped_s

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
