"""The live pictures of a worker: a small web server of its own, announced in the store."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from aforo.camera_state import CameraStatus, LiveEndpoint
from aforo.config.site import SiteConfiguration
from aforo.errors import StoreError
from aforo.model import Frame, TrackedFrame
from aforo.ports import Clock, CountStore
from aforo.write_health import WriteState
from api.app import create_app
from api.live.hub import LiveHub
from api.live.local_cameras import LocalLiveView
from api.serving.server import Server, listen
from app import assemble
from app.web_process import LOG

ANNOUNCE_EVERY_S = 15.0


class WorkerLiveServer:
    """Shows the cameras of a worker live, at the address that `api.announce` names, and says so in the store.

    Args:
        site: the configuration; `api.announce` is set.
        clock: processing time.
        statuses: how the worker's cameras are doing.
        writing: how publishing goes, None where that is not known.

    Raises:
        StoreError: the store cannot be opened.
        ConfigurationError: the address cannot be listened on, or may not be.
    """

    def __init__(
        self,
        site: SiteConfiguration,
        clock: Clock,
        *,
        statuses: Callable[[], Sequence[CameraStatus]] = tuple,
        writing: Callable[[], WriteState] | None = None,
    ) -> None:
        self._clock = clock
        self._shown: dict[str, int] = {}
        self._stopped = threading.Event()
        self._socket = listen(site.api.host, site.api.port, insecure=site.api.insecure)
        announced = site.api.announce
        own = f"http://{socket.gethostname()}:{self._socket.getsockname()[1]}"
        self._url = own if announced in (None, "auto") else str(announced)
        self._store: CountStore = assemble.open_store(site)
        self._reader = assemble.open_reader(site)
        self._hub = LiveHub(site.domain(), clock, counted=False)  # the aggregators count
        self._hub.set_status_source(statuses)
        live = LocalLiveView(self._hub)
        app = create_app(
            site=site.domain(),
            reader=self._reader,
            live=live,
            clock=clock,
            allowed_hosts=(*site.api.allowed_hosts, urlsplit(self._url).hostname or ""),
            writing=writing,
        )
        self._server = Server(app, live)
        self._threads = [
            threading.Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True),
            threading.Thread(target=self._announce, name="announce", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def publish(self, frame: Frame | None, tracked: TrackedFrame) -> None:
        """Show this frame to whoever watches; called for each message of each camera."""
        if frame is not None:
            self._shown[frame.camera] = self._clock.now_us()
            self._hub.publish(frame, tracked)

    def stop(self) -> None:
        """End the web server and the announcements."""
        self._stopped.set()
        self._server.should_exit = True
        for thread in self._threads:
            thread.join()
        self._reader.close()
        self._store.close()
        self._socket.close()

    def _announce(self) -> None:
        announced_us = 0
        while not self._stopped.is_set():
            now_us = self._clock.now_us()
            shown = [camera for camera, at_us in list(self._shown.items()) if at_us >= announced_us]
            try:
                if shown:
                    self._store.announce([LiveEndpoint(camera, self._url, now_us) for camera in shown])
            except StoreError as error:
                LOG.warning("live pictures are not announced now: %s", error)
            announced_us = now_us
            self._stopped.wait(ANNOUNCE_EVERY_S if shown else 1.0)
