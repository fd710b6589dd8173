"""Recordings: files written by OpenCV and PyAV, whole, cut off and broken, and the shared clips."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import subprocess
import sys
from datetime import UTC
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from aforo.clock import ManualClock, SystemClock
from aforo.errors import SourceError
from aforo.model import Frame
from aforo.session_names import reading_of
from ingest.capture import probe
from ingest.file_source import RecordedSource

START_US = 1_772_695_800_000_000


def grey(n: int) -> np.ndarray:
    return np.full((120, 160, 3), n, np.uint8)


def write_video(path: Path, frames: int = 60, fps: float = 20, fourcc: str = "MJPG") -> Path:
    """A video whose frame n is a grey of value 4n (modulo 240)."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), fps, (160, 120))
    assert writer.isOpened()
    for n in range(frames):
        writer.write(grey(4 * n % 240))
    writer.release()
    return path


def write_variable_rate(path: Path, times_ms: list[int]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for n, at_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(grey(n), format="bgr24")
            frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def recording(path: Path, **options: Any) -> RecordedSource:
    return RecordedSource(
        path, "north", **{"starts_at_us": START_US, "timezone": UTC, "clock": SystemClock(), **options}
    )


def times_ms(frames: list[Frame]) -> list[float]:
    return [(frame.captured_at_us - START_US) / 1000 for frame in frames]


@pytest.mark.parametrize(("name", "fourcc"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mkv", "mp4v")])
def test_every_frame_of_a_file_in_order_with_its_time(tmp_path: Path, name: str, fourcc: str) -> None:
    source = recording(write_video(tmp_path / name, fourcc=fourcc))
    frames = list(source.frames())
    assert [frame.index for frame in frames] == list(range(60))
    assert times_ms(frames) == pytest.approx([50 * n for n in range(60)], abs=0.01)
    assert [round(frame.image.mean()) for frame in frames] == pytest.approx([4 * n % 240 for n in range(60)], abs=4)
    assert {frame.image.shape for frame in frames} == {(120, 160, 3)}
    assert {(frame.camera, frame.session, frame.dropped) for frame in frames} == {("north", source.session, 0)}
    assert (source.complete, source.problem, source.frames_read) == (True, None, 60)
    assert source.status().state == "ended"


@pytest.mark.parametrize("name", ["v.mp4", "v.mkv", "v.ts"])
def test_a_variable_frame_rate_keeps_its_real_times(tmp_path: Path, name: str) -> None:
    real = list(itertools.accumulate([0, *([200, 33, 33] * 20)]))
    source = recording(write_variable_rate(tmp_path / name, real))
    assert times_ms(list(source.frames())) == pytest.approx(real, abs=1)
    assert source.complete


def test_analyse_fps_passes_frames_over_without_dropping_them(tmp_path: Path) -> None:
    frames = list(recording(write_video(tmp_path / "a.avi"), analyse_fps=5).frames())
    assert [frame.index for frame in frames] == list(range(0, 60, 4))
    assert {frame.dropped for frame in frames} == {0}
    assert [round(frame.image.mean()) for frame in frames] == pytest.approx([16 * n % 240 for n in range(15)], abs=4)


def test_a_recording_keeps_its_name_over_readings_and_another_start_is_another(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", frames=5)
    copy = Path(shutil.copy(path, tmp_path / "renamed.avi"))
    other = write_video(tmp_path / "b.avi", frames=6)
    sources = [recording(path), recording(copy), recording(path, starts_at_us=0), recording(other)]
    for source in sources:
        list(source.frames())
    readings = [reading_of(source.session) for source in sources]
    same, renamed, later, different = (reading.recording for reading in readings if reading is not None)
    assert same == renamed
    assert len({same, later, different}) == 3


def test_every_reading_is_a_session_of_its_own_and_later_ones_have_larger_numbers(tmp_path: Path) -> None:
    path, clock = write_video(tmp_path / "a.avi", frames=5), ManualClock()
    numbers = []
    for _ in range(3):
        source = recording(path, clock=clock)
        list(source.frames())
        reading = reading_of(source.session)
        assert reading is not None
        numbers.append(reading.number)
        clock.advance(1)
    assert numbers == sorted(set(numbers))


def test_rounds_of_repeat_are_sessions_that_follow_on(tmp_path: Path) -> None:
    source = recording(write_video(tmp_path / "a.avi", frames=10), repeat=True)
    frames = []
    for frame in source.frames():
        frames.append(frame)
        if len(frames) == 25:
            source.close()
    assert len(frames) == 25
    assert times_ms(frames) == pytest.approx([50 * n for n in range(25)], abs=0.01)
    assert [frame.index for frame in frames] == [n % 10 for n in range(25)]
    first = frames[0].session
    assert [frame.session for frame in frames[::10]] == [first, f"{first}-2", f"{first}-3"]


def test_a_slow_machine_does_not_thin_a_recording(tmp_path: Path) -> None:
    """Which frames are dropped would be chance, and so would be the tracks and their ids: no two readings alike."""
    clock = ManualClock()
    frames = []
    for frame in recording(write_video(tmp_path / "a.avi"), paced=True, clock=clock).frames():
        frames.append(frame)
        clock.advance(0.5 if frame.index in (10, 30) else 0.001)
    assert [frame.index for frame in frames] == list(range(60))
    assert not any(frame.dropped for frame in frames)


def test_a_recording_that_may_be_thinned_drops_what_a_late_consumer_misses_and_counts_it(tmp_path: Path) -> None:
    clock = ManualClock()
    source = recording(write_video(tmp_path / "a.avi"), paced=True, drop_late=True, clock=clock)
    frames = []
    for frame in source.frames():
        frames.append(frame)
        clock.advance(0.5 if frame.index == 10 else 0.001)
    assert clock.monotonic_s() == pytest.approx(59 * 0.05, abs=0.01)
    assert [b.index - a.index - 1 for a, b in itertools.pairwise(frames)] == [frame.dropped for frame in frames[1:]]
    assert [frame.dropped for frame in frames if frame.dropped] == [8]
    assert source.status().dropped == 8


@pytest.mark.parametrize(("name", "fourcc"), [("a.avi", "MJPG"), ("a.mkv", "mp4v")])
def test_a_truncated_file_gives_what_is_readable_and_says_so(tmp_path: Path, name: str, fourcc: str) -> None:
    path = write_video(tmp_path / name, fourcc=fourcc)
    whole = [frame.image for frame in recording(path).frames()]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = recording(path)
    frames = list(source.frames())
    assert 15 < len(frames) < 45
    assert all(np.array_equal(frame.image, whole[n]) for n, frame in enumerate(frames[:-1]))
    assert not source.complete
    assert f"announces 60 frames, only {len(frames)} could be read" in str(source.problem)
    assert source.status().problem == source.problem


def test_closing_early_is_neither_complete_nor_a_problem(tmp_path: Path) -> None:
    source = recording(write_video(tmp_path / "a.avi"))
    for _ in source.frames():
        source.close()
        source.close()
    assert (source.complete, source.problem, source.frames_read) == (False, None, 1)


def broken(folder: Path, kind: str) -> Path:
    path = folder / "clip.mp4"
    match kind:
        case "directory":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path = folder / "clip.txt"
            path.write_text("hello " * 1000)
        case "bytes":
            path = folder / "clip.bin"
            path.write_bytes(bytes(range(256)) * 1000)
        case "picture":
            path = folder / "clip.jpg"
            cv2.imwrite(str(path), grey(9))
        case "sound":
            with av.open(str(path), "w") as container:
                stream = container.add_stream("aac", rate=44_100)
                samples = av.AudioFrame.from_ndarray(np.zeros((1, 8192), np.float32), format="fltp", layout="mono")
                samples.rate = 44_100
                container.mux([*stream.encode(samples), *stream.encode()])
        case "page":
            path.write_text("<html><body>404 Not Found</body></html>\n" * 20)
        case "cut off before its index":
            write_video(path, fourcc="mp4v")
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "no such video"),
        ("directory", "is a directory"),
        ("empty", "is empty"),
        *((kind, "is not a video that can be read") for kind in ("text", "bytes", "page")),
        ("picture", "is not a video but a single picture"),
        ("sound", "is not a video: it holds sound alone"),
        ("cut off before its index", r"its index \(moov\) is missing"),
    ],
)
def test_what_is_no_video_is_one_clear_sentence(tmp_path: Path, kind: str, sentence: str) -> None:
    path = broken(tmp_path, kind)
    source = recording(path)
    with pytest.raises(SourceError, match=sentence) as caught:
        next(source.frames())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert source.status().state == "offline"
    assert str(source.status().problem) == str(caught.value)
    with pytest.raises(SourceError, match=sentence):
        probe(path)


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        *((f"a.{ending}", "libsvtav1", "yuv420p") for ending in ("mp4", "mkv", "webm")),
        ("a.mp4", "libx265", "yuv420p10le"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.ts", "mpeg2video", "yuv420p"),
        ("a.mkv", "ffv1", "gray10le"),
        ("a.avi", "rawvideo", "yuv420p"),
        ("a.gif", "gif", "rgb8"),
        ("a.mjpeg", "mjpeg", "yuvj420p"),
    ],
)
def test_every_usual_codec_is_read(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pixels
        for n in range(12):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey(20 * n), format="bgr24")))
        container.mux(stream.encode())
    frames = list(recording(path, **({"recorded_fps": 10} if name == "a.mjpeg" else {})).frames())
    assert times_ms(frames) == pytest.approx([100 * n for n in range(12)], abs=1)
    assert [round(frame.image.mean()) for frame in frames] == pytest.approx([20 * n for n in range(12)], abs=8)
    facts = probe(path)
    assert (facts.width_px, facts.height_px) == (160, 120)


