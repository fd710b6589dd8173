"""Does reading harm counting? A simulated site counts; nobody reads, then many ask for as much as they can get.

    .venv/bin/python benchmarks/heavy_readers.py [--readers 16] [--cameras 4] [--fps 10] [--seconds 60]

A year of hours is in the store. Every camera is a painted clip, played as a live camera would send it: what comes too
late is dropped. The detector takes a fixed time outside the interpreter in place of a network, and finds one car. Each
reader asks in turn for the year as JSON, CSV and workbook, and again at once, whatever the answer; one more asks for
small things. Readers are a process of their own on the same machine. Told are the share of frames dropped without and
with readers, how long small answers took, and the memory of Aforo's processes together. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import supervision as sv

from aforo.config.site import SiteConfiguration
from aforo.model import MICROSECONDS, MINUTE_US, Coverage, Crossing, Image, Rows
from app import assemble
from app.site_process import Service

DAYS = 365
HOUR_US = 60 * MINUTE_US
CLASSES = ("pedestrian", "cyclist", "motorcyclist", "car", "bus", "truck")
WIDTH, HEIGHT = 640, 360
LONGEST_START_S = 120.0


class SimulatedDetector:
    """Takes a fixed processor time for each picture, outside the interpreter, and finds one car that wanders."""

    description = "simulated"
    capacity = 2
    labels = ("car",)

    def __init__(self, cost_s: float) -> None:
        self._threads = ThreadPoolExecutor(self.capacity)
        self._picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        self._cost_s = cost_s
        self.pictures = 0

    def submit(self, image: Image) -> Future[sv.Detections]:  # noqa: ARG002
        """Begin with a picture."""
        self.pictures += 1
        return self._threads.submit(self._detect, self.pictures)

    def _detect(self, number: int) -> sv.Detections:
        spent_s = time.thread_time() + self._cost_s
        while time.thread_time() < spent_s:
            cv2.GaussianBlur(self._picture, (31, 31), 0)
        x = number * 7 % 500
        box = np.array([[x, 100, x + 80, 180]], np.float32)
        return sv.Detections(xyxy=box, confidence=np.array([0.9], np.float32), class_id=np.array([0]))

    def close(self) -> None:
        """Finish what is under way."""
        self._threads.shutdown()


def paint(path: Path, fps: float) -> None:
    """Ten seconds of a grey street."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (WIDTH, HEIGHT))
    for number in range(round(10 * fps)):
        image = np.full((HEIGHT, WIDTH, 3), 96, np.uint8)
        cv2.rectangle(image, (number * 5 % WIDTH, 100), (number * 5 % WIDTH + 80, 180), (60, 60, 70), -1)
        writer.write(image)
    writer.release()


