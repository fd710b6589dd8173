"""Who may use the detector next: every camera gets its share, and none has to wait for the whims of threads.

Start-time fair queuing (Goyal, Vin and Cheng 1996): each camera's turns have deadlines one period of its `analyse_fps`
apart, on a virtual clock that stands at the deadline served last. While the detector keeps up, everybody is served at
once; when it does not, every camera gets the same fraction of its rate, and a camera that was silent has saved nothing
up. A camera takes its picture when its turn has come, not before: what waits is the camera, never a picture.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable


class FairTurns:
    """Hands out turns at a detector that infers several pictures at once.

    Args:
        capacity: turns under way at once.
    """

    def __init__(self, capacity: int) -> None:
        self._free = capacity
        self._virtual_s = 0.0
        self._lock = threading.Lock()
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._tickets = itertools.count()

    def join(self, analyse_fps: float) -> Turn:
        """A place for one camera, which wants so many turns per second."""
        return Turn(self, 1 / analyse_fps)

    def _ask(self, deadline_s: float, period_s: float, granted: Callable[[], None]) -> float:
        """Wait in line from now on; returns the deadline of this turn."""
        with self._lock:
            deadline_s = max(deadline_s, self._virtual_s) + period_s
            heapq.heappush(self._waiting, (deadline_s, next(self._tickets), granted))
            self._serve()
        return deadline_s

    def _give_back(self) -> None:
        with self._lock:
            self._free += 1
            self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            deadline_s, _, granted = heapq.heappop(self._waiting)
            self._free -= 1
            self._virtual_s = max(self._virtual_s, deadline_s)
            granted()


class Turn:
    """The place of one camera: `wait`, hand a picture to the detector, and `done` when its answer is there."""

    def __init__(self, turns: FairTurns, period_s: float) -> None:
        self._turns, self._period_s = turns, period_s
        self._deadline_s = 0.0

    def ask(self, granted: Callable[[], None]) -> None:
        """Stand in line; `granted` is called, from any thread, when the turn has come."""
        self._deadline_s = self._turns._ask(self._deadline_s, self._period_s, granted)

    def wait(self) -> None:
        """Stand in line until the turn has come. Every turn must be given back with `done`."""
        come = threading.Event()
        self.ask(come.set)
        come.wait()

    def done(self) -> None:
        """Give the turn back; may be called from any thread."""
        self._turns._give_back()
