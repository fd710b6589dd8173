"""Aforo beside others and beside the limit: the same clip, weights and input size, in turns, one process each.

    .venv/bin/python benchmarks/speed.py [--rounds 5] [--video VIDEO --line x1,y1,x2,y2] [--json FILE]

    What takes part: aforo            `aforo count`, from the file to the counts, as installed objectcounter
    Ultralytics' ObjectCounter with the .pt, as in its documentation objectcounter-ov the same with the weights'
    OpenVINO export, `export(format="openvino")` as in its documentation, whose input is square objectcounter-ov-dynamic
    the same, exported with `dynamic=True`: its input is no larger than Aforo's supervision      trackers' ByteTrack and
    supervision's LineZone behind Ultralytics with the .pt openvino         the limit: OpenVINO alone, with the very
    model file and input size that Aforo uses, asynchronous, on pictures that are already there; nothing is decoded,
    tracked or counted openvino-cut     the same with the network as Aforo cuts it before it has it compiled
    (`detect/openvino/network_head.py`)

Frames per second are those of the loop over the frames. ObjectCounter loads its network in that loop, with the first
frame; so the whole processes, from start to end, are compared too. Every round runs all of them one after the other;
ratios are taken within a round, and their medians are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NAMES = (
    "aforo",
    "objectcounter",
    "objectcounter-ov",
    "objectcounter-ov-dynamic",
    "supervision",
    "openvino",
    "openvino-cut",
)
GOALS = {"objectcounter": 7.0, "objectcounter-ov": 3.5, "openvino": 0.85}
OPENVINO_PICTURES = 600


def frames_of(video: str) -> Any:
    """The decoded frames of a video."""
    import cv2

    capture = cv2.VideoCapture(video)
    while True:
        decoded, frame = capture.read()
        if not decoded:
            return
        yield frame


def run_objectcounter(video: str, line: list[float], weights: str) -> dict[str, Any]:
    """Ultralytics' own tracking."""
    from ultralytics import solutions

    ends = [(int(line[0]), int(line[1])), (int(line[2]), int(line[3]))]
    counter = solutions.ObjectCounter(show=False, region=ends, model=weights, verbose=False, device="cpu")
    frames, began = 0, time.perf_counter()
    for frame in frames_of(video):
        found = counter(frame)
        frames += 1
    return {"fps": frames / (time.perf_counter() - began), "counted": [found.in_count, found.out_count]}


def run_supervision(video: str, line: list[float], weights: str) -> dict[str, Any]:
    """As in supervision's tutorials."""
    import supervision as sv
    from trackers import ByteTrackTracker
    from ultralytics import YOLO

    model, tracker = YOLO(weights), ByteTrackTracker()
    zone = sv.LineZone(sv.Point(line[0], line[1]), sv.Point(line[2], line[3]))
    frames, began = 0, time.perf_counter()
    for frame in frames_of(video):
        detections = sv.Detections.from_ultralytics(model(frame, verbose=False, device="cpu")[0])
        zone.trigger(tracker.update(detections))
        frames += 1
    return {"fps": frames / (time.perf_counter() - began), "counted": [zone.in_count, zone.out_count]}


def run_openvino(video: str, is_cut: bool) -> dict[str, Any]:
    """The limit: as many requests as OpenVINO thinks best, all of the same picture."""
    import openvino as ov

    from aforo.config.detector import DetectorSection
    from aforo.model import LOWEST_CONFIDENCE
    from app.assemble import open_detector
    from detect.limits import OTHER_CONFIDENCE
    from detect.openvino.detector import OpenVinoYolo, with_picture_input
    from detect.openvino.network_head import cut

    detector = open_detector(DetectorSection())
    assert isinstance(detector, OpenVinoYolo)
    first = next(frames_of(video))
    letterbox, network = detector.network(first.shape[1], first.shape[0])
    if is_cut:
        network, _ = cut(network, detector.columns, [LOWEST_CONFIDENCE] * len(detector.columns), OTHER_CONFIDENCE)
    precision = detector.description.rpartition(" ")[2]
    options = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
    }
    alone = ov.AsyncInferQueue(ov.Core().compile_model(with_picture_input(network), "CPU", options), 0)
    picture = letterbox.apply(first)[None]
    for _ in range(20):
        alone.start_async(picture)
    alone.wait_all()
    began = time.perf_counter()
    for _ in range(OPENVINO_PICTURES):
        alone.start_async(picture)
    alone.wait_all()
    return {"fps": OPENVINO_PICTURES / (time.perf_counter() - began), "detector": detector.description}