def fill(site: SiteConfiguration, now_us: int) -> None:
    """A year of hours of the first camera's line: every class in both directions, observed in part."""
    camera = site.domain().cameras[0]
    line = camera.lines[0]
    first_us = now_us - now_us % HOUR_US - DAYS * 24 * HOUR_US
    with assemble.open_store(site) as store:
        for day in range(DAYS):
            rows = Rows()
            for hour in range(24):
                start_us = first_us + (day * 24 + hour) * HOUR_US
                rows.coverage.append(Coverage(camera.id, "past", start_us, MINUTE_US, 600, 0))
                for number, road_user in enumerate(CLASSES * 2):
                    track = (day * 24 + hour) * 12 + number
                    at_us = start_us + number * 4 * MICROSECONDS
                    direction = line.direction_names[number // 6]
                    rows.crossings.append(
                        Crossing(camera.id, "past", track, line.id, 0, at_us, direction, road_user, True, line.version)
                    )
            store.write(rows)


def configuration(folder: Path, cameras: int, fps: float) -> SiteConfiguration:
    """The site, its clip beside its store."""
    paint(folder / "clip.avi", fps)
    return SiteConfiguration.model_validate(
        {
            "cameras": [
                {
                    "id": f"c{number}",
                    "source": str(folder / "clip.avi"),
                    "repeat": True,
                    "drop_late": True,
                    "analyse_fps": fps,
                    "starts_at": "2020-01-01T00:00:00Z",
                    "lines": [{"id": f"line-{number}", "points": [[0.5, 0.0], [0.5, 1.0]]}],
                }
                for number in range(cameras)
            ],
            "detector": {"motion_gate": False},
            "store": f"sqlite:///{folder}/counts.db",
            "api": {"port": 0},
        }
    )


def read(url: str, readers: int, seconds: float, answers: multiprocessing.Queue[Any]) -> None:
    """The readers' process: heavy ones, and one who asks for small things and looks at the clock."""
    address, end_s = urlsplit(url), time.monotonic() + seconds
    statuses: Counter[str] = Counter()
    small_s: list[float] = []
    year = f"from={time.strftime('%Y-%m-%d', time.gmtime(time.time() - 364 * 86400))}&line=line-0"
    heavy = (
        f"/v1/volumes?{year}&by=class,direction",
        f"/v1/volumes?{year}&by=class,direction&format=csv",
        f"/v1/reports/hourly.xlsx?{year}",
    )
    small = ("/v1/volumes?line=line-0&by=class", "/v1/cameras", "/v1/lines", "/healthz")

    def ask(path: str) -> int:
        connection = HTTPConnection(str(address.hostname), address.port, timeout=700)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            while answer.read(65536):
                pass
            return answer.status
        finally:
            connection.close()

    def keep_asking(paths: tuple[str, ...], take: Callable[[int, float], None], pause_s: float) -> None:
        number = 0
        while time.monotonic() < end_s:
            began_s = time.monotonic()
            try:
                take(ask(paths[number % len(paths)]), time.monotonic() - began_s)
            except OSError as error:
                statuses[type(error).__name__] += 1
            number += 1
            time.sleep(pause_s)

    def take_small(status: int, took_s: float) -> None:
        small_s.append(took_s)
        statuses[f"small {status}"] += 1

    def take_heavy(status: int, _took_s: float) -> None:
        statuses[f"heavy {status}"] += 1

    threads = [threading.Thread(target=keep_asking, args=(small, take_small, 0.2), daemon=True)]
    for number in range(readers):
        mine = heavy[number % 3 :] + heavy[: number % 3]
        threads.append(threading.Thread(target=keep_asking, args=(mine, take_heavy, 0.0), daemon=True))
    for thread in threads:
        thread.start()
    time.sleep(seconds + 1)
    p50, p95 = statistics.quantiles(small_s, n=20)[9::9]
    answers.put({"small_p50_s": round(p50, 3), "small_p95_s": round(p95, 3), "answers": dict(statuses)})


def memory_mb(parent: int) -> float:
    """What a process and those that it started hold now."""
    held = 0
    for folder in Path("/proc").iterdir():
        try:
            pid = int(folder.name)
            owner = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if pid == parent or (owner == parent and "answer_process" in (folder / "cmdline").read_text()):
                held += int((folder / "statm").read_text().split()[1])
        except (OSError, ValueError):
            continue
    return held * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(service: Service, detector: SimulatedDetector, readers: int, seconds: float) -> dict[str, Any]:
    """Count for so long while so many read."""
    began_s, dropped, seen = time.monotonic(), sum(each.dropped for each in service.statuses()), detector.pictures
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[Any] = context.Queue()
    process = context.Process(target=read, args=(service.url, readers, seconds, answers))
    process.start()
    most_mb, end_s = 0.0, time.monotonic() + seconds + 1
    while time.monotonic() < end_s:
        most_mb = max(most_mb, memory_mb(os.getpid()))
        time.sleep(0.5)
    read_back = answers.get(timeout=60)
    process.kill()
    process.join()
    dropped = sum(status.dropped for status in service.statuses()) - dropped
    seen, took_s = detector.pictures - seen, time.monotonic() - began_s
    shares = {"dropped_percent": round(100 * dropped / max(1, dropped + seen), 2), "memory_mb_most": round(most_mb)}
    return {"readers": readers, "analysed_fps": round(seen / took_s, 1), **shares, **read_back}


def settle(detector: SimulatedDetector, wanted_fps: float) -> None:
    """Wait until cameras come at their own pace: after the start they are behind, and catch up."""
    end_s = time.monotonic() + LONGEST_START_S
    while time.monotonic() < end_s:
        before = detector.pictures
        time.sleep(5)
        if 0 < detector.pictures - before <= 5 * 1.05 * wanted_fps:
            return


def main() -> None:
    """Fill, count, read."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--readers", type=int, default=16)
    options.add_argument("--cameras", type=int, default=4)
    options.add_argument("--fps", type=float, default=10.0)
    options.add_argument("--cost-ms", type=float, default=10.0, help="processor time of one simulated detection")
    options.add_argument("--seconds", type=float, default=60.0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        site = configuration(Path(folder), given.cameras, given.fps)
        fill(site, time.time_ns() // 1000)
        detector = SimulatedDetector(given.cost_ms / 1000)
        service = Service(site, detector)
        service.start()
        try:
            settle(detector, given.cameras * given.fps)
            for readers in (0, given.readers, 0):
                print(json.dumps(measure(service, detector, readers, given.seconds)), flush=True)
        finally:
            service.stop()


if __name__ == "__main__":
    main()
