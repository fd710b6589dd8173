"""Where the pipeline and the viewers meet: newest frames, running counts, live annotated video.

The pipeline only ever leaves a reference here. Drawing and encoding happen while somebody watches, once per picture
however many watch, in a thread; a slow viewer skips pictures. No picture is kept beyond the newest, or ever written.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from weakref import WeakValueDictionary

from aforo.camera_state import CameraState, CameraStatus
from aforo.errors import NotFoundError, SourceError
from aforo.model import MICROSECONDS, CoverageShare, Crossing, Frame, Rows, TrackedFrame, Volume
from aforo.ports import Clock
from aforo.site import Camera, Site
from aforo.words.catalogue import Language
from aforo.write_health import WriteState
from api.live.channel import Channel, Encode, PictureSource, encode_jpeg
from api.live.live_frame import LiveFrame, NewestFrame
from api.places import Places
from api.running_counts import LineCounts, RunningCounts, presence

VIEWERS_MAX = 32
"""Viewers of live video at the same time, all cameras together."""

WIDTH_STEP_PX = 160
"""Widths are rounded up to a multiple of this, so that viewers share their pictures."""

CROSSINGS_KEPT = 1024
"""Newest crossings kept for those who read events; who falls further behind loses the oldest."""

STALLED_S = 10.0
"""A live camera of which nothing was analysed for so long, or for three frames of a slow one, is not counted."""

_OVERDUE_S = 3.0  # no new picture for this long, or for three frames of a slow camera: the picture turns grey


class LiveHub:
    """The newest of everything, for those who watch now. Safe for use by several threads at once.

    Args:
        site: its cameras are the ones that can be watched.
        clock: tells how old a picture is.
        encode: makes the bytes of a picture.
        counted: whether `publish_rows` is called; where it is not, pictures show no counts.
        viewers_max: viewers of live video at the same time.

    Attributes:
        viewing: the viewers' places; whoever watches a channel takes one.
    """

    def __init__(
        self,
        site: Site,
        clock: Clock,
        *,
        encode: Encode = encode_jpeg,
        counted: bool = True,
        viewers_max: int = VIEWERS_MAX,
    ) -> None:
        self.started_us = clock.now_us()
        self.timezone = site.timezone
        self._clock = clock
        self._counted = counted
        self._closing = threading.Event()
        self._pictures = PictureSource(self._live_frame, encode, site.timezone, clock, self._closing)
        self._cameras = {camera.id: camera for camera in site.cameras}
        self.viewing = Places(viewers_max, "viewers of live video")
        self._newest: dict[str, NewestFrame] = {}
        self._watched: dict[str, tuple[Channel, ...]] = {}
        # Weak: a channel lives as long as somebody watches, or is about to.
        self._channels: WeakValueDictionary[tuple[str, int, Language], Channel] = WeakValueDictionary()
        self._status_source: Callable[[], Sequence[CameraStatus]] = tuple
        self._writing_source: Callable[[], WriteState] | None = None
        self._counting = threading.Lock()
        self._counts = RunningCounts(site.timezone)
        self._crossings: deque[Crossing] = deque(maxlen=CROSSINGS_KEPT)
        self._crossings_seen = 0

    # What the pipeline calls.

    def publish(self, frame: Frame, tracked: TrackedFrame) -> None:
        """Show this frame to whoever watches; called for each analysed frame.

        Keeps only a reference: the image must not be altered afterwards.
        """
        camera = frame.camera
        self._newest[camera] = NewestFrame(frame, tracked, self._clock.now_us(), self._clock.monotonic_s())
        for channel in self._watched.get(camera, ()):
            channel.wake()

    def publish_rows(self, rows: Rows) -> None:
        """Take in what was counted; called with each batch, in order."""
        with self._counting:
            new = self._counts.add(rows)
            self._crossings += new
            self._crossings_seen += len(new)

    def seed(self, volumes: Iterable[Volume], shares: Iterable[CoverageShare] = ()) -> None:
        """Begin from what the database counted, and what was observed, since the local day began; before any rows."""
        with self._counting:
            self._counts.seed(volumes, shares)

    def set_status_source(self, source: Callable[[], Sequence[CameraStatus]]) -> None:
        """Where `statuses` comes from."""
        self._status_source = source

    def set_writing_source(self, source: Callable[[], WriteState]) -> None:
        """Where `writing` comes from."""
        self._writing_source = source

    def close(self) -> None:
        """Let every endless answer end within a second or so; call it before the web server waits for them."""
        self._closing.set()

    # What the viewers call.

    @property
    def closed(self) -> bool:
        """Whether the server is about to stop."""
        return self._closing.is_set()

    def now_us(self) -> int:
        """Processing time."""
        return self._clock.now_us()

    def statuses(self) -> list[CameraStatus]:
        """How each camera is doing, in the order of the configuration."""
        return list(self._status_source())

    def writing(self) -> WriteState | None:
        """How writing what is counted goes, None where this process writes nothing."""
        return None if self._writing_source is None else self._writing_source()

    def cameras(self) -> list[Camera]:
        """The cameras, in the order of the configuration."""
        return list(self._cameras.values())

    def newest(self, camera: str) -> NewestFrame | None:
        """The camera's newest frame, None before the first."""
        return self._newest.get(camera)

    def _live_frame(self, camera: str) -> LiveFrame | None:
        """What a picture of the camera shows now, None before its first frame."""
        newest = self._newest.get(camera)
        if newest is None:
            return None
        section = self._cameras[camera]
        counts = self.counts(section) if self._counted else None
        overdue = self._is_overdue(section, newest)
        return LiveFrame(newest, overdue, overdue and self.has_ended(section), counts)

    def _is_overdue(self, camera: Camera, newest: NewestFrame) -> bool:
        return self._clock.monotonic_s() - newest.came_at_s > max(_OVERDUE_S, 3 / camera.analyse_fps)

    def stalled(self, status: CameraStatus) -> bool:
        """Whether a camera that is live has had no frame analysed and handed on for longer than it should take."""
        camera, newest = self._cameras[status.camera], self._newest.get(status.camera)
        longest_s = max(STALLED_S, 3 / camera.analyse_fps)
        if newest is not None:
            return self._clock.monotonic_s() - newest.came_at_s > longest_s
        return not status.fps and self._clock.now_us() - status.since_us > longest_s * MICROSECONDS

    def has_ended(self, camera: Camera) -> bool:
        """Whether the camera is a recording that is over."""
        return any(status.camera == camera.id and status.state is CameraState.ENDED for status in self.statuses())

    def counts(self, camera: Camera) -> dict[str, LineCounts]:
        """Running counts of each of the camera's lines, by (direction, road user)."""
        with self._counting:
            return self._counts.of_camera(camera)

    def observed_share(self, camera: Camera) -> float | None:
        """Share of the camera's newest day so far that was observed, None where nothing of it was."""
        with self._counting:
            return self._counts.observed_share(camera.id, self._clock.now_us())

    def presence(self, camera: Camera) -> Mapping[str, Counter[str]] | None:
        """Who is in each of the camera's zones now; None while that is not known."""
        newest = self._newest.get(camera.id)
        if newest is None or self._is_overdue(camera, newest):
            return None
        return presence(camera, newest.tracked)

    def crossings_since(self, seen: int) -> tuple[int, list[Crossing]]:
        """The crossings behind the first `seen` ones of this hub's life.

        Returns:
            How many there were in all, and those of the missed ones that are still kept, oldest first.
        """
        with self._counting:
            missed = min(self._crossings_seen - seen, len(self._crossings))
            start = len(self._crossings) - max(0, missed)
            return self._crossings_seen, list(itertools.islice(self._crossings, start, None))

    @property
    def viewers(self) -> int:
        """Viewers of live video now."""
        return sum(channel.viewers for channels in self._watched.values() for channel in channels)

    def watch(self, camera: str, width_px: int | None, lang: Language) -> Channel:
        """The pictures of a camera, shared with all who watch it in that size and language.

        Call it in the event loop of the web server.

        Args:
            camera: its id.
            width_px: of the pictures; rounded up to a multiple of `WIDTH_STEP_PX`, and never more than the camera's.
            lang: language of the labels.

        Raises:
            NotFoundError: there is no such camera.
            SourceError: it has no picture yet.
        """
        section = self._cameras.get(camera)
        if section is None:
            known = ", ".join(self._cameras) or "none"
            raise NotFoundError(f"there is no camera {camera!r} here; the cameras are: {known}")
        newest = self._newest.get(camera)
        if newest is None:
            raise SourceError(f"camera {camera} has sent no picture yet; its state is in /v1/cameras")
        width = newest.frame.image.shape[1]
        if width_px is not None:
            width = min(width, math.ceil(width_px / WIDTH_STEP_PX) * WIDTH_STEP_PX)
        key = (camera, width, lang)
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(
                self._pictures,
                section,
                width,
                lang,
                on_first_viewer=self._add_channel,
                on_last_viewer=self._remove_channel,
            )
        return channel

    def _add_channel(self, channel: Channel) -> None:
        """Wake the channel with each new frame from now on."""
        camera = channel.camera.id
        self._watched[camera] = (*self._watched.get(camera, ()), channel)

    def _remove_channel(self, channel: Channel) -> None:
        """Wake it no more."""
        camera = channel.camera.id
        self._watched[camera] = tuple(other for other in self._watched[camera] if other is not channel)
