"""Trackers side by side on the public detections of the MOTChallenge, with SORT's published table as the oracle.

    python benchmarks/tracking.py MOT_FOLDER

`MOT_FOLDER` holds one folder per sequence with gt, det_sort and seqinfo.ini. Every tracker gets the same detections.
The trackers of the library `trackers` run with their own defaults, and once more under Aforo's conditions: scores
spread over the whole scale (`mot_files.spread`) and gaps of up to a second filled.
"""

from __future__ import annotations

import itertools
import platform
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mot_files import FRAME_RATES, Rows, Sequence, read_sequence, scores, spread, tracked_by_aforo

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from trackers import BoTSORTTracker, ByteTrackTracker, CBIoUTracker, OCSORTTracker, SORTTracker

SORT_MOTA = {"TUD-Campus": 62.7, "Venice-2": 18.6, "KITTI-17": 60.2}
"""Published with SORT (Bewley et al., ICIP 2016) for these detections."""

LIBRARY: dict[str, Callable[[float], object]] = {
    "SORT": lambda fps: SORTTracker(frame_rate=fps),
    "ByteTrack": lambda fps: ByteTrackTracker(frame_rate=fps),
    "OC-SORT": lambda fps: OCSORTTracker(frame_rate=fps),
    "BoT-SORT": lambda fps: BoTSORTTracker(frame_rate=fps, enable_cmc=False),
    "C-BIoU": lambda fps: CBIoUTracker(frame_rate=fps),
}


def tracked_by_library(make: Callable[[float], object], sequence: Sequence) -> Rows:
    """What a tracker of the library makes of the detections: its confirmed boxes."""
    tracker, rows = make(sequence.frame_rate), []
    for frame, detections in enumerate(sequence.frames, start=1):
        found = tracker.update(detections, timestamp=(frame - 1) / sequence.frame_rate)  # type: ignore[attr-defined]
        for box, track_id in zip(found.xyxy, found.tracker_id, strict=True):
            if track_id >= 0:
                rows.append([frame, track_id + 1, box[0], box[1], box[2] - box[0], box[3] - box[1], 1.0])
    return np.array(rows, float).reshape(-1, 7)


def filled(rows: Rows, longest: float) -> Rows:
    """Gaps of at most so many frames filled with straight motion, as `app.validation.mot_file` does."""
    more = [rows]
    for track_id in np.unique(rows[:, 1]):
        track = rows[rows[:, 1] == track_id]
        for before, after in itertools.pairwise(track):
            gap = int(after[0] - before[0])
            if 1 < gap <= longest:
                shares = np.arange(1, gap)[:, None] / gap
                more.append(before + (after - before) * shares)
    return np.vstack(more)


def main() -> None:
    """Print the tables."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = Path(sys.argv[1])
    sequences = [read_sequence(folder / name) for name in FRAME_RATES if (folder / name / "det_sort").is_dir()]
    frames = sum(len(sequence.frames) for sequence in sequences)
    runs: dict[str, Callable[[Sequence], Rows]] = {"Aforo": lambda sequence: tracked_by_aforo(spread(sequence))}
    for name, make in LIBRARY.items():
        runs[name] = lambda sequence, make=make: tracked_by_library(make, sequence)  # type: ignore[misc]
        runs[f"{name}, spread"] = lambda sequence, make=make: filled(  # type: ignore[misc]
            tracked_by_library(make, spread(sequence)), sequence.frame_rate
        )
    names = [sequence.name for sequence in sequences]
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, {frames} frames")
    print(
        f"{'MOTA':20}" + "".join(f"{name:>16}" for name in names) + f"{'HOTA':>8}{'MOTA':>7}{'IDF1':>7}{'ms/frame':>10}"
    )
    print(f"{'SORT, published':20}" + "".join(f"{SORT_MOTA.get(name, float('nan')):16.1f}" for name in names))
    for name, run in runs.items():
        began = time.process_time()
        found = {sequence.name: (sequence.truth, run(sequence)) for sequence in sequences}
        per_frame_ms = 1000 * (time.process_time() - began) / frames
        score = scores(found)
        all_of_it = score["together"]
        print(
            f"{name:20}"
            + "".join(f"{score[each]['MOTA']:16.1f}" for each in names)
            + f"{all_of_it['HOTA']:8.1f}{all_of_it['MOTA']:7.1f}{all_of_it['IDF1']:7.1f}{per_frame_ms:10.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
