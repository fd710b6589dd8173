"""Counts side by side: Aforo, Ultralytics' ObjectCounter, supervision's LineZone, on the same clips and weights.

    python benchmarks/counting.py GROUNDTRUTH.json CLIPS_FOLDER [--clip NAME]…

Each runs as its documentation shows, with yolov8n at 640: ObjectCounter with its own detection and tracking, LineZone
with ByteTrack of the library `trackers` on the detections that Aforo gets too, those above 0.25. Boxes of people,
bicycles and so on count as pedestrians, cyclists and so on, which is what a user of these tools would do.
"""

from __future__ import annotations

import argparse
import logging
import platform
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import supervision as sv
from recorded import counted, recorded
from trackers import ByteTrackTracker

from aforo.config.detector import DEFAULT_ROAD_USERS
from aforo.geometry import image_directions
from app.assets import manifest
from app.validation.truth import LineResult, LineTruth, by_class, load_truth, wape

USUAL_CONFIDENCE = 0.25


def aforo(clip: Path, truths: list[LineTruth]) -> list[LineResult]:
    """Aforo, default configuration."""
    return counted(recorded(clip), truths)


def line_zone(clip: Path, truths: list[LineTruth]) -> list[LineResult]:
    """Supervision's LineZone with ByteTrack."""
    seen = recorded(clip)
    tracker = ByteTrackTracker(frame_rate=seen.frame_rate)
    zones = [sv.LineZone(sv.Point(*truth.line_px[0]), sv.Point(*truth.line_px[-1])) for truth in truths]
    known = [i for i, user in enumerate(seen.road_users) if user is not None]
    for at_us, detections in zip(seen.times_us, seen.frames, strict=True):
        sure = np.isin(detections.class_id, known) & (detections.confidence > USUAL_CONFIDENCE)
        tracks = tracker.update(detections[sure], timestamp=at_us / 1e6)
        for zone in zones:
            zone.trigger(tracks)
    results = []
    for truth, zone in zip(truths, zones, strict=True):
        to_right, to_left = image_directions(truth.line_px)
        numbers: Counter[tuple[str, str]] = Counter()
        for direction, per_class in ((to_left, zone.in_count_per_class), (to_right, zone.out_count_per_class)):
            for class_id, number in per_class.items():
                numbers[direction, str(seen.road_users[int(class_id)])] += number
        results.append(LineResult(truth, +numbers))
    return results


def object_counter(clip: Path, truths: list[LineTruth]) -> list[LineResult]:
    """Ultralytics' ObjectCounter."""
    from ultralytics import YOLO, solutions

    logging.getLogger("ultralytics").setLevel(logging.ERROR)  # it tells of every frame without a track
    weights = str(manifest.fetch(manifest.DEFAULT_MODEL))
    names = YOLO(weights).names
    classes = [class_id for class_id, name in names.items() if name in DEFAULT_ROAD_USERS]
    results = []
    for truth in truths:
        region = [(int(x), int(y)) for x, y in truth.line_px]
        counter = solutions.ObjectCounter(region=region, model=weights, classes=classes, show=False, verbose=False)
        capture = cv2.VideoCapture(str(clip))
        while (frame := capture.read())[0]:
            counter.process(frame[1])
        capture.release()
        directions = {"IN": ("right", "down"), "OUT": ("left", "up")}
        numbers: Counter[tuple[str, str]] = Counter()
        for name, per_direction in counter.classwise_count.items():
            for in_or_out, number in per_direction.items():
                (direction,) = set(directions[in_or_out]) & set(image_directions(truth.line_px))
                numbers[direction, DEFAULT_ROAD_USERS[name]] += number
        results.append(LineResult(truth, +numbers))
    return results


TOOLS: dict[str, Callable[[Path, list[LineTruth]], list[LineResult]]] = {
    "Aforo": aforo,
    "ObjectCounter": object_counter,
    "LineZone": line_zone,
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groundtruth", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--clip", action="append", help="only this clip; may be given several times")
    options = parser.parse_args()
    truths = [each for each in load_truth(options.groundtruth) if not options.clip or each.clip in options.clip]
    found: dict[str, list[LineResult]] = {name: [] for name in TOOLS}
    print(f"{platform.machine()}, Python {platform.python_version()}, yolov8n, 640 px")
    print("errors of true".ljust(44) + "".join(f"{name:>16}" for name in TOOLS))
    for clip in dict.fromkeys(truth.clip for truth in truths):
        path = manifest.fetch("vtest") if clip == "vtest.avi" else options.clips / clip
        own = [truth for truth in truths if truth.clip == clip]
        results = {name: tool(path, own) for name, tool in TOOLS.items()}
        for name, each in results.items():
            found[name] += each
        for i, truth in enumerate(own):
            title = f"{clip} {' '.join(f'{x:g},{y:g}' for x, y in truth.line_px)}: {truth.total}"
            print(title.ljust(44) + "".join(f"{results[name][i].error:16}" for name in TOOLS), flush=True)
    print("WAPE".ljust(44) + "".join(f"{wape(each):16.1%}" for each in found.values()))
    per_class = {name: by_class(each) for name, each in found.items()}
    for road_user in sorted({user for each in per_class.values() for user in each}):
        cells = [each.get(road_user, (0, 0, 0)) for each in per_class.values()]
        print(f"{road_user}: counted, error".ljust(44) + "".join(f"{f'{c}, {e}':>16}" for _, c, e in cells))


if __name__ == "__main__":
    main()
