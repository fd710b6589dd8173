"""The composition root: turns configuration into the objects of the stages, which know nothing of it.

The only module, with those above it, that knows all stages.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.site import SiteConfiguration
from aforo.model import RIDERS, Frame, TrackedFrame
from aforo.ports import Bus, Clock, CountReader, CountStore, Detector, DetectorBackend, StoreBackend, Tracker
from aggregate.counting.counter import CountingStage
from app.assets import manifest
from app.assets.mirrors import Progress
from app.assets.model_trust import check_trusted
from app.detector_turns import FairDetectorQueue
from app.held_up import HeldUp
from app.pipeline import CameraThread, analyse
from detect.openvino.backend import OpenVinoBackend
from detect.settings import DetectorSettings
from detect.ultralytics.backend import UltralyticsBackend

if TYPE_CHECKING:
    from ssl import SSLContext

    from aforo.bus.kafka_bus import KafkaBus
    from aforo.bus.kafka_connection import KafkaAddress


def open_detector(
    section: DetectorSection, progress: Progress | None = None, first: tuple[int, int] | None = None
) -> Detector:
    """Load the configured model into the configured engine, fetching and exporting it where that is still to do.

    Args:
        section: what is configured.
        progress: told of what is fetched.
        first: width and height of the pictures that will come first, where that is known: none of them has to wait.

    Raises:
        AssetError, ModelError: it cannot be had, exported or run.
    """
    return detector_backend(section).open(trusted_model(section, progress), first)


def detector_backend(section: DetectorSection) -> DetectorBackend:
    """The configured engine; auto is the most special one that suits the model, the device and this machine."""
    if section.engine != "auto":
        return DETECTORS[section.engine](section)
    return next(backend for new in reversed(DETECTORS.values()) if (backend := new(section)).suits())


def detector_settings(section: DetectorSection) -> DetectorSettings:
    """What is asked of any engine."""
    machines = frozenset(label for label, user in section.road_users.items() if user in RIDERS)
    return DetectorSettings(section.model, tuple(section.road_users), machines, section.image_size, section.device)


def openvino_backend(section: DetectorSection) -> OpenVinoBackend:
    """OpenVINO for the configured model, whichever engine is configured."""
    return OpenVinoBackend(detector_settings(section), section.precision, manifest.cache_directory())


DETECTORS: dict[str, Callable[[DetectorSection], DetectorBackend]] = {
    "openvino": openvino_backend,
    "ultralytics": lambda section: UltralyticsBackend(detector_settings(section)),
}
"""The back-end of each engine that the configuration names, from the most general to the most special."""


def wants_calibration(section: DetectorSection, progress: Progress | None = None) -> bool:
    """Whether nobody has decided yet which precision a model that Aforo knows runs in on this machine.

    Raises:
        AssetError, ModelError: the model cannot be had or exported.
    """
    if section.model.removesuffix(".pt") not in manifest.manifest():
        return False
    if section.image_size != DetectorSection().image_size:
        return False
    backend = detector_backend(section)
    if not isinstance(backend, OpenVinoBackend) or not backend.may_choose_precision:
        return False
    return backend.chosen_precision(trusted_model(section, progress)) is None


def float_model(section: DetectorSection, progress: Progress | None = None) -> Path:
    """The configured model in OpenVINO's form, fetched and exported where that is still to do.

    Raises:
        AssetError, ModelError: it cannot be had or exported.
    """
    return openvino_backend(section).float_model(trusted_model(section, progress))


def trusted_model(section: DetectorSection, progress: Progress | None = None) -> Path:
    """The configured model as it comes from its maker, fetched where it is not here; nothing of it has run yet.

    Raises:
        AssetError: it cannot be had.
        ModelError: loading it could run a program of unknown origin.
    """
    model = manifest.resolve_model(section.model, progress=progress)
    check_trusted(model, section.trusted_sha256)
    return model


def camera_detector(detector: Detector, camera: CameraSection, section: DetectorSection) -> Detector:
    """The shared detector as one camera sees it: in its region, and at rest while nothing moves; not to be closed."""
    if section.motion_gate:
        from detect.motion_gate import MotionGate

        detector = MotionGate(detector)
    if camera.region is not None:
        from detect.region import RegionDetector

        detector = RegionDetector(detector, camera.analysed)
    return detector


def road_users(detector: Detector, section: DetectorSection) -> tuple[str | None, ...]:
    """Per class id of the detector the road user that it is, or None."""
    return tuple(section.road_users.get(label) for label in detector.labels)


def scale_file(site: SiteConfiguration, camera: CameraSection) -> Path | None:
    """Where the sizes of cars in a camera's picture are kept; None for a recording, which always counts the same."""
    if camera.is_recording:
        return None
    name = hashlib.sha256(f"{site.site.id}\n{camera.id}".encode()).hexdigest()[:24]
    return manifest.cache_directory() / "scales" / f"{name}.npz"


