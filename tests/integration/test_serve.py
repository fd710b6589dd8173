"""The API from the store alone: live pictures come from the worker that has registered them, and from nowhere else."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from integration.api_server import serving

from aforo.camera_state import LiveEndpoint
from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.local_time import local_time
from aforo.model import MINUTE_US, Coverage, Frame, Rows, TrackedFrame
from aforo.ports import CountStore
from api.app import create_app
from api.live.remote_cameras import RemoteLiveView
from app import assemble
from app.worker_live_server import WorkerLiveServer

CLOCK = SystemClock()


@pytest.fixture
def site(tmp_path: Path) -> SiteConfiguration:
    return SiteConfiguration.model_validate(
        {
            "cameras": [{"id": "north", "source": "north.mp4"}, {"id": "south", "source": "south.mp4"}],
            "store": f"sqlite:///{tmp_path}/counts.db",
            "api": {"port": 0},
        }
    )


@pytest.fixture
def store(site: SiteConfiguration) -> Iterator[CountStore]:
    with assemble.open_store(site) as opened:
        yield opened


@pytest.fixture
def client(site: SiteConfiguration, store: CountStore) -> Iterator[httpx.Client]:
    reader = assemble.open_reader(site)
    live = RemoteLiveView(site.domain(), reader, CLOCK)
    with serving(create_app(site=site.domain(), reader=reader, live=live, clock=CLOCK)) as opened:
        yield opened
        live.close()
    reader.close()


def show(live_server: WorkerLiveServer) -> None:
    now_us = CLOCK.now_us()
    image = np.full((120, 160, 3), 99, dtype=np.uint8)
    live_server.publish(Frame("north", "s", 0, now_us, image), TrackedFrame("north", "s", 0, now_us, 0, 160, 120))


@pytest.fixture
def live_server(site: SiteConfiguration, store: CountStore) -> Iterator[WorkerLiveServer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # Not auto: the host name of a machine need not lead back to it; its loopback address does.
    api = site.api.model_copy(update={"port": port, "announce": f"http://127.0.0.1:{port}"})
    opened = WorkerLiveServer(site.model_copy(update={"api": api}), CLOCK)
    opened.start()
    show(opened)
    yield opened
    opened.stop()


def wait_for_registration(site: SiteConfiguration) -> None:
    reader = assemble.open_reader(site)
    while not reader.live_endpoints():
        time.sleep(0.05)
    reader.close()


def test_pictures_and_video_of_a_worker_are_handed_on(
    site: SiteConfiguration, client: httpx.Client, live_server: WorkerLiveServer
) -> None:
    wait_for_registration(site)
    picture = client.get("/v1/live/north.jpg", params={"width": 160, "lang": "es"})
    assert picture.status_code == 200
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    with client.stream("GET", "/v1/live/north.mjpg") as video:
        assert video.headers["content-type"].startswith("multipart/x-mixed-replace")
        seen, parts = b"", video.iter_bytes()
        while b"\xff\xd9\r\n--" not in seen:  # a whole picture, and the boundary behind it
            seen += next(parts)
    assert b"content-type: image/jpeg" in seen.lower()


def test_a_camera_that_no_worker_shows_is_told(
    site: SiteConfiguration, client: httpx.Client, live_server: WorkerLiveServer
) -> None:
    wait_for_registration(site)
    for path in ("south.jpg", "south.mjpg", "nowhere.jpg"):
        answer = client.get(f"/v1/live/{path}")
        assert answer.status_code == 503
        assert "no worker shows it" in answer.json()["error"]


def states(client: httpx.Client) -> list[tuple[str, str]]:
    return [(camera["state"], camera["reason"]) for camera in client.get("/v1/cameras").json()["cameras"]]


def test_a_camera_that_a_worker_shows_is_live_and_others_are_unknown(
    site: SiteConfiguration, client: httpx.Client, live_server: WorkerLiveServer
) -> None:
    wait_for_registration(site)
    (state, reason), (other, why) = states(client)
    assert (state, reason) == ("live", "")
    assert other == "unknown"
    assert "no worker shows it" in why


def test_a_camera_that_was_counted_lately_is_live_without_pictures(client: httpx.Client, store: CountStore) -> None:
    minute_us = CLOCK.now_us() // MINUTE_US * MINUTE_US
    store.write(Rows(coverage=[Coverage("north", "s", minute_us - MINUTE_US, MINUTE_US, 600, 0)]))
    store.announce([LiveEndpoint("south", "http://127.0.0.1:1", CLOCK.now_us() - 120_000_000)])
    (state, reason), (silent, why) = states(client)
    assert state == "live"
    assert "api.announce" in reason
    assert silent == "unknown"
    assert "no worker has shown it since" in why


def test_a_camera_that_is_shown_and_not_counted_is_told_and_since_when(tmp_path: Path) -> None:
    """Of a recording nothing can be told: the times of its counts are not those of now."""
    now_us = CLOCK.now_us() // MINUTE_US * MINUTE_US
    counted_us = {
        "counted": now_us - MINUTE_US,
        "stopped": now_us - 150 * MINUTE_US,
        "long-ago": now_us - 3000 * MINUTE_US,
    }
    names = [*counted_us, "never", "recording", "gone"]
    document = {
        "cameras": [
            {"id": name, "source": "north.mp4" if name == "recording" else "rtsp://10.0.0.5/1"} for name in names
        ],
        "store": f"sqlite:///{tmp_path}/counts.db",
    }
    site = SiteConfiguration.model_validate(document)
    with assemble.open_store(site) as store, closing(assemble.open_reader(site)) as reader:
        for name, at_us in counted_us.items():
            shares = [Coverage(name, "s", at_us - back * MINUTE_US, MINUTE_US, 600, 0) for back in range(90)]
            store.write(Rows(coverage=shares))
        store.announce([LiveEndpoint(name, "http://127.0.0.1:1", CLOCK.now_us()) for name in names if name != "gone"])
        store.refresh(now_us - 6000 * MINUTE_US, now_us + MINUTE_US)
        seen = {camera.camera: camera for camera in RemoteLiveView(site.domain(), reader, CLOCK).cameras()}
    problems = {name: None if camera.problem is None else camera.problem.code for name, camera in seen.items()}
    assert problems == {
        "counted": None,
        "stopped": "not-counted",
        "long-ago": "never-counted",
        "never": "never-counted",
        "recording": None,
        "gone": "no-worker",
    }
    assert {name for name, camera in seen.items() if camera.state == "live"} == set(names) - {"gone"}
    since = local_time(counted_us["stopped"] + MINUTE_US, site.timezone).isoformat(timespec="seconds")
    assert f"nothing of it was stored since {since}; see that an aggregator runs" in str(seen["stopped"].problem)


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254", "http://8.8.8.8", "https://127.0.0.1", "http://0.0.0.0:80", "file:///etc/passwd"],
)
def test_addresses_outside_of_the_private_network_are_not_asked(
    client: httpx.Client, store: CountStore, url: str
) -> None:
    store.announce([LiveEndpoint("north", url, CLOCK.now_us())])
    answer = client.get("/v1/live/north.jpg")
    assert answer.status_code == 503
    assert "outside of the private network" in answer.json()["error"] or "does not answer" in answer.json()["error"]


def test_a_worker_that_is_gone_or_silent_for_long_is_told(client: httpx.Client, store: CountStore) -> None:
    store.announce([LiveEndpoint("north", "http://127.0.0.1:1", CLOCK.now_us())])
    assert "does not answer" in client.get("/v1/live/north.jpg").json()["error"]
    store.announce([LiveEndpoint("south", "http://127.0.0.1:1", CLOCK.now_us() - 120_000_000)])
    assert "no worker shows it" in client.get("/v1/live/south.jpg").json()["error"]


def test_the_command_serves_until_it_is_asked_to_end(site: SiteConfiguration, tmp_path: Path) -> None:
    config = tmp_path / "site.yaml"
    config.write_text(yaml.safe_dump({"store": site.store.reveal(), "cameras": []}))
    command = [sys.executable, "-m", "app.cli.main", "serve", "-c", str(config), "--port", "0"]
    environment = {**os.environ, "COLUMNS": "200"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        url = line.split("page: ")[1].split(";")[0].strip()
        answer = httpx.get(f"{url}/readyz")
        while answer.status_code != 200:  # it listens before it answers
            answer = httpx.get(f"{url}/readyz")
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        assert process.wait(20) in (0, -signal.SIGTERM)
