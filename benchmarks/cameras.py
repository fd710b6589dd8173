"""Many live cameras on one machine: RTSP from a process of its own, through `app.site_process.Service` to the counts.

    .venv/bin/python benchmarks/cameras.py [--cameras 16] [--fps 5] [--minutes 10] [--json FILE]
    .venv/bin/python benchmarks/cameras.py --cameras 1 2 4 8 16 --minutes 1      (does the cost grow linearly?)
    .venv/bin/python benchmarks/cameras.py --viewer-rounds 7 --minutes 0.15 --fps 10     (what does a viewer cost?)

Every camera plays the clip (default: the sample video at 640×360 and 15 fps, H.264) from the loopback. Told are the
rate that each camera reached, the lag from a picture's arrival to its counts, pictures dropped, CPU by kind of thread,
memory over time, and what the server cost. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from aforo.model import Rows
from aforo.tracked_batch import TrackedBatch
from app.machine.speed import percentiles

WARM_UP_S = 5.0
LONGEST_START_S = 180.0
SAMPLE_EVERY_S = 5.0
SETTLE_S = 2.0
WIDTH, HEIGHT, RATE = 640, 360, 15

SERVER = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from aio_rtsp_toolkit.server import RtspServer

async def serve():
    # One thread per stream: asyncio's own few would leave the seventh camera of two cores without a picture.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(256))
    await RtspServer(sys.argv[1], "127.0.0.1", int(sys.argv[2])).serve_forever()

asyncio.run(serve())
"""


VIEWER = """
import sys, urllib.request

with urllib.request.urlopen(sys.argv[1], timeout=30) as pictures:
    while pictures.read(65536):
        pass
"""


