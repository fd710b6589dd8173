"""Cameras and servers run for years: neither memory nor the number of things kept may grow with time."""

from __future__ import annotations

import ctypes
import gc
import random
import subprocess
import sys
import tracemalloc
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
import supervision as sv
from api_server import Cameras, sample_server
from requirements import pointless
from trajectories import START_US, STEP_US, box_at, counting_line, counting_zone, message

from aforo.model import Frame, PlaceKind, TrackedObject
from aforo.site import Camera, Gate, TurningMovement
from aforo.tracked_batch import TrackedBatch
from aggregate.counting.counter import CountingStage
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from track.tracker import CameraTracker

WIDTH, HEIGHT = 640, 480
LANES = 4
PASSAGE = 30
"""Frames from one side to the other; every lane then has the next road user."""

CAMERA = Camera(
    "c",
    lines=(counting_line((0.5, 0.0), (0.5, 1.0), name="middle", directions=("left", "right")),),
    zones=(counting_zone((0.6, 0.0), (0.8, 0.0), (0.8, 1.0), (0.6, 1.0), name="exit"),),
    movements=(TurningMovement("on", Gate(PlaceKind.LINE, "middle", "right"), Gate(PlaceKind.ZONE, "exit")),),
)
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def detections(index: int, rng: np.random.Generator) -> sv.Detections:
    """One car per lane on its way, and now and then a ghost."""
    boxes: list[list[float]] = []
    for lane in range(LANES):
        step = (index + 7 * lane) % PASSAGE
        if step < PASSAGE - 4:  # then the lane is empty, so that the next one is another
            x = -20 + step * (WIDTH + 40) / (PASSAGE - 5)
            boxes.append([x - 35, 100 + 90 * lane, x + 35, 140 + 90 * lane])
    if rng.random() < 0.1:
        x, y = rng.uniform(50, 590), rng.uniform(50, 430)
        boxes.append([x - 10, y - 10, x + 10, y + 10])
    xyxy = np.clip(
        np.asarray(boxes, np.float32).reshape(-1, 4) + rng.normal(0, 0.5, (len(boxes), 4)), 0, [WIDTH, HEIGHT] * 2
    )
    return sv.Detections(
        xyxy=xyxy.astype(np.float32),
        confidence=np.full(len(boxes), 0.8, np.float32),
        class_id=np.zeros(len(boxes), int),
    )


class Camera:
    """One camera that never ends: tracker, counting and store."""

    def __init__(self, store: SqliteStore) -> None:
        self.tracker = CameraTracker(("car",), 10.0)
        self.aggregator = CountingStage([CAMERA])
        self.store = store
        self.index = 0
        self.most_open = 0
        self._rng = np.random.default_rng(50)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            at_us = START_US + self.index * STEP_US
            frame = Frame("c", "s", self.index, at_us, IMAGE)
            rows = self.aggregator.add(TrackedBatch.of([self.tracker.update(frame, detections(self.index, self._rng))]))
            if rows:
                self.store.write(rows)
            self.most_open = max(self.most_open, self.aggregator.open_tracks)
            self.index += 1


def test_neither_memory_nor_state_grows_with_time(tmp_path: Path) -> None:
    path = tmp_path / "counts.db"
    with SqliteStore(path) as store:
        camera = Camera(store)
        camera.run(600)
        warm_open = camera.most_open
        tracemalloc.start()
        try:
            camera.run(900)  # by then whatever was made before tracing began has been replaced
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            camera.run(900)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert camera.most_open <= warm_open + LANES
        assert after - before < 100_000  # bytes, after some 120 more tracks
    with closing(SqliteReader(path)) as reader:
        crossings = reader.crossings(["middle"], 0, 2 * START_US, 10_000)
    passed = LANES * camera.index / PASSAGE
    assert abs(len(crossings) - passed) <= 2 * LANES
    assert {row.direction for row in crossings} == {"right"}
    assert sum(not row.final for row in crossings) <= 2 * LANES


