"""The hub: pictures are drawn and encoded only for those who watch, once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from aforo.camera_state import CameraState, CameraStatus
from aforo.clock import ManualClock
from aforo.config.site import SiteConfiguration
from aforo.errors import NotFoundError, SourceError
from aforo.model import Box, Crossing, Frame, Image, Rows, TrackedFrame, TrackedObject
from api.live.hub import CROSSINGS_KEPT, LiveHub

SITE = SiteConfiguration.model_validate(
    {
        "cameras": [
            {
                "id": "north",
                "source": "rtsp://user:secret@10.0.0.5/stream",
                "lines": [{"id": "l", "points": [[0.5, 0.1], [0.5, 0.9]]}],
                "zones": [{"id": "z", "polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]]}],
            },
            {"id": "south", "source": "0"},
        ]
    }
).domain()


class CountingEncoder:
    """Makes the shade of the lower right corner the picture's bytes, and counts its calls."""

    def __init__(self) -> None:
        self.pictures: list[Image] = []

    def __call__(self, image: Image) -> bytes:
        self.pictures.append(image)
        return str(image[-1, -1, 0]).encode()


class World:
    def __init__(self) -> None:
        self.clock = ManualClock(1_000_000_000)
        self.encoder = CountingEncoder()
        self.hub = LiveHub(SITE, self.clock, encode=self.encoder)

    def publish(self, shade: int, camera: str = "north", *, width: int = 320) -> None:
        image = np.full((240, width, 3), shade, np.uint8)
        seen = TrackedObject(1, Box(0.2, 0.2, 0.4, 0.4), "car", 0.9)
        self.hub.publish(
            Frame(camera, "s", shade, shade * 100_000, image),
            TrackedFrame(camera, "s", shade, shade * 100_000, 100_000, width, 240, (seen,)),
        )

    def watch(self, camera: str = "north", width: int | None = None) -> AsyncGenerator[bytes, None]:
        return self.hub.watch(camera, width, "en").pictures()


@pytest.fixture
def world() -> World:
    return World()


async def picture(viewer: AsyncGenerator[bytes, None], shade: int) -> None:
    """Wait until the viewer is sent the picture of that shade."""
    async with asyncio.timeout(8):
        async for jpeg in viewer:
            if jpeg == str(shade).encode():
                return


def test_nobody_watches_and_nothing_is_drawn(world: World) -> None:
    for shade in range(200):
        world.publish(shade)
    assert world.encoder.pictures == []


def test_two_watchers_share_each_picture(world: World) -> None:
    async def scenario() -> None:
        world.publish(1)
        one, two = world.watch(), world.watch()
        for shade in (1, 2, 3):
            world.publish(shade)
            await picture(one, shade)
            await picture(two, shade)
        assert len(world.encoder.pictures) == 3
        await one.aclose()
        await two.aclose()

    asyncio.run(scenario())


def test_a_slow_viewer_skips_to_the_newest_picture(world: World) -> None:
    async def scenario() -> None:
        world.publish(1)
        slow, fast = world.watch(), world.watch()
        await picture(slow, 1)
        for shade in (2, 3, 4, 5):
            world.publish(shade)
            await picture(fast, shade)
        assert await anext(slow) == b"5"
        await slow.aclose()
        await fast.aclose()

    asyncio.run(scenario())


def test_the_last_viewer_to_leave_ends_the_drawing(world: World) -> None:
    async def scenario() -> None:
        world.publish(1)
        one, two = world.watch(), world.watch()
        await picture(one, 1)
        await picture(two, 1)
        await one.aclose()
        world.publish(2)
        await picture(two, 2)
        await two.aclose()
        for shade in range(3, 30):
            world.publish(shade)
            await asyncio.sleep(0.01)
        assert len(world.encoder.pictures) == 2
        again = world.watch()
        await picture(again, 29)
        await again.aclose()
        assert len(world.encoder.pictures) == 3

    asyncio.run(scenario())


def test_other_cameras_are_not_drawn(world: World) -> None:
    async def scenario() -> None:
        world.publish(1)
        viewer = world.watch()
        await picture(viewer, 1)
        for shade in range(2, 20):
            world.publish(shade, "south")
            await asyncio.sleep(0.01)
        assert len(world.encoder.pictures) == 1
        await viewer.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize(("asked", "got"), [(160, 160), (161, 320), (None, 640), (3840, 640)])
