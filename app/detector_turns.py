"""Fair sharing of one detector by several cameras.

Start-time fair queuing (Goyal, Vin and Cheng 1996): the requests of a camera have deadlines one period of its
`analyse_fps` apart, on a virtual clock that stands at the latest served deadline. While the detector keeps up, requests
are granted at once; when it does not, every camera gets the same fraction of its rate, and a camera gains nothing from
having been silent. A camera takes its newest picture only when its request is granted, so pictures never grow old in
the queue.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable


class FairDetectorQueue:
    """The queue of cameras before a detector that infers several pictures at once.

    Args:
        capacity: most requests that are granted at once.
    """

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._virtual_s = 0.0
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets = itertools.count()

    def join(self, analyse_fps: float) -> DetectorSlot:
        """Add a camera that analyses `analyse_fps` pictures per second."""
        return DetectorSlot(self, 1 / analyse_fps)

    def _enqueue(self, deadline_s: float, period_s: float, granted: Callable[[], None]) -> float:
        """Queue a request; returns its deadline on the virtual clock, seconds."""
        with self._lock:
            deadline_s = max(deadline_s, self._virtual_s) + period_s
            heapq.heappush(self._waiting, (deadline_s, next(self._tickets), granted))
            self._serve()
        return deadline_s

    def _release(self) -> None:
        with self._lock:
            self._free += 1
            self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            deadline_s, _, granted = heapq.heappop(self._waiting)
            self._free -= 1
            self._virtual_s = max(self._virtual_s, deadline_s)
            granted()


class DetectorSlot:
    """One camera's access to a shared detector: `wait`, submit a picture, `release` when its detections are there."""

    def __init__(self, queue: FairDetectorQueue, period_s: float) -> None:
        self._queue, self._period_s = queue, period_s
        self._deadline_s = 0.0

    def request(self, granted: Callable[[], None]) -> None:
        """Queue a request; `granted` is called, from any thread, when the camera may submit a picture."""
        self._deadline_s = self._queue._enqueue(self._deadline_s, self._period_s, granted)

    def wait(self) -> None:
        """Block until the camera may submit a picture. Each call must be followed by `release`."""
        granted = threading.Event()
        self.request(granted.set)
        granted.wait()

    def release(self) -> None:
        """Free the detector for the next request; may be called from any thread."""
        self._queue._release()
