"""The composition root: turns configuration into the objects of the stages, which know nothing of it.

The only module, with those above it, that knows all stages.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.config.site import SiteConfiguration
from aforo.errors import ModelError
from aforo.model import Frame, TrackedFrame
from aforo.ports import Bus, Clock, CountReader, CountStore, Detector, StoreBackend, Tracker
from aggregate.counting.counter import CountingStage
from app.assets import manifest
from app.assets.mirrors import Progress
from app.assets.model_trust import check_trusted
from app.detector_turns import FairDetectorQueue
from app.pipeline import CameraThread, analyse
from detect.cuda import cuda_is_available

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
    if _engine(section) == "ultralytics":
        from detect.ultralytics import UltralyticsYolo

        model = trusted_model(section, progress)
        return UltralyticsYolo(model, tuple(section.road_users), image_size=section.image_size, device=section.device)
    from detect.openvino.precision_choice import int8_folder

    file = float_model(section, progress)
    precision: str = section.precision
    if precision == "auto":
        precision = (_on_cpu(section) and precision_of(section)) or "f32"
    if precision == "int8":
        file = int8_folder(file, manifest.cache_directory() / "openvino")
        if not file.is_dir():
            raise ModelError(
                f"there is no int8 form of {section.model} whose counts were accepted; make one with "
                "`aforo models quantise`, or set detector.precision to auto"
            )
    return open_openvino(section, file, precision, first=first)


def wants_calibration(section: DetectorSection, progress: Progress | None = None) -> bool:
    """Whether nobody has decided yet which precision a model that Aforo knows runs in on this machine.

    Raises:
        AssetError, ModelError: the model cannot be had or exported.
    """
    if section.precision != "auto" or section.image_size != DetectorSection().image_size or not _on_cpu(section):
        return False
    known = section.model.removesuffix(".pt") in manifest.manifest() and _engine(section) == "openvino"
    return known and precision_of(section, progress) is None


def precision_of(section: DetectorSection, progress: Progress | None = None) -> str | None:
    """The precision chosen for a model on this machine's CPU, None when none was chosen yet.

    Raises:
        AssetError, ModelError: the model cannot be had or exported.
    """
    from detect.openvino.precision_choice import load_choice

    choice = load_choice(float_model(section, progress), section.image_size, manifest.cache_directory() / "openvino")
    return None if choice is None else choice.precision


def float_model(section: DetectorSection, progress: Progress | None = None) -> Path:
    """The configured model in OpenVINO's form, fetched and exported where that is still to do.

    Raises:
        AssetError, ModelError: it cannot be had or exported.
    """
    from detect.openvino.export import openvino_model

    return openvino_model(trusted_model(section, progress), manifest.cache_directory() / "openvino")


def trusted_model(section: DetectorSection, progress: Progress | None = None) -> Path:
    """The configured model as it comes from its maker, fetched where it is not here; nothing of it has run yet.

    Raises:
        AssetError: it cannot be had.
        ModelError: loading it could run a program of unknown origin.
    """
    model = manifest.resolve_model(section.model, progress=progress)
    check_trusted(model, section.trusted_sha256)
    return model


def open_openvino(
    section: DetectorSection,
    model: Path,
    precision: str,
    *,
    cached: bool = True,
    first: tuple[int, int] | None = None,
) -> Detector:
    """Load one form of the configured model into OpenVINO; `cached` keeps what it compiles for the next start.

    `first` is as in `open_detector`.

    Raises:
        ModelError: it cannot be run.
    """
    import cv2

    from detect.openvino.detector import OpenVinoYolo

    cv2.setNumThreads(1)  # pictures are worked on side by side; several threads in one of them only get in the way
    return OpenVinoYolo(
        model,
        tuple(section.road_users),
        image_size=section.image_size,
        device="CPU" if section.device in ("auto", "cpu") else section.device,
        precision="bf16" if precision == "bf16" else "f32",
        cache=manifest.cache_directory() / "compiled" if cached else None,
        first=first,
    )


def camera_detector(detector: Detector, camera: CameraSection, section: DetectorSection) -> Detector:
    """The shared detector as one camera sees it: in its region, and at rest while nothing moves; not to be closed."""
    if section.motion_gate:
        from detect.motion_gate import MotionGate

        detector = MotionGate(detector)
    if camera.region is not None:
        from detect.region import RegionDetector

        detector = RegionDetector(detector, camera.analysed)
    return detector


def _on_cpu(section: DetectorSection) -> bool:
    return section.device in ("auto", "cpu", "CPU")


def _engine(section: DetectorSection) -> str:
    if section.engine != "auto":
        return section.engine
    if section.device.startswith("cuda") or Path(section.model).suffix == ".engine":
        return "ultralytics"
    return "ultralytics" if section.device == "auto" and cuda_is_available() else "openvino"


def road_users(detector: Detector, section: DetectorSection) -> tuple[str | None, ...]:
    """Per class id of the detector the road user that it is, or None."""
    return tuple(section.road_users.get(label) for label in detector.labels)


def tracker_factory(users: tuple[str | None, ...], frame_rate: float) -> Callable[[], Tracker]:
    """Makes the tracker of each new session of a camera that is analysed so many times per second."""
    from track import association
    from track.tracker import CameraTracker

    association.compile_all()
    return lambda: CameraTracker(users, frame_rate)


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
            camera.source.get_secret_value(),
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
        new_tracker = tracker_factory(users, camera.analyse_fps)
        seeing = camera_detector(detector, camera, site.detector)
        return CameraThread(source, lambda: analyse(source, seeing, new_tracker, slot), publish)

    return new_camera


def counting_stage(cameras: list[CameraSection]) -> CountingStage:
    """The counting stage of those cameras."""
    return CountingStage([camera.domain() for camera in cameras])


def open_bus(site: SiteConfiguration) -> Bus:
    """The configured bus.

    Raises:
        ConfigurationError: there is no such bus.
    """
    match site.bus:
        case "memory":
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
    from api.server import tls_context

    certificate, key = site.api.tls_certificate, site.api.tls_key
    return None if certificate is None else tls_context(certificate, key)


def store_backend(site: SiteConfiguration) -> StoreBackend:
    """The configured kind of store.

    Raises:
        ConfigurationError: its address is malformed.
    """
    address = site.store.get_secret_value()
    match address.partition("://")[0]:
        case "postgresql" | "postgres":
            from aggregate.store.postgres.backend import PostgresBackend
            from aggregate.store.postgres.settings import TimescaleSettings

            return PostgresBackend(address, TimescaleSettings(**site.timescale.model_dump()))
        case _:
            from aggregate.store.sqlite.backend import SqliteBackend

            return SqliteBackend(address)
