"""Tells in the log when cameras come and go, and when what is counted cannot be written: once for each change."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from aforo.camera_state import CameraState, CameraStatus
from aforo.model import MICROSECONDS
from aforo.write_health import WriteState

LOG = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0

Sentence = tuple[int, str]
"""A level of `logging`, and what to say."""


class CameraLog:
    """What there is to say of cameras that come and go. Pure: compares what it sees with what it saw."""

    def __init__(self) -> None:
        self._seen: dict[str, CameraState] = {}
        self._away_since_us: dict[str, int] = {}

    def look(self, statuses: Sequence[CameraStatus]) -> list[Sentence]:
        """What has changed since the last look; a camera that is still connecting is not news."""
        return [sentence for status in statuses if (sentence := self._sentence(status)) is not None]

    def _sentence(self, status: CameraStatus) -> Sentence | None:
        before = self._seen.get(status.camera, CameraState.CONNECTING)
        self._seen[status.camera] = status.state
        if status.state is before or status.state is CameraState.CONNECTING:
            return None
        reason = "" if status.problem is None else f": {status.problem}"
        if status.state is CameraState.LIVE:
            away_us = self._away_since_us.pop(status.camera, None)
            after = "" if away_us is None else f" again, after {_duration((status.since_us - away_us) / MICROSECONDS)}"
            return logging.INFO, f"camera {status.camera} is live{after}"
        if status.state is CameraState.ENDED:
            return logging.INFO, f"camera {status.camera} has ended{reason}"
        self._away_since_us.setdefault(status.camera, status.since_us)
        return logging.WARNING, f"camera {status.camera} is {status.state}{reason}"


class WriteLog:
    """What there is to say of writing that fails, drops and works again. Pure, as `CameraLog`.

    Args:
        target: what is written to, as in "the store".
        kept: what happens meanwhile, as far as it is true from the beginning: who keeps what.
    """

    def __init__(self, target: str, kept: str) -> None:
        self._target, self._kept = target, kept
        self._failing_s = 0.0
        self._dropped_before: Mapping[str, float] = {}
        self._told_full = False

    def look(self, state: WriteState) -> list[Sentence]:
        """What has changed since the last look."""
        if state.failure:
            return self._failing(state)
        if not self._failing_s or state.is_full:  # what waited is still being written
            self._dropped_before = state.dropped_s if not self._failing_s else self._dropped_before
            return []
        lost = self._dropped(state)
        if state.handed_over:
            ended = f"{self._target} took nothing for {_duration(self._failing_s)}: another process writes what waited"
        else:
            ended = f"{self._target} works again after {_duration(self._failing_s)}"
        said = (logging.WARNING, f"{ended}; {lost}")
        self._failing_s, self._told_full, self._dropped_before = 0.0, False, state.dropped_s
        return [said]

    def _failing(self, state: WriteState) -> list[Sentence]:
        said: list[Sentence] = []
        if not self._failing_s:
            said.append((logging.ERROR, f"{state.failure}; trying again every few seconds; {self._kept}"))
        self._failing_s = max(self._failing_s, state.failing_s, 0.001)
        if state.is_full and not self._told_full:
            self._told_full = True
            full = f"all {state.frames_capacity} places for frames that wait for {self._target} are taken"
            said.append((logging.ERROR, f"{full}: cameras wait, and live ones drop frames until it works again"))
        return said

    def _dropped(self, state: WriteState) -> str:
        lost = {camera: s - self._dropped_before.get(camera, 0.0) for camera, s in state.dropped_s.items()}
        shown = ", ".join(f"{seconds:.1f} s of camera {camera}" for camera, seconds in lost.items() if seconds >= 0.05)  # noqa: PLR2004 -- shown as 0.0
        return f"dropped meanwhile, and not observed: {shown}" if shown else "no frame was dropped meanwhile"


class Watch:
    """Looks every second, in a thread of its own.

    Args:
        looks: each returns what there is to say.
    """

    def __init__(self, *looks: Callable[[], list[Sentence]]) -> None:
        self._looks = looks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look once more, and end."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            ended = self._stopped.wait(LOOK_EVERY_S)
            for look in self._looks:
                for level, sentence in look():
                    LOG.log(level, "%s", sentence)


def _duration(seconds: float) -> str:
    """A length of time as people say it.

    >>> _duration(12.34), _duration(754.0), _duration(7260.0)
    ('12 s', '12 min 34 s', '2 h 1 min')
    """
    whole = max(0, round(seconds))  # a clock may have been set back
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"