def documented_export(weights: str) -> str:
    """The weights' OpenVINO export with nothing but the format said, made once."""
    from app.assets import manifest

    folder = manifest.cache_directory() / "benchmarks"
    made = folder / f"{Path(weights).stem}_openvino_model"
    if not made.is_dir():
        from ultralytics import YOLO

        folder.mkdir(exist_ok=True)
        YOLO(shutil.copy2(weights, folder)).export(format="openvino")
    return str(made)


def run_aforo(video: str, line: list[float]) -> dict[str, Any]:
    """The product, as a person starts it."""
    ends = ",".join(f"{number:g}" for number in line)
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "count", video, "--line", ends, "--json", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(done.stdout)
    counted = {f"{row['direction']} {row['road_user']}": row["count"] for row in document["lines"][0]["counts"]}
    return {
        "fps": document["analysed_frames"] / document["elapsed_s"],
        "process_s": time.perf_counter() - began,
        "counted": counted,
    }


def run_one(name: str, video: str, line: list[float]) -> dict[str, Any]:
    """Run one of them in this process."""
    from aforo.config.detector import DetectorSection
    from app.assemble import float_model
    from app.assets import manifest

    weights = str(manifest.resolve_model(DetectorSection().model))
    match name:
        case "aforo":
            return run_aforo(video, line)
        case "objectcounter":
            return run_objectcounter(video, line, weights)
        case "objectcounter-ov":
            return run_objectcounter(video, line, documented_export(weights))
        case "objectcounter-ov-dynamic":
            return run_objectcounter(video, line, str(float_model(DetectorSection())))
        case "supervision":
            return run_supervision(video, line, weights)
        case _:
            return run_openvino(video, is_cut=name == "openvino-cut")


def in_a_process(name: str, video: str, line: str) -> dict[str, Any]:
    """Run one of them in a process of its own."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, __file__, "--one", name, "--video", video, "--line", line], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"process_s": time.perf_counter() - began, **result}


def summary(rounds: list[dict[str, dict[str, Any]]], names: list[str]) -> dict[str, Any]:
    """Medians, and the ratios of Aforo to each."""
    document: dict[str, Any] = {}
    for name in names:
        speeds = [each[name]["fps"] for each in rounds]
        whole = statistics.median(each[name]["process_s"] for each in rounds)
        document[name] = {
            **rounds[-1][name],
            "fps": round(statistics.median(speeds), 1),
            "process_s": round(whole, 2),
            "all": [*map(round, speeds)],
        }
        if name != "aforo" and "aforo" in names:
            ratios = [each["aforo"]["fps"] / each[name]["fps"] for each in rounds]
            document[name]["aforo_is_times"] = round(statistics.median(ratios), 2)
            whole_ratios = [each[name]["process_s"] / each["aforo"]["process_s"] for each in rounds]
            document[name]["whole_process_times"] = round(statistics.median(whole_ratios), 2)
            document[name]["goal"] = GOALS.get(name)
    return document


def main() -> None:
    """Parse the options and run."""
    from app.assets import manifest
    from detect.openvino.precision_choice import machine

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--video", default="")
    options.add_argument("--line", default="340,120,340,576")
    options.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    options.add_argument("--json", default="")
    options.add_argument("--one", choices=NAMES, help=argparse.SUPPRESS)
    given = options.parse_args()
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    video = given.video or str(manifest.fetch("vtest"))
    if given.one:
        print(json.dumps(run_one(given.one, video, [float(part) for part in given.line.split(",")])))
        return
    rounds = []
    for number in range(given.rounds):
        rounds.append({name: in_a_process(name, video, given.line) for name in given.only})
        shown = "  ".join(f"{name} {result['fps']:.1f}" for name, result in rounds[-1].items())
        print(f"round {number + 1}: {shown} fps", file=sys.stderr)
    document = {"machine": machine(), "video": Path(video).name, "results": summary(rounds, given.only)}
    print(f"{document['machine']}; {document['video']}; median of {given.rounds} rounds")
    for name, result in document["results"].items():
        ratio = f"  Aforo is {result['aforo_is_times']:.2f} times as fast" if "aforo_is_times" in result else ""
        goal = f" (goal {result['goal']:g})" if result.get("goal") else ""
        if "counted" in result and ratio:
            goal += f", from start to end {result['whole_process_times']:.2f} times"
        what = result.get("counted", result.get("detector", ""))
        print(f"{name:25}{result['fps']:7.1f} fps, {result['process_s']:.1f} s{ratio}{goal}  {what}")
    if given.json:
        Path(given.json).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
