"""The seams between the stages: who may be replaced by what.

A new kind of camera, detector, bus or database fits one of these; `app.assemble` chooses it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from aforo.model import PlaceKind

if TYPE_CHECKING:
    from pathlib import Path

    import supervision as sv

    from aforo.camera_state import CameraStatus, LiveCamera, LiveEndpoint
    from aforo.doctor_finding import Finding
    from aforo.errors import AforoError
    from aforo.model import (
        CoverageShare,
        Crossing,
        Frame,
        Image,
        Movement,
        Rows,
        TrackedFrame,
        TrackKey,
        Trajectory,
        Visit,
    )
    from aforo.site import Site
    from aforo.tracked_batch import TrackedBatch
    from aforo.volume_series import Volumes
    from aforo.words.catalogue import Language
    from aforo.write_health import WriteState


class FrameSource(Protocol):
    """Frames of one camera, in order. Ends with the recording; a live source ends only when it is closed."""

    camera: str
    session: str

    def frames(self) -> Iterator[Frame]:
        """Yield frames until the source ends.

        Raises:
            SourceError: the source cannot be opened, or is not video.
        """
        ...

    def close(self) -> None:
        """Let `frames` end soon; may be called from another thread, and twice."""
        ...


class CameraSource(FrameSource, Protocol):
    """A source that tells how it is doing.

    Attributes:
        drops: whether it throws frames away that nobody takes in time; else it waits.
    """

    drops: bool

    def status(self) -> CameraStatus:
        """How the camera is doing now; may be called from another thread."""
        ...


class RunningCamera(Protocol):
    """A camera that is being analysed, in a thread of its own.

    Attributes:
        source: where its frames come from.
        failure: why it ended, None while it runs and after a regular end.
    """

    source: CameraSource
    failure: AforoError | None

    @property
    def dropped_s(self) -> float:
        """Seconds of frames that it threw away since the start because its messages were not taken in time."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Ask it to end; `join` waits."""
        ...

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, so many seconds at most."""
        ...


class Detector(Protocol):
    """Finds road users in pictures. Several pictures may be under way at once; results keep no order of their own.

    Attributes:
        description: for people.
        capacity: how many pictures are under way in it at once.
    """

    description: str
    capacity: int

    def submit(self, image: Image) -> Future[sv.Detections]:
        """Start detection of one picture; blocks while the engine has all the work it can take.

        Returns:
            A future of detections in pixels of `image`: `xyxy` (N, 4) float32, `confidence` (N,), `class_id` (N,)
            indexing `labels`. Low confidences are kept: the tracker needs them.

        Raises:
            ModelError: through the future, when the engine fails.
        """
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Road-user component per class id, such as "person", "bicycle", "car"."""
        ...

    def close(self) -> None:
        """Wait for what is under way and free the engine."""
        ...


class DetectorBackend(Protocol):
    """One engine for networks, with the model and device that are asked of it; chosen by `app.assemble`.

    Making one loads no engine: most machines lack the libraries of some.
    """

    def suits(self) -> bool:
        """Whether it is the right engine for its model and device on this machine, where none is configured."""
        ...

    def open(self, model: Path, first: tuple[int, int] | None = None) -> Detector:
        """Load a model.

        Args:
            model: as it comes from its maker; may be trusted.
            first: width and height of the pictures that will come first, where that is known.

        Raises:
            ModelError: it cannot be loaded, or the device is missing.
        """
        ...

    def check(self, *, needed: bool) -> Iterator[Finding]:
        """What works and what does not, for `aforo doctor`; never raises for what is absent or broken.

        Args:
            needed: whether the configuration asks for this engine: what is absent is a fault only then.
        """
        ...


class Tracker(Protocol):
    """Follows the road users of one session of one camera."""

    def update(self, frame: Frame, detections: sv.Detections) -> TrackedFrame:
        """Follow everybody into the next frame."""
        ...

    def finish(self, last: TrackedFrame) -> TrackedFrame:
        """The message that closes the session after its last frame: every open track ends."""
        ...


