"""A camera's scale of cars outlives sessions and processes, and no file of it can stop the counting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from aforo.config.site import SiteConfiguration
from aforo.model import MICROSECONDS, Frame, TrackEnd
from app.assemble import scale_file
from track.kept_scale import OLDEST_US, SAVED_EVERY_US, KeptScale, known_scale
from track.scene_scale import SceneScale
from track.tracker import CameraTracker

CLASSES = ("car", "truck")
START_US = 1_700_000_000 * MICROSECONDS
CAR, VAN, SMALL_LORRY = ("car", 1.0), ("truck", 1.2), ("truck", 1.7)


def session(
    path: Path | None, *vehicles: tuple[str, float], at_us: int = START_US, shape: tuple[int, int] = (720, 1280)
) -> list[str | None]:
    """The final classes of vehicles that drive away one after the other; each has a name and a size."""
    tracker = CameraTracker(CLASSES, 15.0, None if path is None else KeptScale(path))
    ends, index, message = list[TrackEnd](), 0, None
    height, width = shape
    for name, size in vehicles:
        for step in range(85):
            y2 = 0.85 - 0.012 * step
            side = 0.25 * (y2 - 0.1) * size * height
            box = [width / 2 - side / 2, y2 * height - side, width / 2 + side / 2, y2 * height]
            boxes = np.array([box], np.float32)[: int(step < 45)]
            seen = sv.Detections(
                xyxy=boxes.reshape(-1, 4),
                confidence=np.full(len(boxes), 0.8, np.float32),
                class_id=np.full(len(boxes), CLASSES.index(name)),
            )
            image = np.zeros((height, width, 3), np.uint8)
            frame = Frame("c", "1", index, at_us + round(index / 15 * MICROSECONDS), image)
            message = tracker.update(frame, seen)
            ends += message.ended
            index += 1
    assert message is not None
    return [end.road_user for end in (*ends, *tracker.finish(message).ended)]


def test_a_new_session_names_vans_from_the_first_on(tmp_path: Path) -> None:
    path = tmp_path / "scales" / "north.npz"
    assert session(path, *[CAR] * 4) == ["car"] * 4
    assert session(path, VAN, at_us=START_US + 3600 * MICROSECONDS) == ["car"]
    assert session(path, SMALL_LORRY) == ["truck"]
    assert session(None, VAN) == ["truck"]
    assert known_scale(path) is not None
    assert [each.name for each in path.parent.iterdir()] == ["north.npz"]


def test_what_is_known_is_told(tmp_path: Path) -> None:
    path = tmp_path / "north.npz"
    assert known_scale(path) is None
    session(path, *[CAR] * 4)
    known = known_scale(path)
    assert known is not None and known.cars == 4
    assert START_US < known.newest_us < START_US + 60 * MICROSECONDS


@pytest.mark.parametrize(
    ("at_us", "shape"), [(START_US + OLDEST_US + 3600 * MICROSECONDS, (720, 1280)), (START_US, (960, 1280))]
)
def test_a_scale_of_long_ago_or_of_another_picture_says_nothing(
    tmp_path: Path, at_us: int, shape: tuple[int, int]
) -> None:
    path = tmp_path / "north.npz"
    session(path, *[CAR] * 4)
    assert session(path, VAN, at_us=at_us, shape=shape) == ["truck"]


def test_a_damaged_file_is_learnt_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "north.npz"
    session(path, *[CAR] * 4)
    whole = path.read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2], whole[:-30], whole[:200] + bytes(100) + whole[300:]):
        path.write_bytes(damaged)
        caplog.clear()
        scale = KeptScale(path).open(16 / 9, START_US)
        assert len(scale.cars) in (0, 4)  # an archive may bear a scratch where nothing is
        if not scale.cars:
            assert "learnt again" in caplog.text
    path.write_bytes(b"no archive")
    assert session(path, *[CAR] * 4, VAN) == ["car"] * 5
    assert known_scale(path) is not None


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "scales").write_text("a file where the folder should be")
    assert session(tmp_path / "scales" / "north.npz", *[CAR] * 4, VAN) == ["car"] * 5
    assert "cannot be kept" in caplog.text


def test_it_is_saved_once_a_minute_at_most_and_at_the_end(tmp_path: Path) -> None:
    kept, scale = KeptScale(tmp_path / "north.npz"), SceneScale(16 / 9)
    kept.open(16 / 9, START_US)
    scale.restore([np.ones((4, 5))], START_US)
    kept.save(scale, START_US + 2 * SAVED_EVERY_US)
    assert not kept.path.exists()  # nothing was learnt
    scale.learnt = 1
    kept.save(scale, START_US + SAVED_EVERY_US - 1)
    assert not kept.path.exists()
    kept.save(scale, START_US + SAVED_EVERY_US)
    assert kept.path.exists()
    kept.path.unlink()
    scale.learnt = 2
    kept.save(scale, START_US + SAVED_EVERY_US + 1)
    assert not kept.path.exists()
    kept.save(scale, START_US + SAVED_EVERY_US + 1, now=True)
    assert kept.path.exists()


def test_recordings_keep_nothing_so_that_they_always_count_the_same() -> None:
    sources = {"north": "rtsp://10.0.0.5/stream", "usb": "0", "film": "north.mp4"}
    site = SiteConfiguration.model_validate({"cameras": [{"id": id_, "source": at} for id_, at in sources.items()]})
    files = {camera.id: scale_file(site, camera) for camera in site.cameras}
    assert files["film"] is None
    assert files["north"] is not None and files["usb"] is not None and files["north"] != files["usb"]
    other = site.model_copy(update={"site": site.site.model_copy(update={"id": "another"})})
    assert scale_file(other, other.cameras[0]) != files["north"]
