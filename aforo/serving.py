"""The API alone: it needs the store, and for live pictures the workers' addresses that are registered there."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from functools import partial

import uvicorn

from aforo import assemble
from aforo.clock import SystemClock
from aforo.config import Site
from aforo.errors import StoreError
from aforo.model import Frame, LiveEndpoint, TrackedFrame
from aforo.protocols import Clock, CountStore
from aforo.recounting import recount_place
from api.app import create_app
from api.elsewhere import LiveElsewhere
from api.live import LiveHub
from api.server import Server, listen

LOG = logging.getLogger(__name__)

ANNOUNCE_EVERY_S = 15.0


def serve(site: Site, on_ready: Callable[[str], None]) -> None:
    """Answer questions until the process is asked to end (SIGINT, SIGTERM).

    Args:
        site: the configuration.
        on_ready: told the address when it answers.

    Raises:
        StoreError: the store cannot be opened.
        ConfigurationError: the port is in use.
    """
    clock = SystemClock()
    with listen(site.api.host, site.api.port) as listener:
        assemble.open_store(site).close()  # makes the tables, if this process is the first
        reader = assemble.open_reader(site)
        try:
            elsewhere = LiveElsewhere(site, reader, clock)
            app = create_app(
                site=site,
                reader=reader,
                live=None,
                clock=clock,
                elsewhere=elsewhere,
                recount=partial(recount_place, site),
            )
            host, port = listener.getsockname()[:2]
            on_ready(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
            config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off")
            Server(config, elsewhere).run([listener])
        finally:
            reader.close()


class LiveStation:
    """Shows the cameras of a worker live, at the address that `api.announce` names, and says so in the store.

    Args:
        site: the configuration; `api.announce` is set.
        clock: processing time.

    Raises:
        StoreError: the store cannot be opened.
        ConfigurationError: the port is in use.
    """

    def __init__(self, site: Site, clock: Clock) -> None:
        self._clock = clock
        self._shown: dict[str, int] = {}
        self._stopped = threading.Event()
        self._socket = listen(site.api.host, site.api.port)
        announced = site.api.announce
        own = f"http://{socket.gethostname()}:{self._socket.getsockname()[1]}"
        self._url = own if announced in (None, "auto") else str(announced)
        self._store: CountStore = assemble.open_store(site)
        self._reader = assemble.open_reader(site)
        self._hub = LiveHub(site, clock, counted=False)  # the aggregators count
        app = create_app(site=site, reader=self._reader, live=self._hub, clock=clock)
        config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off")
        self._server = Server(config, self._hub)
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
        told_us = 0
        while not self._stopped.is_set():
            now_us = self._clock.now_us()
            shown = [camera for camera, at_us in list(self._shown.items()) if at_us >= told_us]
            try:
                if shown:
                    self._store.announce([LiveEndpoint(camera, self._url, now_us) for camera in shown])
            except StoreError as error:
                LOG.warning("live pictures are not announced now: %s", error)
            told_us = now_us
            self._stopped.wait(ANNOUNCE_EVERY_S if shown else 1.0)
