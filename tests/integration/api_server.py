"""A real server for the tests of the API: one site, a real database, the product's own application."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
from fastapi import FastAPI

from aforo.camera_state import CameraState, CameraStatus, Problem
from aforo.clock import ManualClock
from aforo.config.site import SiteConfiguration
from aforo.local_time import to_us
from aforo.model import MINUTE_US, Coverage, Crossing, Movement, Rows, Visit
from aforo.ports import Clock, LiveView
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from api.app import create_app
from api.live.hub import LiveHub
from api.live.local_cameras import LocalLiveView
from api.live.remote_cameras import RemoteLiveView
from api.serving.server import Server, base_url, listen

WRITING = {"x-aforo-request": "1"}
"""What a program sends with requests that write."""

TIMEZONE = "America/Bogota"
SITE = SiteConfiguration.model_validate(
    {
        "site": {"id": "cll26", "name": "Calle 26 × Carrera 50", "timezone": TIMEZONE},
        "cameras": [
            {
                "id": "north",
                "name": "Norte",
                "source": "rtsp://user:hunter2@10.0.0.5/stream2",
                "lines": [
                    {"id": "stop", "name": "Acceso", "points": [[0.1, 0.5], [0.9, 0.5]], "directions": ["in", "out"]},
                    {"id": "bare", "points": [[0.5, 0.1], [0.5, 0.9]]},
                ],
                "zones": [{"id": "crossing", "polygon": [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]}],
                "movements": [{"id": "through", "from": {"line": "stop"}, "to": {"zone": "crossing"}}],
            },
            {
                "id": "south",
                "source": "south.mp4",
                "lines": [{"id": "far", "points": [[0.1, 0.5], [0.9, 0.5]]}],
            },
        ],
    }
)


def at(text: str) -> int:
    """An instant, local to the site."""
    return to_us(datetime.fromisoformat(text).replace(tzinfo=SITE.timezone))


NOW_US = at("2025-05-06T10:30:00")
SEVEN_US = at("2025-05-06T07:00:00")


def sample_rows() -> Rows:
    """Camera north on one morning: 7 to 8 whole, 8 to 9 half, then nothing; camera south never."""
    crossings = [
        Crossing("north", "s", track, "stop", 0, SEVEN_US + track * MINUTE_US, direction, road_user, True, "v", 0.9)
        for track, (direction, road_user) in enumerate([("in", "car")] * 3 + [("out", "cyclist")] * 2)
    ]
    crossings.append(Crossing("north", "s", 9, "stop", 0, SEVEN_US + 70 * MINUTE_US, "in", "car", False, "v"))
    visits = [Visit("north", "s", 1, "crossing", 0, SEVEN_US, SEVEN_US + 5, "pedestrian", True, "v")]
    movements = [Movement("north", "s", 1, "through", 0, SEVEN_US, SEVEN_US + 5, "car", True, "v")]
    coverage = [Coverage("north", "s", SEVEN_US + k * MINUTE_US, MINUTE_US, 600, 1) for k in range(90)]
    return Rows(crossings, visits, movements, coverage)


@dataclass
class Cameras:
    """Cameras whose states a test sets, in the place of sources that report to the hub."""

    states: dict[str, str]

    def statuses(self) -> list[CameraStatus]:
        return [
            CameraStatus(
                camera=camera,
                state=CameraState(state),
                since_us=SEVEN_US,
                last_frame_us=NOW_US - 2_500_000 if state == "live" else None,
                fps=9.876,
                dropped=4,
                width_px=1280 if state == "live" else 0,
                height_px=720 if state == "live" else 0,
                problem=None if state == "live" else Problem.of("no-picture", 20),
            )
            for camera, state in self.states.items()
        ]


def application(reader: SqliteReader, cameras: Cameras | None = None, site: SiteConfiguration = SITE) -> FastAPI:
    """The application as `aforo run` makes it over these cameras; without cameras, as `aforo serve` does."""
    clock = ManualClock(NOW_US)
    return create_app(
        site=site.domain(),
        reader=reader,
        live=live_view(site, reader, clock, cameras),
        clock=clock,
        allowed_hosts=site.api.allowed_hosts,
    )


def live_view(site: SiteConfiguration, reader: SqliteReader, clock: Clock, cameras: Cameras | None) -> LiveView:
    if cameras is None:
        return RemoteLiveView(site.domain(), reader, clock)
    hub = LiveHub(site.domain(), clock)
    hub.set_status_source(cameras.statuses)
    return LocalLiveView(hub)


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """The application on a free port of 127.0.0.1, and a client for it that may write."""
    with listen("127.0.0.1", 0) as listener:
        server = Server(app, app.state.context.live)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            with httpx.Client(base_url=base_url(listener), headers=WRITING, timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def sample_server(folder: Path, cameras: Cameras | None = None) -> Iterator[httpx.Client]:
    """A server over the sample rows."""
    path = folder / "counts.db"
    with SqliteStore(path) as store:
        store.register(SITE.domain())
        store.write(sample_rows())
    reader = SqliteReader(path)
    try:
        with serving(application(reader, cameras)) as client:
            yield client
    finally:
        reader.close()
