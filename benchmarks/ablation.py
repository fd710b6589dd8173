"""What each mechanism contributes: the counts of a ground-truth file with one mechanism off at a time.

    python benchmarks/ablation.py GROUNDTRUTH.json CLIPS_FOLDER [--quick]

The detections come from the cache or, the first time, from the network (minutes). Figures are Σ|counted − true| at the
clips' own frame rate, at 5 frames per second, and over mirrored, smaller and darker copies; `--quick` leaves these out.
"""

from __future__ import annotations

import os

os.environ["NUMBA_DISABLE_JIT"] = "1"  # what is compiled takes no notice of other margins

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import supervision as sv
from recorded import Recorded, counted, recorded
from trackers import ByteTrackTracker, CBIoUTracker

import aggregate.counting.lines_and_zones
import track.association
import track.kinds
import track.pieces
import track.riders
import track.riding
import track.scene_scale
import track.tracker
from app.assets import manifest
from app.validation.truth import LineTruth, load_truth
from track.association import Confidence

LOW_FPS = 5.0


@contextmanager
def changed(*changes: tuple[object, str, Any]) -> Iterator[None]:
    """Attributes replaced for a while."""
    with ExitStack() as stack:
        for owner, name, value in changes:
            stack.enter_context(patch.object(owner, name, value))
        yield


class _LibraryAssociator:
    """A tracker of the library `trackers` in the place of `Associator`."""

    make: Callable[[], Any]

    def __init__(self, limits: Confidence) -> None:
        self._tracker, self._limits = type(self).make(), limits
        self._seen: dict[int, float] = {}
        self.given_up: list[int] = []

    def update(self, boxes: Any, confidence: Any, now_s: float) -> Any:
        detections = sv.Detections(
            xyxy=boxes.reshape(-1, 4), confidence=confidence, class_id=np.zeros(len(boxes), dtype=int)
        )
        detections.data["row"] = np.arange(len(boxes))
        found = self._tracker.update(detections, timestamp=now_s)
        ids = np.zeros(len(boxes), dtype=int)
        for row, track_id in zip(found.data.get("row", ()), found.tracker_id, strict=False):
            if track_id >= 0:
                ids[row] = track_id + 1
                self._seen[int(track_id) + 1] = now_s
        self.given_up = [key for key, at in self._seen.items() if now_s - at > track.association.LOST_S]
        for key in self.given_up:
            del self._seen[key]
        return ids


def _library(make_tracker: Callable[[], Any]) -> tuple[object, str, Any]:
    class Chosen(_LibraryAssociator):
        make = staticmethod(make_tracker)

    return track.association, "Associator", Chosen


_original_objects = track.tracker.CameraTracker._objects


def _nobody(*_: object) -> list[object]:
    return []


def _only_known(self: Any, detections: sv.Detections, *others: Any) -> Any:
    known = [i for i, user in enumerate(self._road_users) if user is not None]
    return _original_update(self, detections[np.isin(detections.class_id, known)], *others)


_original_update = track.association.TrackletTracker.update


def _without_backfill(self: Any, seen: Any) -> Any:
    return [replace(each, backfill=()) for each in _original_objects(self, seen)]


MECHANISMS: dict[str, list[tuple[object, str, Any]]] = {
    "everything on": [],
    "riders not joined": [(track.riders.Joiner, "_riding_joins", _nobody)],
    "unsure machines unused": [(track.riding, "MACHINE_STAYS", 0.0), (track.riding, "SPEED_BOUNDS", (0.0, 0.0))],
    "sizes not compared": [(track.scene_scale, "LEAST_CARS", 10**9)],
    "pieces not joined": [(track.association, "THREE_EDGES", 5), (track.kinds, "THREE_EDGES", 5)],
    "pieces counted": [(track.pieces, "SURE", 0.0)],
    "passengers not joined": [(track.riders.Joiner, "_carried_joins", _nobody)],
    "second boxes kept": [(track.association, "SAME_OBJECT_IOU", 1.1)],
    "boxes not grown": [(track.association, "GROWTH", 0.0), (track.association, "UNSURE_GROWTH", 0.0)],
    "jumps allowed": [(track.association, "CALM_DEVIATIONS", np.inf)],
    "new ones as slow as others": [(track.association, "NEW_SPEED", 0.0)],
    "unsure detections unused": [(track.association, "LOWEST_CONFIDENCE", 0.25)],
    "short wait for the lost": [(track.association, "LOST_S", 0.3)],
    "no hysteresis at the line": [
        (aggregate.counting.lines_and_zones, "MARGIN", 0.0),
        (aggregate.counting.lines_and_zones, "END_MARGIN", 0.0),
    ],
    "no backfill": [(track.tracker.CameraTracker, "_objects", _without_backfill)],
    "confirmed at once": [
        (track.tracker, "CONFIRMED_HITS", 1),
        (track.tracker, "CONFIRMED_CONFIDENCE", 0.0),
        (track.tracker, "MACHINE_MOTION", 0.0),
        (track.tracker, "MACHINE_STRIDES", 0),
    ],
    "other things not followed": [(track.association.TrackletTracker, "update", _only_known)],
    "ByteTrack (trackers) follows": [_library(ByteTrackTracker)],
    "C-BIoU (trackers) follows": [_library(CBIoUTracker)],
}


def error(clips: list[tuple[Path, list[LineTruth]]], variant: str, low: bool) -> int:
    """Σ|counted − true| over the clips."""
    total = 0
    for path, truths in clips:
        seen = recorded(path, variant)
        if low:
            seen = at_low_rate(seen)
        total += sum(result.error for result in counted(seen, truths, flip=variant == "mirror"))
    return total


def at_low_rate(seen: Recorded) -> Recorded:
    """Every n-th frame, so that about five a second are left."""
    return seen.every(max(1, round(seen.frame_rate / LOW_FPS)))


def main() -> None:
    """Print the table."""
    arguments = [each for each in sys.argv[1:] if not each.startswith("--")]
    if len(arguments) != 2:
        sys.exit(__doc__)
    truths, folder = load_truth(Path(arguments[0])), Path(arguments[1])
    clips = [
        (manifest.fetch("vtest") if clip == "vtest.avi" else folder / clip, [t for t in truths if t.clip == clip])
        for clip in dict.fromkeys(truth.clip for truth in truths)
    ]
    variants = ["as it is"] if "--quick" in sys.argv else ["as it is", "mirror", "small", "dark"]
    columns = [(variant, low) for low in (False, True) for variant in variants]
    print(f"errors of {sum(truth.total for truth in truths)}".ljust(32), end="")
    print("".join(f"{variant + (', 5 fps' if low else ''):>18}" for variant, low in columns))
    for name, changes in MECHANISMS.items():
        with changed(*changes):
            print(name.ljust(32) + "".join(f"{error(clips, *column):18}" for column in columns), flush=True)


if __name__ == "__main__":
    main()
