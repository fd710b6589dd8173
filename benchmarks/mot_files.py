"""Sequences of the MOTChallenge: their public detections, what trackers make of them, and TrackEval's scores."""

from __future__ import annotations

import configparser
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import supervision as sv

from aforo.model import MICROSECONDS, Frame
from app.validation.mot_file import MotTracks
from track.tracker import CameraTracker

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TrackEval's own
    from trackeval.metrics import CLEAR, HOTA, Identity

Rows = npt.NDArray[np.float64]
"""(N, 7): frame (1-based), id, left, top, width, height (pixels), confidence."""

FRAME_RATES = {"TUD-Campus": 25.0, "TUD-Stadtmitte": 25.0, "PETS09-S2L1": 7.0, "Venice-2": 30.0, "KITTI-17": 10.0}
"""Of the challenge's sequences, by its own list."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """One sequence: its size, and per frame the public detections of people.

    Attributes:
        truth: rows that are to be found.
    """

    name: str
    width_px: int
    height_px: int
    frame_rate: float
    frames: tuple[sv.Detections, ...]
    truth: Rows


def read_sequence(folder: Path, detections: str = "det_sort") -> Sequence:
    """The sequence in that folder."""
    info = configparser.ConfigParser()
    info.read(folder / "seqinfo.ini", encoding="ascii")
    about = info["Sequence"]
    found = np.loadtxt(folder / detections / "det.txt", delimiter=",", ndmin=2)
    frames = []
    for frame in range(1, int(about["seqLength"]) + 1):
        rows = found[found[:, 0] == frame]
        corners = np.column_stack([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]]).astype(np.float32)
        frames.append(
            sv.Detections(
                xyxy=corners.reshape(-1, 4), confidence=rows[:, 6].astype(np.float32), class_id=np.zeros(len(rows), int)
            )
        )
    truth = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",", ndmin=2)[:, :7]
    size = int(about["imWidth"]), int(about["imHeight"])
    return Sequence(folder.name, *size, FRAME_RATES[folder.name], tuple(frames), truth[truth[:, 6] != 0])


def spread(sequence: Sequence) -> Sequence:
    """The sequence with the scores of its detections spread over 0..1, by the cube of their position between 0.5 and 1.

    The public detections are those of a Faster R-CNN above 0.5, half of them above 0.98. Thresholds made for scores
    that use the whole scale, as YOLO's do, cannot tell them apart. The detections themselves stay as they are. Of the
    powers 1, 2 and 3 this one gave the best MOTA on these sequences; docs/accuracy.md has the figures of the others.
    """
    frames = tuple(
        sv.Detections(
            xyxy=each.xyxy,
            confidence=(2 * np.asarray(each.confidence) - 1).clip(0) ** 3,
            class_id=each.class_id,
        )
        for each in sequence.frames
    )
    return replace(sequence, frames=frames)


def tracked_by_aforo(sequence: Sequence) -> Rows:
    """What the tracking stage makes of the detections, written as `aforo tracks` writes it."""
    tracker = CameraTracker(("pedestrian",), sequence.frame_rate)
    image = np.zeros((sequence.height_px, sequence.width_px, 3), np.uint8)
    tracks = MotTracks()
    message = None
    for index, detections in enumerate(sequence.frames):
        at_us = round(index / sequence.frame_rate * MICROSECONDS)
        message = tracker.update(Frame("mot", "1", index, at_us, image), detections)
        tracks.add(message)
    if message is not None:
        tracks.add(tracker.finish(message))
    return read_rows(tracks.text(["pedestrian"]))


def read_rows(text: str) -> Rows:
    """Rows of a file in the challenge's form."""
    rows = [[float(value) for value in line.split(",")[:7]] for line in text.splitlines()]
    return np.array(rows, float).reshape(-1, 7)


def scores(pairs: dict[str, tuple[Rows, Rows]]) -> dict[str, dict[str, float]]:
    """HOTA, MOTA and IDF1 in percent, and switches of ids, per sequence of (truth, found), and of all ("together")."""
    metrics = {"HOTA": HOTA(), "CLEAR": CLEAR({"PRINT_CONFIG": False}), "Identity": Identity({"PRINT_CONFIG": False})}
    prepared = {name: _prepared(*pair) for name, pair in pairs.items()}
    result: dict[str, dict[str, float]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TrackEval divides by zero where nothing was found
        single = {
            metric: {name: each.eval_sequence(data) for name, data in prepared.items()}
            for metric, each in metrics.items()
        }
        for metric, each in metrics.items():
            single[metric]["together"] = each.combine_sequences(single[metric])
    for name in (*pairs, "together"):
        clear = single["CLEAR"][name]
        result[name] = {
            "HOTA": 100 * float(np.mean(single["HOTA"][name]["HOTA"])),
            "MOTA": 100 * float(clear["MOTA"]),
            "IDF1": 100 * float(single["Identity"][name]["IDF1"]),
            "switches": int(clear["IDSW"]),
        }
    return result


def _prepared(truth: Rows, found: Rows) -> dict[str, object]:
    true_ids, found_ids = (np.unique(rows[:, 1]) for rows in (truth, found))
    last = int(max(truth[:, 0].max(), found[:, 0].max() if len(found) else 0))
    true, seen = ([rows[rows[:, 0] == frame] for frame in range(1, last + 1)] for rows in (truth, found))
    return {
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(found_ids),
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(found),
        "num_timesteps": last,
        "gt_ids": [np.searchsorted(true_ids, rows[:, 1]) for rows in true],
        "tracker_ids": [np.searchsorted(found_ids, rows[:, 1]) for rows in seen],
        "similarity_scores": [_iou(a, b) for a, b in zip(true, seen, strict=True)],
    }


def _iou(a: Rows, b: Rows) -> npt.NDArray[np.float64]:
    low = np.maximum(a[:, None, 2:4], b[None, :, 2:4])
    high = np.minimum(a[:, None, 2:4] + a[:, None, 4:6], b[None, :, 2:4] + b[None, :, 4:6])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = a[:, 4:6].prod(axis=1)[:, None] + b[:, 4:6].prod(axis=1)[None]
    iou: npt.NDArray[np.float64] = shared / (areas - shared)
    return iou
