"""One camera's live pictures: drawn and encoded once for all who watch, and only while somebody does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import cv2

from aforo.model import Image
from aforo.ports import Clock
from aforo.site import Camera
from aforo.words.catalogue import Language
from api.drawing import FrameAnnotator
from api.live.live_frame import LiveFrame

LOG = logging.getLogger(__name__)

Encode = Callable[[Image], bytes]

_INTERVAL_S = 1 / 15  # the eye needs no more, and a recording read at full speed would take the whole machine
_REPEAT_S = 1.0  # the last picture is sent again after this long without a new one
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


@dataclass(frozen=True, slots=True)
class PictureSource:
    """What the pictures of a process are made with.

    Attributes:
        newest: what a picture of a camera, named by its id, shows now; None before its first frame.
        encode: makes the bytes of a picture.
        timezone: of the times that are drawn.
        closing: set when the server is about to stop.
    """

    newest: Callable[[str], LiveFrame | None]
    encode: Encode
    timezone: ZoneInfo
    clock: Clock
    closing: threading.Event


class Channel:
    """One camera's pictures in one size and language, drawn and encoded once for all who watch.

    Lives in the web server's event loop; only `wake` may be called from elsewhere.

    Args:
        source: what pictures are made with.
        camera: whose pictures.
        width_px: how wide.
        lang: language of the labels.
        on_first_viewer, on_last_viewer: called with the channel when watching begins and ends; between them, `wake`
            has to be called with each new frame.
    """

    def __init__(
        self,
        source: PictureSource,
        camera: Camera,
        width_px: int,
        lang: Language,
        *,
        on_first_viewer: Callable[[Channel], None],
        on_last_viewer: Callable[[Channel], None],
    ) -> None:
        self.camera = camera
        self.width_px = width_px
        self.lang = lang
        self.viewers = 0
        self._source = source
        self._on_first_viewer, self._on_last_viewer = on_first_viewer, on_last_viewer
        self._loop = asyncio.get_running_loop()
        self._sent = asyncio.Event()
        self._drawing: _Drawing | None = None
        self._number = 0
        self._jpeg = b""

    def wake(self) -> None:
        """There is a new frame."""
        drawing = self._drawing
        if drawing is not None:
            drawing.wake()

    async def pictures(self) -> AsyncGenerator[bytes, None]:
        """Yield JPEG pictures, always the newest, until the server closes; the last again while no new one comes."""
        if self.viewers == 0:
            self._number = 0
            self._drawing = _Drawing(self._source, self, self._hand_over)
            self._drawing.start()
            self._on_first_viewer(self)
        self.viewers += 1
        seen = 0
        try:
            while self._drawing is not None and not self._source.closing.is_set():
                if self._number > seen:
                    seen = self._number
                    yield self._jpeg
                else:
                    await self._sent.wait()
        finally:
            self.viewers -= 1
            if self.viewers == 0:
                self._on_last_viewer(self)
                if self._drawing is not None:
                    self._drawing.stop()
                    self._drawing = None

    def _hand_over(self, drawing: _Drawing, jpeg: bytes | None) -> None:
        """Called by the drawing thread: the loop is woken once per picture."""
        with contextlib.suppress(RuntimeError):  # the web server's loop is over; the pipeline goes on
            self._loop.call_soon_threadsafe(self._deliver, drawing, jpeg)

    def _deliver(self, drawing: _Drawing, jpeg: bytes | None) -> None:
        if drawing is not self._drawing:
            return  # it was told to stop meanwhile
        if jpeg is None:
            self._drawing = None
        else:
            self._jpeg = jpeg
            self._number += 1
        sent, self._sent = self._sent, asyncio.Event()
        sent.set()


class _Drawing(threading.Thread):
    """Draws and encodes one channel's pictures, from its first viewer to its last.

    Args:
        source: what pictures are made with.
        channel: tells whose pictures, how wide and in which language.
        hand_over: takes each picture, and None when there will be no more.
    """

    def __init__(
        self, source: PictureSource, channel: Channel, hand_over: Callable[[_Drawing, bytes | None], None]
    ) -> None:
        super().__init__(name=f"live {channel.camera.id} {channel.width_px}", daemon=True)
        self._source = source
        self._camera, self._width_px = channel.camera.id, channel.width_px
        self._annotator = FrameAnnotator(channel.camera, source.timezone, channel.lang)
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
        """Draw until `stop`, or until the server closes."""
        try:
            for jpeg in self._pictures():
                self._hand_over(self, jpeg)
        except Exception:
            LOG.exception("the live picture of camera %s cannot be drawn", self._camera)
        finally:
            self._hand_over(self, None)

    def _pictures(self) -> Iterator[bytes]:
        clock, jpeg = self._source.clock, b""
        drawn: LiveFrame | None = None
        while not (self._stopped or self._source.closing.is_set()):
            begun_s = clock.monotonic_s()
            self._fresh.clear()
            live = self._source.newest(self._camera)
            if live is not None:
                if drawn is None or live.newest is not drawn.newest or live.overdue != drawn.overdue:
                    jpeg, drawn = self._picture(live), live
                yield jpeg
            self._fresh.wait(_REPEAT_S)
            # The pause comes last: at the usual rates there is none, and what follows it is the newest frame.
            clock.sleep(max(0.0, begun_s + _INTERVAL_S - clock.monotonic_s()))

    def _picture(self, live: LiveFrame) -> bytes:
        image = scaled(live.newest.frame.image, self._width_px)
        if live.overdue:
            return self._source.encode(self._annotator.stale(image, live.newest.came_at_us, live.ended))
        return self._source.encode(self._annotator.draw(image, live.newest.tracked, live.counts))