def write_turned(path: Path, codec: str, matrix: tuple[int, int, int, int]) -> Path:
    """A video whose corners differ, and whose container says how to turn it (ISO/IEC 14496-12, 8.3.2)."""
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[:60, :80], picture[60:, :80] = 255, 120
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    assert struct.unpack_from(">5i", data, at) == (1 << 16, 0, 0, 0, 1 << 16)
    a, b, c, d = (each << 16 for each in matrix)
    struct.pack_into(">5i", data, at, a, b, 0, c, d)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("matrix", [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)])
def test_a_turned_recording_is_turned_alike_whatever_decodes_it(
    tmp_path: Path, matrix: tuple[int, int, int, int]
) -> None:
    """OpenCV turns by itself what it decodes; AV1 is decoded by PyAV, which does not."""
    images = []
    for codec in ("libx264", "libsvtav1"):
        path = write_turned(tmp_path / f"{codec}.mp4", codec, matrix)
        images.append(next(recording(path).frames()).image)
        facts = probe(path)
        assert (facts.width_px, facts.height_px) == images[-1].shape[1::-1]
    assert images[0].shape == images[1].shape
    assert np.abs(images[0].astype(int) - images[1]).mean() < 5


@pytest.mark.parametrize("name", ["2026-03-05T07:30:00.avi", "north:1.avi", "file:x.avi", "-dash.avi", "a%20b #1?.avi"])
def test_a_relative_name_is_a_name_whatever_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A time of day has colons, and FFmpeg takes what stands before one for a protocol."""
    write_video(tmp_path / "plain.avi").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert len(list(recording(Path(name)).frames())) == 60
    assert probe(Path(name)).frames == 60


def test_probe_tells_size_rate_and_length(tmp_path: Path) -> None:
    facts = probe(write_video(tmp_path / "a.avi", frames=30, fps=12.5))
    assert (facts.width_px, facts.height_px, facts.fps, facts.frames) == (160, 120, 12.5, 30)


def test_a_start_in_the_file_name_is_event_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "north_2026-03-05_07-30-00.avi", frames=2)
    assert next(recording(path, starts_at_us=None).frames()).captured_at_us == START_US


def test_reading_broken_files_prints_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] + os.urandom(2000))
    (tmp_path / "b.mp4").write_bytes(os.urandom(5000))
    program = (
        "import sys\nfrom pathlib import Path\nimport cv2\nfrom ingest.capture import open_file, probe\n"
        "print(probe(Path(sys.argv[1])).frames)\n"
        "capture = open_file(Path(sys.argv[1]))\nwhile capture.grab(): pass\n"
        "try:\n    probe(Path(sys.argv[2]))\nexcept Exception as error: print(type(error).__name__)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(path), str(tmp_path / "b.mp4")], capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("60\nProblemError\n", "")


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("clip", "fps", "frames"),
    [("bgs_avenue.avi", 60, 1699), ("intel_pbc.mp4", 12, 459), ("nl_motorway.mp4", 30_000 / 1001, 335)],
)
def test_real_recordings_are_complete_and_keep_their_true_rate(
    shared_data: Path, clip: str, fps: float, frames: int
) -> None:
    source = recording(shared_data / "clips" / clip)
    times = times_ms(list(source.frames()))
    assert len(times) == frames
    assert times[-1] == pytest.approx(1000 * (frames - 1) / fps, rel=1e-4)
    assert (source.complete, source.problem) == (True, None)
