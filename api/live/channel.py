"""One camera's live pictures: drawn and encoded once for all who watch, and only while somebody does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

import cv2
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from aforo.config.camera import CameraSection
from aforo.model import Image
from api.drawing import FrameAnnotator

if TYPE_CHECKING:
    from api.live.hub import LiveHub
    from api.live.newest_frame import Newest

LOG = logging.getLogger(__name__)

Lang = Literal["en", "es"]

_INTERVAL_S = 1 / 15  # the eye needs no more, and a recording read at full speed would take the whole machine
_REPEAT_S = 1.0  # the last picture is sent again after this long without a new one
_STALLED_S = 30.0  # a viewer that takes nothing for this long is let go
_JPEG_QUALITY = 80


def encode_jpeg(image: Image) -> bytes:
    """The picture as JPEG."""
    _, buffer = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return bytes(buffer)


def scaled(image: Image, width_px: int) -> Image:
    """The picture in another width; the same object when it has that width."""
    while image.shape[1] >= 2 * width_px:
        image = cv2.resize(image, (image.shape[1] // 2, max(1, image.shape[0] // 2)), interpolation=cv2.INTER_AREA)
    if image.shape[1] == width_px:
        return image
    height_px = max(1, round(image.shape[0] * width_px / image.shape[1]))
    # Below a factor of two this looks like INTER_AREA, at a fifth of its cost.
    narrower: Image = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    return narrower


class Channel:
    """One camera's pictures in one size and language, drawn and encoded once for all who watch.

    Lives in the web server's event loop; only `wake` may be called from elsewhere.
    """

    def __init__(self, hub: LiveHub, camera: CameraSection, width_px: int, lang: Lang) -> None:
        self.camera = camera
        self.width_px = width_px
        self.lang = lang
        self.viewers = 0
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._sent = asyncio.Event()
        self._artist: _Artist | None = None
        self._number = 0
        self._jpeg = b""

    def wake(self) -> None:
        """There is a new frame."""
        artist = self._artist
        if artist is not None:
            artist.wake()

    async def pictures(self) -> AsyncGenerator[bytes, None]:
        """Yield JPEG pictures, always the newest, until the hub closes; the last one again while no new one comes."""
        if self.viewers == 0:
            self._number = 0
            self._artist = _Artist(self._hub, self, self._hand_over)
            self._artist.start()
            self._hub.open(self)
        self.viewers += 1
        seen = 0
        try:
            while self._artist is not None and not self._hub.closed:
                if self._number > seen:
                    seen = self._number
                    yield self._jpeg
                else:
                    await self._sent.wait()
        finally:
            self.viewers -= 1
            if self.viewers == 0:
                self._hub.leave(self)
                if self._artist is not None:
                    self._artist.stop()
                    self._artist = None

    def _hand_over(self, artist: _Artist, jpeg: bytes | None) -> None:
        """Called by the artist's thread: the loop is woken once per picture."""
        with contextlib.suppress(RuntimeError):  # the web server's loop is over; the pipeline goes on
            self._loop.call_soon_threadsafe(self._take, artist, jpeg)

    def _take(self, artist: _Artist, jpeg: bytes | None) -> None:
        if artist is not self._artist:
            return  # it was told to stop meanwhile
        if jpeg is None:
            self._artist = None
        else:
            self._jpeg = jpeg
            self._number += 1
        sent, self._sent = self._sent, asyncio.Event()
        sent.set()


class _Artist(threading.Thread):
    """Draws and encodes one channel's pictures, from its first viewer to its last.

    Args:
        hub: has the newest frame.
        channel: tells whose pictures, how wide and in which language.
        hand_over: takes each picture, and None when there will be no more.
    """

    def __init__(self, hub: LiveHub, channel: Channel, hand_over: Callable[[_Artist, bytes | None], None]) -> None:
        super().__init__(name=f"live {channel.camera.id} {channel.width_px}", daemon=True)
        self._hub = hub
        self._camera, self._width_px = channel.camera, channel.width_px
        self._annotator = FrameAnnotator(channel.camera, hub.timezone, channel.lang)
        self._hand_over = hand_over
        self._fresh = threading.Event()
        self._stopped = False

    def wake(self) -> None:
        """There is a new frame."""
        self._fresh.set()

    def stop(self) -> None:
        """Nobody watches any more."""
        self._stopped = True
        self._fresh.set()

    def run(self) -> None:
        """Draw until `stop`, or until the hub closes."""
        try:
            for jpeg in self._pictures():
                self._hand_over(self, jpeg)
        except Exception:
            LOG.exception("the live picture of camera %s cannot be drawn", self._camera.id)
        finally:
            self._hand_over(self, None)

    def _pictures(self) -> Iterator[bytes]:
        clock, jpeg = self._hub.clock, b""
        shown: tuple[Newest, bool] | None = None
        while not (self._stopped or self._hub.closed):
            begun_s = clock.monotonic_s()
            self._fresh.clear()
            newest = self._hub.newest(self._camera.id)
            if newest is not None:
                stale = self._hub.is_stale(self._camera, newest)
                if shown is None or newest is not shown[0] or stale != shown[1]:
                    jpeg = self._picture(newest, stale)
                    shown = (newest, stale)
                yield jpeg
            self._fresh.wait(_REPEAT_S)
            # The pause comes last: at the usual rates there is none, and what follows it is the newest frame.
            clock.sleep(max(0.0, begun_s + _INTERVAL_S - clock.monotonic_s()))

    def _picture(self, newest: Newest, stale: bool) -> bytes:
        image = scaled(newest.frame.image, self._width_px)
        if stale:
            return self._hub.encode(self._annotator.stale(image, newest.came_at_us, self._hub.has_ended(self._camera)))
        counts = self._hub.counts(self._camera) if self._hub.counted else None
        return self._hub.encode(self._annotator.draw(image, newest.tracked, counts))


class EndlessResponse(StreamingResponse):
    """A stream without end: its source is closed at once when the client goes away, or takes nothing any more.

    Args:
        source: what is sent.
        media_type: of the answer.
        status_code: of the answer.
    """

    def __init__(self, source: AsyncGenerator[bytes, None], media_type: str, status_code: int = 200) -> None:
        super().__init__(source, status_code, media_type=media_type, headers={"cache-control": "no-store"})
        self._source = source

    async def stream_response(self, send: Send) -> None:
        """Send until the source ends."""
        loop = asyncio.get_running_loop()
        async with aclosing(self._source):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None) as patience:

                    async def send_or_give_up(message: Message) -> None:
                        patience.reschedule(loop.time() + _STALLED_S)
                        await send(message)
                        patience.reschedule(None)

                    await super().stream_response(send_or_give_up)