def make_clip(video: str, path: Path) -> None:
    """The clip as a traffic camera's second stream would send it."""
    import av
    import cv2

    capture = cv2.VideoCapture(video)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        stream.options = {"preset": "veryfast", "tune": "zerolatency", "g": "30"}
        while (read := capture.read())[0]:
            picture = cv2.resize(read[1], (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


@contextmanager
def rtsp_server(folder: Path) -> Iterator[tuple[int, int]]:
    """A server of the folder's files; gives its port and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), str(port)], stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(10)


def cpu_s(stat: str) -> float:
    """CPU seconds in the text of a /proc stat file."""
    fields = stat.rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_by_kind() -> Counter[str]:
    """CPU seconds of this process's threads so far, by what they do; those without a name are OpenVINO's own."""
    kinds = {
        "decode": "decode",
        "read": "letterbox",
        "camera": "track",
        "count": "count and store",
        "live": "draw",
        "web": "web",
    }
    names = {thread.native_id: thread.name.split(" ")[0] for thread in threading.enumerate()}
    spent: Counter[str] = Counter()
    for task in Path("/proc/self/task").iterdir():
        try:
            seconds = cpu_s((task / "stat").read_text())
        except OSError:  # it has just ended
            continue
        name = names.get(int(task.name), "")
        spent[kinds.get(name, "other" if name else "infer and nms")] += seconds
    return spent


def memory_mb() -> float:
    """Memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Watch:
    """Stands before the counting stage and notes every message that has been counted."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.on = False
        self.lags_ms: dict[str, list[float]] = defaultdict(list)
        self.dropped: Counter[str] = Counter()

    def add(self, batch: TrackedBatch) -> Rows:
        """Count, then look at the clock."""
        rows: Rows = self._inner.add(batch)
        for session, head in zip(batch.session.tolist(), batch.heads(), strict=True):
            if self.on and not head.last:
                camera, _ = batch.sessions[session]
                self.lags_ms[camera].append((time.time_ns() // 1000 - head.captured_at_us) / 1000)
                self.dropped[camera] += head.dropped
        return rows


@contextmanager
def watching(url: str, cameras: int) -> Iterator[None]:
    """Somebody looks at the live pictures of so many cameras, each in a process of its own."""
    viewers = [
        subprocess.Popen([sys.executable, "-c", VIEWER, f"{url}/v1/live/c{i:02}.mjpg"], stderr=subprocess.DEVNULL)
        for i in range(cameras)
    ]
    try:
        yield
    finally:
        for viewer in viewers:
            viewer.terminate()
            viewer.wait(10)


@contextmanager
def running(cameras: int, fps: float, folder: Path) -> Iterator[tuple[Any, Any, Watch, int]]:
    """A service whose cameras are all live, its detector, what watches its counting, and the RTSP server's id."""
    from aforo.config.site import SiteConfiguration
    from app.assemble import open_detector
    from app.site_process import Service

    with rtsp_server(folder) as (port, server_pid), tempfile.TemporaryDirectory() as store:
        site = SiteConfiguration.model_validate(
            {
                "cameras": [
                    {
                        "id": f"c{i:02}",
                        "source": f"rtsp://127.0.0.1:{port}/clip.mp4?play_count=0",
                        "analyse_fps": fps,
                        "lines": [{"id": f"line-{i}", "points": [[0.44, 0.2], [0.44, 1.0]]}],
                    }
                    for i in range(cameras)
                ],
                "store": f"sqlite:///{store}/counts.db",
                "api": {"port": 0},
            }
        )
        detector = open_detector(site.detector)
        service = Service(site, detector)
        watch = Watch(service._counting._counter)
        service._counting._counter = watch
        service.start()
        try:
            _wait_until_live(service, cameras)
            yield service, detector, watch, server_pid
        finally:
            service.stop()


def run(cameras: int, watched: int, fps: float, minutes: float, folder: Path) -> dict[str, Any]:
    """Run that many cameras, so many of them watched, and report."""
    with (
        running(cameras, fps, folder) as (service, detector, watch, server_pid),
        watching(service.url, watched),
    ):
        began, before, server_before = time.perf_counter(), cpu_by_kind(), _cpu_of(server_pid)
        own_before, watch.on = time.process_time(), True
        memory = [memory_mb()]
        while time.perf_counter() - began < 60 * minutes:
            time.sleep(min(SAMPLE_EVERY_S, 60 * minutes))
            memory.append(memory_mb())
        watch.on = False
        seconds = time.perf_counter() - began
        own_s, spent = time.process_time() - own_before, cpu_by_kind() - before
        server_s = _cpu_of(server_pid) - server_before
    rates = [len(watch.lags_ms[camera.id]) / seconds for camera in service.site.cameras]
    lags = [lag for each in watch.lags_ms.values() for lag in each]
    total = sum(spent.values()) or 1.0
    return {
        "cameras": cameras,
        "watched": watched,
        "detector": detector.description,
        "seconds": round(seconds),
        "wanted_fps": fps,
        "fps_least_median_most": [round(f(rates), 2) for f in (min, statistics.median, max)],
        "within_10_percent": sum(rate >= 0.9 * fps for rate in rates),
        "lag_ms": percentiles(lags) if len(lags) > 1 else {},
        "dropped_per_camera_and_s": round(sum(watch.dropped.values()) / seconds / cameras, 2),
        "cores_used": round(own_s / seconds, 3),
        "cores_used_by_server": round(server_s / seconds, 3),
        "cpu_ms_per_analysed_frame": round(1000 * own_s / max(1, len(lags)), 2),
        "cpu_shares": {kind: round(part / total, 3) for kind, part in spent.most_common()},
        "memory_mb_first_middle_last": [round(memory[i]) for i in (0, len(memory) // 2, -1)],
    }


def watching_rounds(fps: float, minutes: float, rounds: int, folder: Path) -> dict[str, Any]:
    """What somebody who watches one camera costs: nobody and somebody in turn, in one process."""
    spent_ms: dict[int, list[float]] = {0: [], 1: []}
    kinds: dict[int, list[Counter[str]]] = {0: [], 1: []}
    with running(1, fps, folder) as (service, _, watch, _):
        for watched in (0, 1) * rounds:
            with watching(service.url, watched):
                time.sleep(SETTLE_S)
                watch.lags_ms.clear()
                own_before, before, watch.on = time.process_time(), cpu_by_kind(), True
                time.sleep(60 * minutes)
                watch.on = False
                own_s, by_kind = time.process_time() - own_before, cpu_by_kind() - before
            frames = max(1, sum(map(len, watch.lags_ms.values())))
            spent_ms[watched].append(1000 * own_s / frames)
            kinds[watched].append(Counter({kind: 1000 * part / frames for kind, part in by_kind.items()}))
    ratios = [somebody / nobody for nobody, somebody in zip(spent_ms[0], spent_ms[1], strict=True)]
    return {
        "cpu_ms_per_frame_nobody_watches": round(statistics.median(spent_ms[0]), 2),
        "cpu_ms_per_frame_somebody_watches": round(statistics.median(spent_ms[1]), 2),
        "ratio_least_median_most": [round(f(ratios), 3) for f in (min, statistics.median, max)],
        "cpu_ms_per_frame_by_kind": {
            kind: [round(statistics.median(each[kind] for each in kinds[watched]), 2) for watched in (0, 1)]
            for kind in sorted(kinds[1][0])
        },
    }


def _wait_until_live(service: Any, cameras: int) -> None:
    deadline = time.perf_counter() + LONGEST_START_S
    while sum(status.state == "live" for status in service.statuses()) < cameras:
        if time.perf_counter() > deadline:
            sys.exit(f"not all cameras were there after {LONGEST_START_S:g} s: {service.statuses()}")
        time.sleep(0.5)
    time.sleep(WARM_UP_S)


def _cpu_of(pid: int) -> float:
    return cpu_s(Path(f"/proc/{pid}/stat").read_text())


def main() -> None:
    """Parse the options and run."""
    from app.assets import manifest
    from detect.openvino.precision_choice import machine

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cameras", type=int, nargs="+", default=[16])
    options.add_argument("--watched", type=int, nargs="+", default=[0], help="how many of them somebody looks at")
    options.add_argument(
        "--viewer-rounds", type=int, default=0, help="one camera, watched by nobody and somebody in turn"
    )
    options.add_argument("--fps", type=float, default=5.0)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--video", default="")
    options.add_argument("--json", default="")
    given = options.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        make_clip(given.video or str(manifest.fetch("vtest")), Path(folder) / "clip.mp4")
        print(machine())
        if given.viewer_rounds:
            print(json.dumps(watching_rounds(given.fps, given.minutes, given.viewer_rounds, Path(folder)), indent=1))
            return
        viewers = itertools.chain(given.watched, itertools.repeat(given.watched[-1]))
        for cameras, watched in zip(given.cameras, viewers, strict=False):
            results.append(run(cameras, watched, given.fps, given.minutes, Path(folder)))
            print(json.dumps(results[-1], indent=1))
    if len(results) > 1:
        first = results[0]["cpu_ms_per_analysed_frame"]
        for result in results:
            ratio = result["cpu_ms_per_analysed_frame"] / first
            print(
                f"{result['cameras']:3} cameras, {result['watched']} watched: {result['cores_used']:.2f} cores, "
                f"CPU per analysed frame × {ratio:.2f}"
            )
    if given.json:
        Path(given.json).write_text(json.dumps({"machine": machine(), "runs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