def test_widths_are_rounded_up_so_that_viewers_share_and_never_above_the_cameras(
    world: World, asked: int | None, got: int
) -> None:
    async def scenario() -> None:
        world.publish(1, width=640)
        viewer = world.watch(width=asked)
        await picture(viewer, 1)
        await viewer.aclose()

    asyncio.run(scenario())
    assert world.encoder.pictures[0].shape == (240 * got // 640, got, 3)


def test_a_camera_that_stops_is_shown_grey_and_its_zones_as_unknown(world: World) -> None:
    async def scenario() -> None:
        world.publish(9)
        camera = SITE.cameras[0]
        assert world.hub.presence(camera) == {"z": {"car": 1}}
        viewer = world.watch()
        await picture(viewer, 9)
        world.clock.advance(60)
        await picture(viewer, 4)  # darker
        assert world.hub.presence(camera) is None
        world.publish(9)
        await picture(viewer, 9)
        await viewer.aclose()

    asyncio.run(scenario())


def test_viewers_are_told_why_they_cannot_watch() -> None:
    async def scenario() -> None:
        world = World()
        with pytest.raises(NotFoundError, match="no camera 'nowhere' here; the cameras are: north, south"):
            world.watch("nowhere")
        with pytest.raises(SourceError, match="camera south has sent no picture yet"):
            world.watch("south")
        world.publish(1)
        await picture(world.watch(), 1)

    asyncio.run(scenario())


def test_a_picture_that_cannot_be_drawn_ends_the_viewers_instead_of_hanging_them() -> None:
    def broken(_image: Image) -> bytes:
        raise ValueError("cannot")

    async def scenario() -> None:
        world = World()
        world.hub = LiveHub(SITE, world.clock, encode=broken)
        world.publish(1)
        assert [jpeg async for jpeg in world.watch()] == []

    asyncio.run(scenario())


def test_closing_the_hub_ends_every_viewer(world: World) -> None:
    async def scenario() -> None:
        world.publish(1)
        viewer = world.watch()
        await picture(viewer, 1)
        world.hub.close()
        async with asyncio.timeout(8):
            async for _ in viewer:
                pass

    asyncio.run(scenario())


def test_the_pipeline_goes_on_when_the_web_server_is_gone(world: World) -> None:
    async def scenario() -> AsyncGenerator[bytes, None]:
        world.publish(1)
        viewer = world.watch()
        await picture(viewer, 1)
        return viewer

    asyncio.run(scenario())
    world.publish(2)
    newest = world.hub.newest("north")
    assert newest is not None
    assert newest.frame.index == 2


def crossing(number: int) -> Crossing:
    return Crossing("north", "s", number, "l", 0, number, "right", "car", True, "v")


def test_readers_of_crossings_get_what_they_missed_and_are_told_of_what_is_lost(world: World) -> None:
    world.hub.publish_rows(Rows(crossings=[crossing(1), crossing(2)]))
    world.hub.publish_rows(Rows(crossings=[crossing(3)]))
    assert world.hub.crossings_since(1) == (3, [crossing(2), crossing(3)])
    assert world.hub.crossings_since(3) == (3, [])
    world.hub.publish_rows(Rows(crossings=[crossing(n) for n in range(4, CROSSINGS_KEPT + 11)]))
    total, kept = world.hub.crossings_since(3)
    assert total == CROSSINGS_KEPT + 10
    assert len(kept) == CROSSINGS_KEPT
    assert kept[0] == crossing(11)


def test_statuses_come_from_the_source(world: World) -> None:
    assert world.hub.statuses() == []
    status = CameraStatus("north", CameraState.LIVE, 1, 2, 9.5, 0, 320, 240, None)
    world.hub.set_status_source(lambda: [status])
    assert world.hub.statuses() == [status]
    assert not world.hub.has_ended(SITE.cameras[0])
    world.hub.set_status_source(lambda: [CameraStatus("north", CameraState.ENDED, 1, 2, 0, 0, 320, 240, None)])
    assert world.hub.has_ended(SITE.cameras[0])
