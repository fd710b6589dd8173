"""A camera's scale of cars, kept in a file: a new session, or another process, need not learn it again.

Nothing but sizes and places is in it, and it depends on no line or zone. Losing it costs a few cars until it is learnt
again, so whatever goes wrong with the file is told in the log and stops nothing.
"""

from __future__ import annotations

import io
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aforo.model import MICROSECONDS
from track.scene_scale import Floats, SceneScale

LOG = logging.getLogger(__name__)

OLDEST_US = 30 * 24 * 3600 * MICROSECONDS
"""A scale whose newest car is older says nothing: cameras are turned and replaced."""

SAME_ASPECT = 0.01
"""Greatest difference of the picture's shape for which the camera is taken for the same, as a share."""

SAVED_EVERY_US = 60 * MICROSECONDS
"""Shortest time between two savings, event time."""

_LARGEST_BYTES = 10_000_000


class KnownScale(NamedTuple):
    """What is kept of a camera: how many cars, and when the newest was seen, microseconds since 1970-01-01 UTC."""

    cars: int
    newest_us: int


@dataclass(slots=True)
class KeptScale:
    """The file of one camera's scale.

    Attributes:
        path: its folder is made when something is kept.
    """

    path: Path
    _saved_us: int = 0
    _saved_learnt: int = 0

    def open(self, aspect: float, at_us: int) -> SceneScale:
        """The scale as it was kept, or an empty one.

        Args:
            aspect: width over height of the pictures that come.
            at_us: event time of the first of them.
        """
        scale, self._saved_us, self._saved_learnt = SceneScale(aspect), at_us, 0
        kept = _read(self.path)
        if kept is not None:
            known, kept_aspect, cars = kept
            if abs(kept_aspect / aspect - 1) <= SAME_ASPECT and abs(at_us - known.newest_us) <= OLDEST_US:
                scale.restore(cars, known.newest_us)
        return scale

    def save(self, scale: SceneScale, at_us: int, *, now: bool = False) -> None:
        """Keep a scale, if it has learnt something and it was not kept just before.

        Args:
            scale: of the camera.
            at_us: event time.
            now: it is the last occasion.
        """
        if scale.learnt == self._saved_learnt or not (now or at_us - self._saved_us >= SAVED_EVERY_US):
            return
        self._saved_us, self._saved_learnt = at_us, scale.learnt
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(
                    file,
                    aspect=np.float64(scale.aspect),
                    newest_us=np.int64(scale.newest_us),
                    lengths=np.array([len(car) for car in scale.cars], np.int64),
                    notes=np.concatenate(scale.cars).astype(np.float32),
                )
            partial.replace(self.path)
        except OSError as error:
            LOG.warning("the sizes of cars cannot be kept in %s: %s", self.path, error.strerror or error)


def known_scale(path: Path) -> KnownScale | None:
    """What is kept in a file; None if there is none that can be read."""
    kept = _read(path, cars_too=False)
    return None if kept is None else kept[0]


def _read(path: Path, *, cars_too: bool = True) -> tuple[KnownScale, float, list[Floats]] | None:
    """What is known, the aspect, and the cars where these are wanted; None where nothing can be read."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise ValueError("it is too large")
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            aspect, newest_us = float(kept["aspect"]), int(kept["newest_us"])
            lengths = kept["lengths"].astype(np.int64)
            known = KnownScale(len(lengths), newest_us)
            if not cars_too:
                return known, aspect, []
            notes = kept["notes"].astype(np.float64)
        if notes.shape != (lengths.sum(), 5) or (lengths < 1).any() or not np.isfinite(notes).all() or not aspect > 0:
            raise ValueError("its parts do not fit together")
    except FileNotFoundError:
        return None
    except Exception as error:  # a damaged archive raises whatever it likes
        LOG.warning("the sizes of cars in %s cannot be read and are learnt again: %s", path, error)
        return None
    return known, aspect, np.split(notes, np.cumsum(lengths)[:-1])
