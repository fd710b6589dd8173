"""The stages together in one process: real tracker, bus, counting and store; only the pictures are painted.

The detector finds coloured rectangles, so that what passes the line is known exactly.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from trajectories import START_US, STEP_US, Walker, counting_line, session, straight

from aforo.bus.memory import MemoryBus
from aforo.clock import SystemClock
from aforo.errors import ModelError, SourceError, StoreError
from aforo.model import Frame, Image, Rows, TrackedFrame
from aforo.site import Camera
from aggregate.counting.counter import CountingStage
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from app.assemble import tracker_factory
from app.pipeline import CameraThread, CountingThread, analyse

WIDTH, HEIGHT = 320, 240
PATIENCE_S = 20.0
CAMERA = Camera("c", lines=(counting_line((0.5, 0.1), (0.5, 0.9), directions=("left", "right")),))
USERS = ("pedestrian", "car", None)


class PaintedSource:
    """A walker from left to right through a grey picture, in each of some sessions."""

    camera = "c"
    session = "0"

    def __init__(self, frames: int = 40, sessions: int = 1, failing_at: int | None = None) -> None:
        self._frames, self._sessions, self._failing_at = frames, sessions, failing_at
        self._closed = threading.Event()
        self.handed_out = 0

    def frames(self) -> Iterator[Frame]:
        for number in range(self._sessions):
            for i in range(self._frames):
                if self._closed.is_set():
                    return
                if self._failing_at == i:
                    raise SourceError("the camera c went away")
                image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
                x = round((i + 1) * WIDTH / (self._frames + 2))
                image[100:160, max(0, x - 12) : x + 12] = (0, 0, 255)
                at_us = START_US + (number * self._frames + i) * STEP_US
                self.handed_out += 1
                yield Frame("c", str(number), i, at_us, image)

    def close(self) -> None:
        self._closed.set()


class RedFinder:
    """A detector of red things: persons. It answers from threads of its own, as the real ones do."""

    description = "finds red"
    capacity = 3
    labels = ("person", "car", "anything else")

    def __init__(self, failing_at: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(3)
        self._failing_at, self._asked = failing_at, 0

    def submit(self, image: Image) -> Future[sv.Detections]:
        self._asked += 1
        return self._pool.submit(self._find, image, self._asked)

    def _find(self, image: Image, number: int) -> sv.Detections:
        if number == self._failing_at:
            raise ModelError("the engine failed")
        time.sleep(0.002 if number % 3 else 0.01)  # some answers are late: the order must not suffer
        ys, xs = np.nonzero(image[:, :, 2] > 200)
        box = [[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]] if len(xs) else np.empty((0, 4))
        number_found = len(box)
        return sv.Detections(
            xyxy=np.asarray(box, np.float32).reshape(-1, 4),
            confidence=np.full(number_found, 0.9, np.float32),
            class_id=np.zeros(number_found, int),
        )

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture
def detector() -> Iterator[RedFinder]:
    with closing(RedFinder()) as made:
        yield made


def test_frames_come_in_order_each_with_its_own_road_users(detector: RedFinder) -> None:
    messages = list(analyse(PaintedSource(), detector, tracker_factory(USERS, 10)))
    frames, last = messages[:-1], messages[-1]
    assert [tracked.index for _, tracked in frames] == list(range(40))
    for frame, tracked in frames:
        assert frame is not None
        assert frame.captured_at_us == tracked.captured_at_us
        for seen in tracked.objects:
            assert seen.box.bottom_centre.x * WIDTH == pytest.approx((frame.index + 1) * WIDTH / 42, abs=4)
    assert any(tracked.objects for _, tracked in frames)
    assert last[0] is None
    assert last[1].last
    assert not last[1].objects


def test_every_session_has_its_own_tracks_and_its_own_end(detector: RedFinder) -> None:
    messages = [tracked for _, tracked in analyse(PaintedSource(sessions=3), detector, tracker_factory(USERS, 10))]
    assert [m.session for m in messages if m.last] == ["0", "1", "2"]
    begun: dict[str, set[int]] = {}
    for tracked in messages:
        begun.setdefault(tracked.session, set()).update(seen.track_id for seen in tracked.objects)
    assert all(len(tracks) == 1 for tracks in begun.values())
    for name in begun:
        own = [m for m in messages if m.session == name]
        assert own[-1].last
        assert {end.track_id for m in own for end in m.ended} == begun[name]


def test_a_camera_that_fails_is_told_after_what_it_had_shown(detector: RedFinder) -> None:
    got = []
    with pytest.raises(SourceError, match="went away"):
        for item in analyse(PaintedSource(failing_at=12), detector, tracker_factory(USERS, 10)):
            got.append(item)
    assert [tracked.last for _, tracked in got] == [False] * 12 + [True]
    assert len(got[-1][1].ended) == 1  # the walker's track is over, so its rows become final


def test_an_engine_that_fails_is_told() -> None:
    with closing(RedFinder(failing_at=5)) as failing, pytest.raises(ModelError, match="engine failed"):
        list(analyse(PaintedSource(), failing, tracker_factory(USERS, 10)))


def test_whoever_stops_looking_ends_the_reading(detector: RedFinder) -> None:
    source = PaintedSource(frames=10_000)
    messages = analyse(source, detector, tracker_factory(USERS, 10))
    next(messages)
    messages.close()  # type: ignore[attr-defined]
    assert source.handed_out < 50
    assert not [t for t in threading.enumerate() if t.name == "read c"]


def test_from_pictures_to_rows_in_the_store(tmp_path: Path, detector: RedFinder) -> None:
    path = tmp_path / "counts.db"
    with SqliteStore(path) as store:
        bus = MemoryBus(capacity=4)
        told: list[Rows] = []
        counting = CountingThread(
            bus.open_counting(lambda: CountingStage([CAMERA]), store, SystemClock(), (told.append,))
        )
        source = PaintedSource(sessions=2)
        camera = CameraThread(
            source, lambda: analyse(source, detector, tracker_factory(USERS, 10)), lambda _, m: bus.publish(m)
        )
        counting.start()
        camera.start()
        camera.join(PATIENCE_S)
        bus.close()
        counting.join(PATIENCE_S)
    assert camera.failure is None
    with closing(SqliteReader(path)) as reader:
        rows = reader.crossings(["line"], 0, START_US * 2, 100)
        coverage = reader.coverage(["c"], START_US - 60_000_000, START_US + 60_000_000, "1m")
    assert sorted((r.session, r.direction, r.road_user, r.final) for r in rows) == [
        ("0", "right", "pedestrian", True),
        ("1", "right", "pedestrian", True),
    ]
    assert sum(share.frames for share in coverage) == 80
    middle = START_US + 20 * STEP_US
    assert min(rows, key=lambda r: r.session).at_us == pytest.approx(middle, abs=2 * STEP_US)
    assert sum(len(r.crossings) for r in told) >= 4  # provisional, then final


class BrokenStore:
    """The SQLite store behind a failure that lasts a while; keeps what it was asked to write."""

    def __init__(self, store: SqliteStore, failures: int) -> None:
        self._store, self.failures, self.attempts = store, failures, 0

    def register(self, site: object) -> None:
        raise AssertionError("not used here")

    def write(self, rows: Rows) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise StoreError("the disk is full")
        self._store.write(rows)

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> BrokenStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class PatientClock(SystemClock):
    """Retries at once."""

    def sleep(self, seconds: float) -> None:
        time.sleep(0.01)


def walkers() -> list[TrackedFrame]:
    return session([Walker(straight((0.3, 0.5), (0.7, 0.5), 20), enters=i) for i in range(5)])


def test_a_store_that_fails_for_a_while_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "counts.db"
    with BrokenStore(SqliteStore(path), failures=7) as store:
        bus = MemoryBus()
        counting = CountingThread(bus.open_counting(lambda: CountingStage([CAMERA]), store, PatientClock()))
        counting.start()
        for message in walkers():
            bus.publish(message)
        bus.close()
        counting.join(PATIENCE_S)
    assert store.attempts > 7
    assert counting.failure == ""
    with closing(SqliteReader(path)) as reader:
        assert len(reader.crossings(["line"], 0, START_US * 2, 100)) == 5


def test_a_store_that_never_works_again_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    """The bus is full and the camera waits for room: closing the bus and giving up still ends all threads."""
    with BrokenStore(SqliteStore(tmp_path / "counts.db"), failures=10**9) as store:
        bus = MemoryBus(capacity=2)
        counting = CountingThread(bus.open_counting(lambda: CountingStage([CAMERA]), store, PatientClock()))
        source = PaintedSource(frames=10_000)
        with closing(RedFinder()) as detector:
            camera = CameraThread(
                source, lambda: analyse(source, detector, tracker_factory(USERS, 10)), lambda _, m: bus.publish(m)
            )
            counting.start()
            camera.start()
            while not counting.failure:
                time.sleep(0.01)
            ended = threading.Thread(target=lambda: (camera.stop(), bus.close(), camera.join(), counting.join(0.1)))
            ended.daemon = True
            ended.start()
            ended.join(PATIENCE_S)
            assert not ended.is_alive()
    assert "disk is full" in counting.failure


def test_one_camera_that_fails_leaves_the_others_alone(detector: RedFinder) -> None:
    bus = MemoryBus(capacity=10_000)
    sources = [PaintedSource(failing_at=3), PaintedSource()]
    cameras = [
        CameraThread(s, lambda s=s: analyse(s, detector, tracker_factory(USERS, 10)), lambda _, m: bus.publish(m))  # type: ignore[misc]
        for s in sources
    ]
    for camera in cameras:
        camera.start()
    for camera in cameras:
        camera.join(PATIENCE_S)
    assert isinstance(cameras[0].failure, SourceError)
    assert cameras[1].failure is None
    bus.close()
    assert Counter(head.last for batch in bus.batches() for head in batch.heads()) == {False: 43, True: 2}
