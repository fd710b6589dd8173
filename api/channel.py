"""One camera's live pictures: drawn and encoded once for all who watch, and only while somebody does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

import cv2
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from aforo.config import CameraSection
from aforo.model import Image
from api.annotate import FrameAnnotator

if TYPE_CHECKING:
    from api.live import LiveHub, Newest

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
        self._fresh = asyncio.Event()
        self._sent = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._number = 0
        self._jpeg = b""

    def wake(self) -> None:
        """There is a new frame."""
        with contextlib.suppress(RuntimeError):  # the web server's loop is over; the pipeline goes on
            self._loop.call_soon_threadsafe(self._fresh.set)

    async def pictures(self) -> AsyncGenerator[bytes, None]:
        """Yield JPEG pictures, always the newest, until the hub closes; the last one again while no new one comes."""
        if self.viewers == 0:
            self._number = 0
            self._hub.open(self)
            self._work = asyncio.create_task(self._encode(), name=f"live {self.camera.id} {self.width_px}")
        self.viewers += 1
        work, seen = self._work, 0
        try:
            while not self._hub.closed and work is not None:
                if self._number > seen:
                    seen = self._number
                    yield self._jpeg
                elif work.done():
                    break
                else:
                    await self._sent.wait()
        finally:
            self.viewers -= 1
            if self.viewers == 0:
                self._hub.leave(self)
                if work is not None:
                    work.cancel()

    async def _encode(self) -> None:
        annotator = FrameAnnotator(self.camera, self._hub.timezone, self.lang)
        shown: tuple[Newest, bool] | None = None
        try:
            while not self._hub.closed:
                self._fresh.clear()
                newest = self._hub.newest(self.camera.id)
                if newest is not None:
                    stale = self._hub.is_stale(self.camera, newest)
                    if shown is None or newest is not shown[0] or stale != shown[1]:
                        self._jpeg = await asyncio.to_thread(self._picture, annotator, newest, stale)
                        shown = (newest, stale)
                    self._number += 1
                    self._wake_viewers()
                await asyncio.sleep(_INTERVAL_S)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._fresh.wait(), _REPEAT_S)
        except Exception:
            LOG.exception("the live picture of camera %s cannot be drawn", self.camera.id)
        finally:
            self._wake_viewers()

    def _wake_viewers(self) -> None:
        sent, self._sent = self._sent, asyncio.Event()
        sent.set()

    def _picture(self, annotator: FrameAnnotator, newest: Newest, stale: bool) -> bytes:
        image = newest.frame.image
        if image.shape[1] != self.width_px:
            height_px = max(1, round(image.shape[0] * self.width_px / image.shape[1]))
            image = cv2.resize(image, (self.width_px, height_px), interpolation=cv2.INTER_AREA)
        if stale:
            return self._hub.encode(annotator.stale(image, newest.came_at_us, self._hub.has_ended(self.camera)))
        return self._hub.encode(annotator.draw(image, newest.tracked, self._hub.counts(self.camera)))


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

        async def send_or_give_up(message: Message) -> None:
            async with asyncio.timeout(_STALLED_S):
                await send(message)

        async with aclosing(self._source):
            with contextlib.suppress(TimeoutError):
                await super().stream_response(send_or_give_up)