def tracker_factory(
    users: tuple[str | None, ...], frame_rate: float, scale: Path | None = None
) -> Callable[[], Tracker]:
    """Makes the tracker of each new session of a camera that is analysed so many times per second.

    Args:
        users: per class id of the detector the road user.
        frame_rate: analysed frames per second.
        scale: where the sizes of cars are kept over sessions; None to learn them anew in each.
    """
    from track import association
    from track.kept_scale import KeptScale
    from track.tracker import CameraTracker

    association.compile_all()
    return lambda: CameraTracker(users, frame_rate, None if scale is None else KeptScale(scale))


def camera_factory(
    site: SiteConfiguration,
    detector: Detector,
    publish: Callable[[Frame | None, TrackedFrame], None],
    clock: Clock,
    *,
    paced: bool = True,
) -> Callable[[CameraSection], CameraThread]:
    """Makes the threads of the cameras that share a detector in one process: it is shared fairly.

    Args:
        site: tells what the detector's labels mean.
        detector: closed by whoever opened it, after the cameras.
        publish: takes the messages of all cameras.
        clock: processing time.
        paced: hand out recordings no faster than they were recorded.
    """
    from ingest.open_source import open_source
    from track import association

    association.compile_all()  # not when a camera comes: who hands cameras out would have to wait
    users = road_users(detector, site.detector)
    detector_queue = FairDetectorQueue(detector.capacity)

    def new_camera(camera: CameraSection) -> CameraThread:
        slot = detector_queue.join(camera.analyse_fps)
        source = open_source(
            camera.sources,
            camera.id,
            paced=paced,
            drop_late=camera.drop_late,
            analyse_fps=camera.analyse_fps,
            starts_at=camera.starts_at,
            recorded_fps=camera.recorded_fps,
            timezone=site.timezone,
            repeat=camera.repeat,
            clock=clock,
            admit=slot.wait,
        )
        new_tracker = tracker_factory(users, camera.analyse_fps, scale_file(site, camera))
        seeing = camera_detector(detector, camera, site.detector)
        held_up = HeldUp(clock, 1 / camera.analyse_fps, drops=source.drops)
        return CameraThread(source, lambda: analyse(source, seeing, new_tracker, slot, held_up), publish, held_up)

    return new_camera


def counting_stage(cameras: list[CameraSection]) -> CountingStage:
    """The counting stage of those cameras."""
    return CountingStage([camera.domain() for camera in cameras])


def open_bus(site: SiteConfiguration) -> Bus:
    """The configured bus.

    Raises:
        ConfigurationError: there is no such bus.
    """
    match site.bus.scheme:
        case "":
            from aforo.bus.memory import MemoryBus

            return MemoryBus()
        case _:
            return kafka_bus(site)


def kafka_bus(site: SiteConfiguration) -> KafkaBus:
    """The bus of a site whose processes meet at Kafka.

    Raises:
        ConfigurationError: the bus is no address of Kafka.
    """
    from aforo.bus.kafka_bus import KafkaBus

    return KafkaBus(kafka_address(site))


def kafka_address(site: SiteConfiguration) -> KafkaAddress:
    """Where Kafka is, and how to speak to it.

    Raises:
        ConfigurationError: the bus is no address of Kafka.
    """
    from aforo.bus.kafka_connection import KafkaAddress
    from aforo.bus.settings import KafkaSettings

    password = site.kafka.password
    settings = site.kafka.model_dump() | {"password": None if password is None else password.get_secret_value()}
    return KafkaAddress(site.bus, KafkaSettings(**settings))


def open_store(site: SiteConfiguration) -> CountStore:
    """The writer of the configured store, with the site registered in it.

    Raises:
        ConfigurationError: its address is malformed.
        StoreError: it cannot be opened or written.
    """
    store = store_backend(site).open_writer()
    try:
        store.register(site.domain())
    except BaseException:
        store.close()
        raise
    return store


def open_reader(site: SiteConfiguration) -> CountReader:
    """Questions to the configured store.

    Raises:
        ConfigurationError: its address is malformed.
        StoreError: it cannot be opened.
    """
    return store_backend(site).open_reader()


def open_tls(site: SiteConfiguration) -> SSLContext | None:
    """What the web server speaks HTTPS with, None where it speaks plain HTTP.

    Raises:
        ConfigurationError: the files are no certificate and its key.
    """
    from api.serving.server import tls_context

    certificate, key = site.api.tls_certificate, site.api.tls_key
    return None if certificate is None else tls_context(certificate, key)


def store_backend(site: SiteConfiguration) -> StoreBackend:
    """The configured kind of store.

    Raises:
        ConfigurationError: its address is malformed.
    """
    match site.store.scheme:
        case "postgresql" | "postgres":
            from aggregate.store.postgres.backend import PostgresBackend
            from aggregate.store.postgres.settings import TimescaleSettings

            return PostgresBackend(site.store, TimescaleSettings(**site.timescale.model_dump()))
        case _:
            from aggregate.store.sqlite.backend import SqliteBackend

            return SqliteBackend(site.store)
