"""What every live view must do: cameras of this process, and cameras that a worker shows over loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from aforo.camera_state import CameraState, CameraStatus, LiveEndpoint
from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.errors import AforoError, BusyError, SourceError
from aforo.model import Frame, TrackedFrame
from aforo.ports import LiveVideo, LiveView
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from api.app import create_app
from api.live.hub import LiveHub
from api.live.local_cameras import LocalLiveView
from api.live.remote_cameras import RemoteLiveView
from api.serving.server import Server, base_url, listen

CLOCK = SystemClock()
SITE = SiteConfiguration.model_validate(
    {"cameras": [{"id": "north", "source": "north.mp4"}, {"id": "south", "source": "south.mp4"}]}
).domain()


@dataclass
class World:
    """A live view, and the hub at which its cameras' frames arrive."""

    view: LiveView
    hub: LiveHub


def status(camera: str, state: CameraState) -> CameraStatus:
    return CameraStatus(camera, state, CLOCK.now_us(), CLOCK.now_us(), 10.0, 0, 640, 360, None)


def hub_with_a_picture_of_north() -> LiveHub:
    hub = LiveHub(SITE, CLOCK, viewers_max=2)
    hub.set_status_source(lambda: [status("north", CameraState.LIVE), status("south", CameraState.OFFLINE)])
    now_us = CLOCK.now_us()
    image = np.full((360, 640, 3), 99, np.uint8)
    hub.publish(Frame("north", "s", 0, now_us, image), TrackedFrame("north", "s", 0, now_us, 0, 640, 360))
    return hub


@contextmanager
def local(_folder: Path) -> Iterator[World]:
    hub = hub_with_a_picture_of_north()
    yield World(LocalLiveView(hub), hub)


@contextmanager
def remote(folder: Path) -> Iterator[World]:
    """The same hub behind a worker's server, whose address is in the store."""
    hub = hub_with_a_picture_of_north()
    shown = LocalLiveView(hub)
    with ExitStack() as stack:
        store = stack.enter_context(SqliteStore(folder / "counts.db"))
        reader = SqliteReader(folder / "counts.db")
        stack.callback(reader.close)
        listener = stack.enter_context(listen("127.0.0.1", 0))
        server = Server(create_app(site=SITE, reader=reader, live=shown, clock=CLOCK), shown)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        stack.callback(thread.join)
        stack.callback(setattr, server, "should_exit", True)
        store.announce([LiveEndpoint("north", base_url(listener), CLOCK.now_us())])
        yield World(RemoteLiveView(SITE, reader, CLOCK), hub)


@pytest.fixture(params=[local, remote], ids=["local", "remote"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with request.param(tmp_path) as opened:
        yield opened


async def first_jpeg(video: LiveVideo) -> bytes:
    """The first picture of a motion JPEG body."""
    body = b""
    async for part in video.parts:
        body += part
        if b"\xff\xd9\r\n--" in body:
            return body[body.index(b"\xff\xd8") : body.index(b"\xff\xd9") + 2]
    raise AssertionError("the video ended before its first picture")


async def until_nobody_watches(hub: LiveHub) -> None:
    async with asyncio.timeout(20):
        while hub.viewers:
            await asyncio.sleep(0.02)


def test_every_camera_of_the_site_has_a_state_in_the_order_of_the_configuration(world: World) -> None:
    north, south = world.view.cameras()
    assert (north.camera, north.state, north.problem) == ("north", CameraState.LIVE, None)
    assert south.camera == "south"
    assert south.state is not CameraState.LIVE


def test_a_process_that_runs_cameras_tells_how_many_cars_are_known_of_each() -> None:
    view = LocalLiveView(hub_with_a_picture_of_north(), known_cars={"north": 12, "south": 0}.get)
    assert [camera.known_cars for camera in view.cameras()] == [12, 0]


def test_a_process_with_a_live_camera_or_none_of_its_own_has_no_faults(world: World) -> None:
    assert world.view.faults() == []


def test_a_picture_is_a_jpeg_of_the_width_asked_for(world: World) -> None:
    jpeg = asyncio.run(world.view.picture("north", 320, "es"))
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (180, 320, 3)
    own_width = asyncio.run(world.view.picture("north", None, "en"))
    assert cv2.imdecode(np.frombuffer(own_width, np.uint8), cv2.IMREAD_COLOR).shape == (360, 640, 3)


def test_a_video_is_motion_jpeg_and_its_place_is_free_again_when_the_viewer_leaves(world: World) -> None:
    async def watch() -> bytes:
        video = await world.view.video("north", 160, "en")
        assert video.media_type.startswith("multipart/x-mixed-replace; boundary=")
        async with aclosing(video.parts):
            jpeg = await first_jpeg(video)
            assert world.hub.viewers == 1
        await until_nobody_watches(world.hub)
        return jpeg

    jpeg = asyncio.run(watch())
    assert cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape == (90, 160, 3)


@pytest.mark.parametrize("begun", [True, False], ids=["begun", "not begun"])
def test_one_viewer_too_many_is_told_and_every_place_is_free_again(world: World, begun: bool) -> None:
    """Also places of videos of which nobody took a byte, as of clients that left before."""

    async def crowd() -> None:
        videos = [await world.view.video("north", None, "en") for _ in range(2)]
        if begun:
            for video in videos:
                await first_jpeg(video)
        for ask in (world.view.video, world.view.picture):
            with pytest.raises(BusyError, match="viewers") as refused:
                await ask("north", None, "en")
            assert refused.value.retry_s > 0
        for video in videos:
            await video.parts.aclose()
        del video, videos
        async with asyncio.timeout(20):
            while True:
                try:
                    await (await world.view.video("north", None, "en")).parts.aclose()
                except BusyError:  # the worker notices a little later
                    await asyncio.sleep(0.05)
                else:
                    break
        await until_nobody_watches(world.hub)

    asyncio.run(crowd())


def test_readers_of_events_have_places_of_their_own() -> None:
    view = LocalLiveView(hub_with_a_picture_of_north(), readers_max=3)
    readers = [view.events(None) for _ in range(3)]
    with pytest.raises(BusyError, match="all 3 places for readers of events are taken"):
        view.events(None)

    async def read(reader: AsyncGenerator[bytes, None]) -> None:
        await anext(reader)
        await reader.aclose()

    asyncio.run(read(readers.pop()))
    view.events(None)  # of which nobody takes anything
    readers.append(view.events(None))
    with pytest.raises(BusyError):
        view.events(None)


@pytest.mark.parametrize("camera", ["south", "nowhere", "../north"])
def test_a_camera_without_a_picture_and_one_that_does_not_exist_are_told(world: World, camera: str) -> None:
    for ask in (world.view.picture, world.view.video):
        with pytest.raises(AforoError, match=camera):
            asyncio.run(ask(camera, None, "en"))


def test_closing_ends_the_videos(world: World) -> None:
    async def watch() -> None:
        video = await world.view.video("north", None, "en")
        await first_jpeg(video)
        world.view.close()
        async with asyncio.timeout(20):
            async for _ in video.parts:
                pass

    asyncio.run(watch())


def test_events_come_or_are_refused_at_once(world: World) -> None:
    async def first_event(view: LiveView) -> bytes:
        async with aclosing(view.events(None)) as events:
            return await anext(events)

    if isinstance(world.view, LocalLiveView):
        assert asyncio.run(first_event(world.view)).startswith(b"retry:")
    else:
        with pytest.raises(SourceError, match="no cameras run in this process"):
            world.view.events(None)