def test_whoever_stands_for_hours_costs_no_more_than_whoever_stands_for_minutes() -> None:
    """A parked car trembles in its box, half on the line and half in the zone, for as long as it likes."""
    rng = np.random.default_rng(26)
    aggregator = CountingStage([CAMERA])

    def stand(first: int, frames: int) -> None:
        for index in range(first, first + frames):
            x, y = rng.normal(0, 0.001, 2).tolist()
            seen = TrackedObject(1, box_at(0.5 + x, 0.5 + y), "car", 0.9, first=index == 0)
            aggregator.add(TrackedBatch.of([message(index, [seen])]))

    stand(0, 3_000)
    tracemalloc.start()
    try:
        stand(3_000, 3_000)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        stand(6_000, 15_000)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert aggregator.open_tracks == 1
    assert after - before < 500_000  # bytes; all of its positions would be some five millions


HEAPS = """
import ctypes, os, sys, threading
from app.cli.main import tune_process

if sys.argv[2] == "tuned":
    tune_process()
held = threading.Barrier(25)

def work():
    kept = [bytearray(50_000) for _ in range(20)]
    held.wait()
    held.wait()

threads = [threading.Thread(target=work) for _ in range(24)]
for thread in threads:
    thread.start()
held.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
held.wait()
"""
"""How many heaps the C library has made when many threads hold memory; it tells that as XML."""


def heaps(path: Path, how: str) -> int:
    subprocess.run([sys.executable, "-c", HEAPS, str(path), how], check=True, timeout=100)
    return path.read_text(encoding="utf-8").count("<heap nr=")


def test_threads_share_heaps(tmp_path: Path) -> None:
    """Or each of the server's and the cameras' threads keeps what it once needed."""
    if not hasattr(ctypes.CDLL(None), "malloc_info"):
        pointless("another C library than glibc, which has no such heaps")
    assert heaps(tmp_path / "tuned.xml", "tuned") <= 2 < heaps(tmp_path / "plain.xml", "as it is")


PATHS = (
    *("/v1/volumes", "/v1/movements", "/v1/coverage", "/v1/crossings", "/v1/cameras", "/v1/lines", "/v1/zones"),
    *("/v1/reports/hourly.csv", "/v1/nothing", "/healthz", "/readyz", "/metrics", "/"),
)
ODD = ("", "-1", "9" * 30, "NaN", "é", "../..", "a" * 3000, "2025-13-01", "0", "stop,bare", "\x00", "'")


def ask(client: httpx.Client, requests: int, rng: random.Random) -> None:
    """Sound requests, wrong ones and large answers, all mixed; no two of the odd names are the same."""
    for _ in range(requests):
        query = {"from": "2025-05-06", "to": rng.choice(["2025-05-07", "2025-05-09"]), "line": "stop"}
        query |= {"interval": "1m", "by": "class,direction"} if rng.random() < 0.3 else {}
        if rng.random() < 0.3:
            query[rng.choice([*query, "limit", "zone", f"odd{rng.randrange(10**9)}"])] = rng.choice(ODD)
        headers = {"accept-encoding": rng.choice(["gzip", "identity"]), f"x-odd-{rng.randrange(10**9)}": "v"}
        answer = client.request(
            rng.choice(["GET"] * 8 + ["HEAD", "POST", "OPTIONS"]), rng.choice(PATHS), params=query, headers=headers
        )
        assert answer.status_code < 500, answer.text


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_keeps_nothing_of_what_it_was_asked(tmp_path: Path) -> None:
    """All answers are made in this process, the large ones too, so that whatever stays is seen."""
    rng = random.Random(13)
    with sample_server(tmp_path, Cameras({"north": "live", "south": "offline"})) as client:
        ask(client, 60, rng)
        tracemalloc.start()
        try:
            kept = []
            for _ in range(4):
                ask(client, 60, rng)
                gc.collect()
                kept.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
    # Bytes, after 120 more requests: less than a kilobyte of each.
    assert kept[3] - kept[1] < 100_000, kept