class BatchCounter(Protocol):
    """The counting stage: tracked frames in, rows out."""

    def add(self, batch: TrackedBatch) -> Rows:
        """Take in messages, those of a session in order.

        Returns:
            The rows that are new or have changed.
        """
        ...


class Publisher(Protocol):
    """The end of a bus at which cameras are; may be used from many threads."""

    def publish(self, message: TrackedFrame) -> None:
        """Hand over one message; blocks when the bus is full (backpressure).

        Raises:
            BusError: it is closed.
        """
        ...

    def close(self) -> None:
        """No more messages will be published; what was published still arrives."""
        ...


class CountingLoop(Protocol):
    """The end of a bus at which messages are counted: those of a camera in order, each row written once."""

    def state(self) -> WriteState:
        """How writing rows goes now; may be called from another thread."""
        ...

    def run(self) -> None:
        """Count until `stop`, or until nothing can come any more; failed writes are repeated."""
        ...

    def stop(self) -> None:
        """Let `run` end soon; may be called from another thread."""
        ...


class Bus(Protocol):
    """Carries tracked frames from the cameras to the counting, in order per camera."""

    def prepare(self, cameras: int, stopped: Callable[[], bool]) -> bool:
        """Make ready for so many cameras, for as long as it takes; False when `stopped` was True before."""
        ...

    def open_publisher(self, clock: Clock) -> Publisher:
        """The cameras' end; closed by whoever opens it."""
        ...

    def open_counting(
        self,
        new_counter: Callable[[], BatchCounter],
        store: CountStore,
        clock: Clock,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> CountingLoop:
        """The counting's end.

        Args:
            new_counter: makes a counter with an empty state.
            store: where rows go; closed by whoever opened it.
            clock: for batches and retries.
            listeners: called with new rows before they are written.
        """
        ...

    def check(self) -> Iterator[Finding]:
        """What works and what does not, for `aforo doctor`; never raises."""
        ...


class CountStore(Protocol):
    """The one writer of count rows."""

    def register(self, site: Site) -> None:
        """Record the site's cameras and geometry versions, so that every count can be traced to its geometry."""
        ...

    def write(self, rows: Rows) -> None:
        """Write a batch in one transaction; writing it again changes nothing.

        Raises:
            StoreError: the database cannot be written; nothing of the batch was.
        """
        ...

    def recount(self, kind: PlaceKind, place: str, tracks: Sequence[TrackKey], rows: Rows) -> None:
        """Put other rows of a line or zone in the place of those that these tracks had there, in one transaction.

        Args:
            kind: line or zone.
            place: its id.
            tracks: those counted anew; each has its `since_us`.
            rows: what they did there.

        Raises:
            StoreError: the database cannot be written; nothing has changed.
        """
        ...

    def refresh(self, start_us: int, end_us: int) -> None:
        """Bring the volumes of a range up to date now, where that happens only now and then.

        Raises:
            StoreError: the database cannot be written.
        """
        ...

    def announce(self, endpoints: Sequence[LiveEndpoint]) -> None:
        """Record where cameras are to be seen live; the newest word on a camera holds.

        Raises:
            StoreError: the database cannot be written.
        """
        ...

    def close(self) -> None:
        """Flush and close."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class CountReader(Protocol):
    """Read-only questions. `start_us` is inclusive, `end_us` exclusive."""

    def volumes(self, kind: PlaceKind, places: Sequence[str], start_us: int, end_us: int, interval: str) -> Volumes:
        """Volumes per interval ("1m", "5m", "15m", "1h", "1d") of lines or zones, by start; empty ones absent."""
        ...

    def coverage(self, cameras: Sequence[str], start_us: int, end_us: int, interval: str) -> list[CoverageShare]:
        """Observed time per camera and interval, ordered by start; unobserved intervals are absent."""
        ...

    def crossings(self, places: Sequence[str], start_us: int, end_us: int, limit: int) -> list[Crossing]:
        """Single crossings, newest first."""
        ...

    def visits(self, places: Sequence[str], start_us: int, end_us: int) -> list[Visit]:
        """Visits that overlap the range, by entry."""
        ...

    def movements(self, start_us: int, end_us: int) -> list[Movement]:
        """Single movements that ended in the range, by time."""
        ...

    def trajectories(self, camera: str, start_us: int, end_us: int) -> list[Trajectory]:
        """The trajectories of a camera's tracks that began in the range, by start."""
        ...

    def live_endpoints(self) -> list[LiveEndpoint]:
        """Where cameras are to be seen live."""
        ...

    def timezone(self) -> str | None:
        """The time zone of stored hours and days, None where no site was registered."""
        ...

    def span_us(self) -> tuple[int, int] | None:
        """First and last observed minute of the whole store (event time), None when nothing was observed yet."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class StoreBackend(Protocol):
    """One kind of database at one address; chosen by `app.assemble`."""

    @property
    def file(self) -> Path | None:
        """The file of the database, None where it is not a file of this machine."""
        ...

    def place(self) -> Path | None:
        """Where on this machine the database lies, None where it is another one, or that is not told; never raises."""
        ...

    def open_writer(self) -> CountStore:
        """The writer, which makes the tables where they are missing.

        Raises:
            StoreError: it cannot be opened or written.
        """
        ...

    def open_reader(self) -> CountReader:
        """Questions to what a writer has made.

        Raises:
            StoreError: it cannot be opened.
        """
        ...

    def check(self) -> Iterator[Finding]:
        """What works and what does not, without changing anything; never raises for what is absent or broken.

        What can be opened passes: `ok` is False only where opening fails, or where something at work there fails.
        """
        ...


@dataclass(frozen=True, slots=True)
class LiveVideo:
    """Motion JPEG without end.

    >>> async def pictures():
    ...     yield b"--picture"
    >>> LiveVideo("multipart/x-mixed-replace; boundary=picture", pictures()).media_type
    'multipart/x-mixed-replace; boundary=picture'

    Attributes:
        media_type: multipart/x-mixed-replace, with its boundary.
        parts: of the body, as they come; closing it frees the viewer's place.
    """

    media_type: str
    parts: AsyncGenerator[bytes, None]


class LiveView(Protocol):
    """The site's cameras as they are now: those that run in this process, or those that workers show."""

    def cameras(self) -> list[LiveCamera]:
        """How each camera of the site is doing, in the order of the configuration."""
        ...

    def faults(self) -> list[str]:
        """Why this process is not ready as far as its own cameras go, in sentences; empty where all is well."""
        ...

    async def picture(self, camera: str, width_px: int | None, lang: Language) -> bytes:
        """The newest annotated picture of a camera, as JPEG.

        Args:
            camera: its id.
            width_px: about so wide, None for the camera's own width.
            lang: language of the labels.

        Raises:
            NotFoundError: there is no such camera here.
            SourceError: it has no picture, or is not shown.
            BusyError: there are too many viewers.
        """
        ...

    async def video(self, camera: str, width_px: int | None, lang: Language) -> LiveVideo:
        """The live annotated video of a camera; arguments and errors as for `picture`."""
        ...

    def events(self, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
        """Crossings, counts and camera states as server-sent events, until `close`.

        Args:
            last_event_id: of the last event that the reader has had, None where it is new.

        Raises:
            SourceError: they do not happen in this process.
            BusyError: there are too many readers.
        """
        ...

    def close(self) -> None:
        """Let every endless answer end within a second or so."""
        ...


class Clock(Protocol):
    """Processing time, injected wherever a stage must know it."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never go back, for waits and rates."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
