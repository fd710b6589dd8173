"""The command `worker`: cameras of a city, analysed and published to Kafka."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace

from aforo.bus.kafka_cameras import Worker
from aforo.camera_state import CameraStatus
from aforo.clock import SystemClock
from aforo.config.site import SiteConfiguration
from aforo.model import Frame, TrackedFrame
from aforo.ports import Clock
from aforo.write_health import WriteState
from app import assemble
from app.cli.detector import open_detector
from app.cli.kafka_process import join
from app.cli.options import ConfigArgument
from app.watch import CameraLog, Watch, WriteLog
from app.worker_live_server import WorkerLiveServer


def worker(config: ConfigArgument) -> None:
    """Analyse cameras and publish what they see to Kafka; any number of workers share the cameras among them."""
    clock = SystemClock()
    with ExitStack() as stack:
        site, bus, stopping = join(config, stack)
        detector = open_detector(site.detector)
        stack.callback(detector.close)
        publisher = stack.enter_context(closing(bus.open_publisher(clock)))

        def publish(frame: Frame | None, tracked: TrackedFrame) -> None:
            publisher.publish(tracked)
            show(frame, tracked)

        new_camera = assemble.camera_factory(site, detector, publish, clock)
        cameras = [camera.id for camera in site.cameras]
        process = Worker(cameras, bus.address, publisher, lambda camera: new_camera(site.camera(camera)), clock)

        def statuses() -> list[CameraStatus]:
            return [camera.source.status() for camera in process.cameras()]

        def writing() -> WriteState:
            dropped_s = {camera.source.camera: camera.dropped_s for camera in process.cameras()}
            return replace(publisher.state(), dropped_s=dropped_s)

        show = _show_live(site, stack, clock, statuses, writing)
        news, writes = CameraLog(), WriteLog(str(bus.address), "what cameras saw waits in memory")
        watch = Watch(lambda: news.look(statuses()), lambda: writes.look(writing()))
        stack.callback(watch.stop)
        watch.start()
        stopping.append(process.stop)
        process.run()
    _leave()


def _leave() -> None:
    """End the process now that everything is closed, without the interpreter's own end.

    A thread may still be inside OpenCV, waiting for a camera that does not answer; C++ aborts the whole process when
    the interpreter ends such a thread.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _show_live(
    site: SiteConfiguration,
    stack: ExitStack,
    clock: Clock,
    statuses: Callable[[], list[CameraStatus]],
    writing: Callable[[], WriteState],
) -> Callable[[Frame | None, TrackedFrame], None]:
    """What shows frames live, where the configuration asks for that."""
    if site.api.announce is None:
        return lambda *_: None
    live_server = WorkerLiveServer(site, clock, statuses=statuses, writing=writing)
    stack.callback(live_server.stop)
    live_server.start()
    return live_server.publish
