"""All cameras of a site, all stages and the web server, in one process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from aforo.camera_state import CameraStatus
from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.errors import AforoError, ConfigurationError
from aforo.local_time import local_time, to_us
from aforo.model import Frame, PlaceKind, Rows, TrackedFrame
from aforo.ports import CountReader, Detector
from aforo.write_health import WriteState
from api.answers import Answers
from api.app import create_app
from api.live.hub import LiveHub
from api.live.local_cameras import LocalLiveView
from api.serving.server import Server, base_url, listen
from app import assemble
from app.history_recount import recount_place
from app.pipeline import CountingThread
from app.watch import CameraLog, Watch, WriteLog
from ingest.camera_source import LiveSource
from track.kept_scale import known_scale

LOG = logging.getLogger(__name__)

_STOP_TIMEOUT_S = 15


class Service:
    """Runs a site until it is stopped, or until its recordings end and somebody waits for that.

    Args:
        site: the configuration.
        detector: shared by all cameras; closed by `stop`.
        paced: hand out recordings no faster than they were recorded.
        listeners: told of all rows when they are made.

    Raises:
        StoreError: the store cannot be opened or written.
        ConfigurationError: the address cannot be listened on or may not be, or a source is of an unknown kind.
    """

    def __init__(
        self,
        site: SiteConfiguration,
        detector: Detector,
        *,
        paced: bool = True,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> None:
        self.site = site
        self._stack = ExitStack()
        try:
            self._build(site, detector, paced, listeners)
        except BaseException:
            self._stack.close()
            raise

    def _build(
        self, site: SiteConfiguration, detector: Detector, paced: bool, listeners: Sequence[Callable[[Rows], None]]
    ) -> None:
        clock = SystemClock()
        self._stack.callback(detector.close)
        tls = assemble.open_tls(site)
        socket = self._stack.enter_context(listen(site.api.host, site.api.port, insecure=site.api.insecure))
        self.url = base_url(socket, tls=tls is not None)
        self._socket = socket
        store = self._stack.enter_context(assemble.open_store(site))
        reader = assemble.open_reader(site)
        self._stack.callback(reader.close)
        answers = Answers(reader, assemble.store_backend(site).open_reader)
        self._stack.callback(answers.close)
        self.hub = LiveHub(site.domain(), clock)
        if site.bus.scheme:
            raise ConfigurationError(f"expected bus: memory, got {site.bus}")
        bus = assemble.open_bus(site)
        self._publisher = bus.open_publisher(clock)
        loop = bus.open_counting(
            lambda: assemble.counting_stage(site.cameras), store, clock, (self.hub.publish_rows, *listeners)
        )
        self._loop, self._counting = loop, CountingThread(loop)
        new_camera = assemble.camera_factory(site, detector, self._publish, clock, paced=paced)
        self._cameras = [new_camera(camera) for camera in site.cameras]
        self.hub.set_status_source(self.statuses)
        self.hub.set_writing_source(self.writing)
        self._seed(reader, clock.now_us())
        live = LocalLiveView(self.hub, known_cars=self._known_cars)
        app = create_app(
            site=site.domain(),
            reader=reader,
            live=live,
            clock=clock,
            recount=partial(recount_place, site),
            answers=answers,
            allowed_hosts=site.api.allowed_hosts,
            writing=self.writing,
        )
        self._server = Server(app, live, tls=tls, trusted_proxies=site.api.trusted_proxies)
        cameras, writes = CameraLog(), WriteLog("the store", "what is counted meanwhile waits in memory")
        self._watch = Watch(lambda: cameras.look(self.statuses()), lambda: writes.look(self.writing()))
        self._web = threading.Thread(target=self._server.run, args=([socket],), name="web", daemon=True)

    def _publish(self, frame: Frame | None, tracked: TrackedFrame) -> None:
        self._publisher.publish(tracked)
        if frame is not None:
            self.hub.publish(frame, tracked)

    def _seed(self, reader: CountReader, now_us: int) -> None:
        """Let running counts go on where they were; a recording is read again, and counts itself again."""
        live = [camera.source.camera for camera in self._cameras if isinstance(camera.source, LiveSource)]
        lines = [line.id for camera in live for line in self.site.camera(camera).lines]
        midnight = to_us(local_time(now_us, self.site.timezone).replace(hour=0, minute=0, second=0, microsecond=0))
        if live:
            self.hub.seed(
                reader.volumes(PlaceKind.LINE, lines, midnight, now_us, "1d") if lines else (),
                reader.coverage(live, midnight, now_us, "1d"),
            )

    def start(self) -> None:
        """Start the stages and the web server."""
        self._counting.start()
        self._watch.start()
        self._web.start()
        for camera in self._cameras:
            camera.start()

    def _known_cars(self, camera: str) -> int | None:
        """Of how many cars the sizes are kept of a camera; None for a recording, of which none are."""
        path = assemble.scale_file(self.site, self.site.camera(camera))
        if path is None:
            return None
        known = known_scale(path)
        return 0 if known is None else known.cars

    def statuses(self) -> list[CameraStatus]:
        """How the cameras are doing."""
        return [camera.source.status() for camera in self._cameras]

    def writing(self) -> WriteState:
        """How writing goes, and what cameras lost because of it."""
        dropped_s = {camera.source.camera: camera.dropped_s for camera in self._cameras}
        return replace(self._loop.state(), dropped_s=dropped_s)

    @property
    def failures(self) -> list[AforoError]:
        """Why cameras stopped that should not have."""
        return [camera.failure for camera in self._cameras if camera.failure is not None]

    @property
    def running(self) -> bool:
        """Whether any camera still delivers."""
        return any(camera.alive for camera in self._cameras)

    def finish(self) -> None:
        """Wait until all recordings are over and everything is written; the web server goes on."""
        for camera in self._cameras:
            while camera.alive:
                camera.join(0.5)
        self._close_bus()

    def stop(self) -> None:
        """End everything: cameras, counting (all rows are written), web server, store."""
        for camera in self._cameras:
            camera.stop()
        for camera in self._cameras:
            camera.join(_STOP_TIMEOUT_S)
        self._close_bus()
        self._watch.stop()
        self._server.should_exit = True
        if self._web.ident is not None:
            self._web.join(_STOP_TIMEOUT_S)
        self._stack.close()

    def _close_bus(self) -> None:
        self._publisher.close()
        self._counting.join(_STOP_TIMEOUT_S)
