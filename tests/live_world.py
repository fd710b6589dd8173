"""A small town for the tests of the live views: real store, real counting, real hub and server, painted pictures.

Only what stands before the tracker is made up: road users move over a painted street, as boxes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np

from aforo.camera_state import CameraState, CameraStatus, Problem
from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.local_time import to_us
from aforo.model import (
    MICROSECONDS,
    MINUTE_US,
    Box,
    Coverage,
    Crossing,
    Frame,
    Image,
    Rows,
    TrackedFrame,
    TrackedObject,
    TrackEnd,
)
from aforo.tracked_batch import TrackedBatch
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from api.app import create_app
from api.live.hub import LiveHub
from api.live.local_cameras import LocalLiveView
from api.live.remote_cameras import RemoteLiveView
from api.serving.server import Server, listen
from app.assemble import counting_stage

LINE = {
    "id": "stop-line",
    "name": "Acceso norte",
    "points": [[0.5, 0.95], [0.5, 0.3]],
    "directions": ["entering", "leaving"],
}
ZONE = {"id": "crossing", "name": "Paso peatonal", "polygon": [[0.62, 0.45], [0.8, 0.45], [0.84, 0.92], [0.6, 0.92]]}


def town(cameras: int = 2) -> SiteConfiguration:
    """A site whose first camera counts at a line and a zone, and the others at a line."""
    names = ["Calle 26 norte", "Carrera 50 sur"]
    return SiteConfiguration.model_validate(
        {
            "site": {"id": "cll26", "name": "Calle 26 × Carrera 50", "timezone": "America/Bogota"},
            "cameras": [
                {
                    "id": f"camera-{number}",
                    "name": names[number] if number < len(names) else "",
                    "source": "rtsp://user:hunter2@10.0.0.5/stream2",
                    "lines": [{**LINE, "id": LINE["id"] if number == 0 else f"line-{number}"}],
                    "zones": [ZONE] if number == 0 else [],
                }
                for number in range(cameras)
            ],
        }
    )


def street(width_px: int = 640, height_px: int = 360) -> Image:
    """A painted street."""
    image = np.full((height_px, width_px, 3), (96, 128, 112), np.uint8)
    cv2.rectangle(image, (0, int(height_px * 0.45)), (width_px, int(height_px * 0.92)), (92, 90, 88), -1)
    for x in range(0, width_px, 60):
        cv2.rectangle(image, (x, int(height_px * 0.68)), (x + 30, int(height_px * 0.69)), (225, 225, 225), -1)
    return image


class Town:
    """The running town.

    Args:
        folder: for its database.
        site: its cameras.
        background: what the cameras see.
        ago_us: how long before now event time runs, as in a recording.

    Attributes:
        url: of its server.
    """

    def __init__(
        self, folder: Path, site: SiteConfiguration, *, background: Image | None = None, ago_us: int = 0
    ) -> None:
        self.site = site
        self.clock = SystemClock()
        self.hub = LiveHub(site.domain(), self.clock)
        self.store = SqliteStore(folder / "counts.db")
        self.store.register(site.domain())
        self.reader = SqliteReader(folder / "counts.db")
        self.states = {camera.id: (CameraState.LIVE, None, self.clock.now_us()) for camera in site.cameras}
        self.hub.set_status_source(self.statuses)
        self._last_frame_us: dict[str, int] = {}
        self._background = background if background is not None else street()
        self._counting = counting_stage(site.cameras)
        self._ago_us = ago_us
        self._seen: set[tuple[str, int]] = set()
        self._ended = threading.Event()
        self._feeder = threading.Thread(target=self._feed, name="feeder")
        self.url = ""

    def statuses(self) -> list[CameraStatus]:
        height_px, width_px = self._background.shape[:2]
        return [
            CameraStatus(
                camera, state, since_us, self._last_frame_us.get(camera), 10.0, 0, width_px, height_px, problem
            )
            for camera, (state, problem, since_us) in self.states.items()
        ]

    def set_state(self, camera: str, state: str, problem: Problem | None = None) -> None:
        """Cameras that are not live send no frames."""
        self.states[camera] = (CameraState(state), problem, self.clock.now_us())

    def write(self, rows: Rows) -> None:
        self.store.write(rows)
        self.hub.publish_rows(rows)

    def remember_day(self, until: datetime) -> None:
        """Counts of the hours from 5 h to `until`: the eighth hour was not observed, the tenth only in part."""
        midnight = until.replace(hour=0, minute=0, second=0, microsecond=0)
        volumes = {"pedestrian": 9, "cyclist": 4, "motorcyclist": 11, "car": 30, "bus": 3, "truck": 2}
        for camera in self.site.domain().cameras:
            rows, track = Rows(), 0
            line = camera.lines[0]
            for minute in range(5 * 60, until.hour * 60 + until.minute):
                hour = minute // 60
                if hour == 8 or (hour == 10 and minute % 60 > 25):
                    continue
                start_us = to_us(midnight) + minute * MINUTE_US
                rows.coverage.append(Coverage(camera.id, "past", start_us, MINUTE_US, 600, 0))
                weight = 1 + np.sin((hour - 5) / 14 * np.pi) * 2
                for road_user, hourly in volumes.items():
                    for _ in range(int(hourly * weight * (minute % 7 + 1) / 4 / 60 + (minute * 7 % 11) / 11)):
                        track += 1
                        rows.crossings.append(
                            Crossing(
                                camera.id,
                                "past",
                                track,
                                line.id,
                                0,
                                start_us + track % 60 * MICROSECONDS,
                                line.direction_names[track % 3 == 0],
                                road_user,
                                True,
                                line.version,
                            )
                        )
            self.write(rows)

    def _feed(self) -> None:
        index = 0
        while not self._ended.wait(0.1):
            now_us = self.clock.now_us() - self._ago_us
            for camera, (state, _, _) in list(self.states.items()):
                if state == "live":
                    self._last_frame_us[camera] = now_us
                    self._publish(camera, index, now_us)
            index += 1

    def _publish(self, camera: str, index: int, now_us: int) -> None:
        height_px, width_px = self._background.shape[:2]
        objects, ended = [], []
        lanes = (
            ("car", 120, 0.14, 0.14),
            ("pedestrian", 200, 0.03, 0.2),
            ("bus", 320, 0.2, 0.24),
            ("cyclist", 150, 0.05, 0.17),
        )
        for lane, (road_user, period, width, height) in enumerate(lanes):
            step, lap = index * (1 if lane % 2 else 2) % period, index * (1 if lane % 2 else 2) // period
            track_id = lap * len(lanes) + lane + 1
            if step < 2 and lap:
                ended.append(TrackEnd(track_id - len(lanes), road_user))
            share = step / period
            x = share if lane % 2 else 1 - share
            bottom = 0.56 + 0.1 * lane
            x1 = x * (1 - width)
            box = Box(x1, bottom - height, x1 + width, bottom)
            objects.append(TrackedObject(track_id, box, road_user, 0.8, (camera, track_id) not in self._seen))
            self._seen.add((camera, track_id))
        image = self._background.copy()
        for seen in objects:
            corners = (seen.box.x1 * width_px, seen.box.y1 * height_px, seen.box.x2 * width_px, seen.box.y2 * height_px)
            x1_px, y1_px, x2_px, y2_px = (round(value) for value in corners)
            cv2.rectangle(image, (x1_px + 4, y1_px + 4), (x2_px - 4, y2_px), (60, 60, 70), -1)
        tracked = TrackedFrame(camera, "now", index, now_us, 100_000, width_px, height_px, tuple(objects), tuple(ended))
        self.hub.publish(Frame(camera, "now", index, now_us, image), tracked)
        rows = self._counting.add(TrackedBatch.of([tracked]))
        if rows:
            self.write(rows)

    @contextmanager
    def running(self, *, counts_only: bool = False) -> Iterator[Town]:
        """Serve; counts only: as a server that runs no cameras itself."""
        live = RemoteLiveView(self.site.domain(), self.reader, self.clock) if counts_only else LocalLiveView(self.hub)
        app = create_app(site=self.site.domain(), reader=self.reader, live=live, clock=self.clock)
        with listen("127.0.0.1", 0) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            server = Server(app, live)
            web = threading.Thread(target=server.run, args=([listener],), name="web")
            self._feeder.start()
            web.start()
            try:
                yield self
            finally:
                server.should_exit = True
                web.join()
                self._ended.set()
                self._feeder.join()
                self.reader.close()
                self.store.close()
