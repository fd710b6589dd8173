"""The cameras that run in this process, as the API shows them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from aforo.camera_state import CameraState, LiveCamera, Problem
from aforo.errors import SourceError
from aforo.ports import LiveVideo
from aforo.words.catalogue import Language
from api.live.channel import Channel
from api.live.event_stream import event_stream
from api.live.hub import STALLED_S, LiveHub
from api.places import Place, Places

READERS_MAX = 256
"""Readers of events at the same time."""

_BOUNDARY = b"aforo-picture"


class LocalLiveView:
    """A `LiveView` of the cameras that publish to a hub in this process.

    Args:
        hub: where their frames and counts come together.
        readers_max: readers of events at the same time.
        known_cars: tells of how many cars the sizes are kept of a camera, None where that is not known.
    """

    def __init__(
        self,
        hub: LiveHub,
        readers_max: int = READERS_MAX,
        known_cars: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._hub = hub
        self._known_cars = known_cars
        self._reading = Places(readers_max, "readers of events")

    def cameras(self) -> list[LiveCamera]:
        """How each camera is doing, in the order of the configuration."""
        statuses = {status.camera: status for status in self._hub.statuses()}
        absent = Problem.of("not-here")
        return [
            replace(LiveCamera.of(statuses[camera.id]), known_cars=self._known_cars(camera.id))
            if camera.id in statuses
            else LiveCamera(camera.id, CameraState.UNKNOWN, absent)
            for camera in self._hub.cameras()
        ]

    def faults(self) -> list[str]:
        """One sentence while no camera is live, or of none that is live anything is analysed."""
        statuses = self._hub.statuses()
        live = [status for status in statuses if status.state is CameraState.LIVE]
        if not live:
            states = ", ".join(f"{status.camera} is {status.state}" for status in statuses) or "there are no cameras"
            return [f"no camera is live: {states}"]
        if all(self._hub.stalled(status) for status in live):
            stalled = ", ".join(status.camera for status in live)
            return [f"no frame was analysed for {STALLED_S:g} s and more, though cameras are live: {stalled}"]
        return []

    async def picture(self, camera: str, width_px: int | None, lang: Language) -> bytes:
        """The newest annotated picture of a camera, as JPEG.

        Raises:
            NotFoundError: there is no such camera.
            SourceError: it has no picture.
            BusyError: there are too many viewers.
        """
        channel = self._hub.watch(camera, width_px, lang)
        with self._hub.viewing.take():
            async with aclosing(channel.pictures()) as pictures:
                async for jpeg in pictures:
                    return jpeg
        raise SourceError(f"camera {camera} has no picture now: the server is about to stop, or its log says why")

    async def video(self, camera: str, width_px: int | None, lang: Language) -> LiveVideo:
        """The live annotated video of a camera.

        Raises:
            NotFoundError: there is no such camera.
            SourceError: it has no picture yet.
            BusyError: there are too many viewers.
        """
        channel = self._hub.watch(camera, width_px, lang)
        parts = _multipart(channel, self._hub.viewing.take())
        return LiveVideo(f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}", parts)

    def events(self, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """What happens, as server-sent events.

        Raises:
            BusyError: there are too many readers.
        """
        return _in_place(event_stream(self._hub, last_event_id), self._reading.take())

    def close(self) -> None:
        """Let every endless answer end."""
        self._hub.close()


async def _multipart(channel: Channel, place: Place) -> AsyncGenerator[bytes, None]:
    """The multipart body. The boundary follows each picture at once: browsers show a picture when they see its end."""
    with place:
        yield b"--" + _BOUNDARY + b"\r\n"
        async with aclosing(channel.pictures()) as pictures:
            async for jpeg in pictures:
                head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
                yield head + jpeg + b"\r\n--" + _BOUNDARY + b"\r\n"


async def _in_place(parts: AsyncGenerator[bytes, None], place: Place) -> AsyncGenerator[bytes, None]:
    with place:
        async with aclosing(parts):
            async for part in parts:
                yield part
