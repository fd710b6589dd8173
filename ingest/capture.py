"""Opens all OpenCV captures: without log output, RTSP over TCP, with time-outs, and with plausible headers only.

OpenCV serialises the opening of all FFmpeg captures of a process: a camera that accepts a connection and sends nothing
blocks every other camera until its time-out. So `check_reachable` finds such hosts first, outside OpenCV.
"""

from __future__ import annotations

import itertools
import os
import socket
import statistics
import sys
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# OpenCV and FFmpeg read these at their first use. Their messages carry the secrets of cameras and go to stderr past
# every filter: so nobody may ask for them, whatever the environment says.
os.environ.pop("OPENCV_FFMPEG_DEBUG", None)
os.environ.pop("OPENCV_VIDEOIO_DEBUG", None)
os.environ["OPENCV_LOG_LEVEL"] = "SILENT"
os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
# Without fpsprobesize FFmpeg reads 20 frames to estimate a frame rate that is not used for live cameras.
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fpsprobesize;2")

import cv2

from aforo.address import Address
from aforo.camera_state import Problem, ProblemError
from aforo.model import MICROSECONDS
from aforo.plain_files import check_plain
from ingest.file_contents import AvCapture, codec_of, is_one_picture, unreadable

cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it may have read its level earlier

OPENING_LOCK = threading.Lock()
"""Held while a live capture is opened: waiting for another camera's opening does not count as the camera's silence."""

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_PLAUSIBLE_FPS = (1.0, 240.0)
_MOST_FRAMES = 10**9
_SAMPLE = 50
_AGREEING = 0.1  # the share by which a header and times in milliseconds may differ
_WITHOUT_TIMES = (b"\xff\xd8", b"--", b"\x12\x00")
"""First bytes of raw JPEGs, without and with boundaries, and of raw AV1: FFmpeg makes their times up."""

_FALLBACK_FPS = 25.0  # for recordings without any times; the same as in FFmpeg
_AV1 = int.from_bytes(b"AV01", "little")
_UNNAMED = {0, int.from_bytes(b"ansi", "little")}  # uncompressed video, or text that FFmpeg takes for a video


RateSource = Literal["file", "given", "assumed"]
"""Who says how many frames per second a recording has: the file itself, its user, or nobody."""


@dataclass(frozen=True, slots=True)
class Header:
    """Header of a video container; None for missing or implausible values.

    Attributes:
        fps: nominal frames per second.
        frames: number of frames; in some containers an estimate, duration × fps.
    """

    fps: float | None
    frames: int | None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """Size and length of a recording.

    Attributes:
        width_px, height_px: of the first picture, with rotation applied.
        fps: frames per second.
        frames: from the header (in some containers an estimate), None if it has none.
        fps_source: who says so.
    """

    path: Path
    width_px: int
    height_px: int
    fps: float
    frames: int | None
    fps_source: RateSource = "file"


def open_file(path: Path) -> Any:
    """Open a recording.

    Returns:
        An opened `cv2.VideoCapture`, or what is used like one, that delivers BGR pictures.

    Raises:
        ProblemError: there is no such file, or it is not a video that can be read.
    """
    if not os.path.exists(path):  # Path.exists raises where a name is too long
        raise ProblemError(Problem.of("no-file", path))
    if path.is_dir():
        raise ProblemError(Problem.of("directory", path))
    try:
        check_plain(path)
        with path.open("rb") as file:
            if not file.read(1):
                raise ProblemError(Problem.of("empty-file", path))
    except OSError as error:
        raise ProblemError(Problem.of("unreadable", path, error.strerror)) from error
    # Absolute, since FFmpeg takes the text before a colon in a name (2026-03-05T07:30:00.avi) for a protocol.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    if not capture.isOpened() or is_one_picture(path) or (code in _UNNAMED and not codec_of(path)):
        capture.release()
        raise ProblemError(unreadable(path))
    if code == _AV1:
        capture.release()
        return AvCapture(path)
    return capture


def open_live(source: Address, open_timeout_s: float, read_timeout_s: float) -> Any:
    """Open a camera: a network address, or the number of a USB camera.

    Returns:
        A `cv2.VideoCapture`, which may not be open. Opening blocks for up to `open_timeout_s`, a read for up to
        `read_timeout_s`.
    """
    text = source.reveal()
    if text.isdecimal():
        return cv2.VideoCapture(int(text), cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    timeouts = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        round(open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        round(read_timeout_s * 1000),
        cv2.CAP_PROP_N_THREADS,
        1,  # each further thread delays by a frame, and many cameras use all cores anyway
    ]
    return cv2.VideoCapture(text, cv2.CAP_FFMPEG, timeouts)


def is_av1(capture: Any) -> bool:
    """Whether an opened `cv2.VideoCapture` is of AV1, which it cannot decode."""
    return int(capture.get(cv2.CAP_PROP_FOURCC)) == _AV1


def read_header(capture: Any) -> Header:
    """The header of an opened capture, without implausible values."""
    fps, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return Header(
        fps=fps if _PLAUSIBLE_FPS[0] <= fps <= _PLAUSIBLE_FPS[1] else None,
        frames=int(frames) if 0 < frames < _MOST_FRAMES else None,
    )


def position_ms(capture: Any) -> float:
    """Presentation time of the last grabbed frame in the container, milliseconds; may be implausible."""
    return float(capture.get(cv2.CAP_PROP_POS_MSEC))


def probe(path: Path, recorded_fps: float | None = None) -> VideoFacts:
    """Size and length of a recording, from its header and first pictures.

    Args:
        path: of the file.
        recorded_fps: frames per second as its user says, None to take what the file tells.

    Raises:
        ProblemError: it is not a video that can be read, or contains no picture.
    """
    capture = open_file(path)
    try:
        decoded, image = capture.read()
        if not decoded:
            raise ProblemError(Problem.of("pictureless", path, codec_of(path) or "no known codec"))
        header = read_header(capture)
    finally:
        capture.release()
    rate = frame_rate(path, header, recorded_fps)
    return VideoFacts(path, image.shape[1], image.shape[0], rate.fps, header.frames, rate.source)


@dataclass(frozen=True, slots=True)
class FrameRate:
    """Frames per second of a recording, and who says so."""

    fps: float
    source: RateSource = "file"


def frame_rate(path: Path, header: Header, recorded_fps: float | None = None) -> FrameRate:
    """The rate of a recording, and who says so.

    Raw streams (.h264, .hevc, .mjpeg as some recorders write them) tell neither times nor a rate. FFmpeg then takes 25
    without a word, and what took 79 s would be counted as 32 s.

    Args:
        path: of the file.
        header: of it; one that knows no length is believed only where the times of the first frames agree.
        recorded_fps: what its user says; stands above all.

    Raises:
        ProblemError: the file cannot be read.
    """
    if recorded_fps is not None:
        return FrameRate(recorded_fps, "given")
    if header.fps is not None and header.frames is not None:
        return FrameRate(header.fps)
    capture = open_file(path)
    try:
        measured = _measured_fps(capture)
    finally:
        capture.release()
    if measured is None or (header.frames is None and _begins_without_times(path)):
        return FrameRate(header.fps or _FALLBACK_FPS, "assumed")
    agrees = header.fps is not None and abs(measured / header.fps - 1) <= _AGREEING
    return FrameRate(header.fps if agrees and header.fps is not None else measured)


def _measured_fps(capture: Any) -> float | None:
    """By the times of the first frames, None where they have none."""
    times = [position_ms(capture) for _ in itertools.takewhile(lambda _: capture.grab(), range(_SAMPLE))]
    steps = [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]
    return 1000 / statistics.median(steps) if steps else None


def _begins_without_times(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in _WITHOUT_TIMES


def period_us(header: Header) -> int:
    """Nominal time between frames, microseconds."""
    return round(MICROSECONDS / (header.fps or _FALLBACK_FPS))


def check_reachable(source: Address, timeout_s: float) -> Problem | None:
    """Check whether the host of a network camera answers.

    Returns:
        The problem, or None if it answers, or is reached through a proxy.
    """
    if source.scheme not in _PORTS or source.scheme in urllib.request.getproxies():
        return None
    ((host, given_port),) = source.hosts
    port = given_port or _PORTS[source.scheme]
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            if source.scheme == "rtsp":
                authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                connection.sendall(f"OPTIONS rtsp://{authority}/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
                if not connection.recv(1):
                    return Problem.of("hung-up", source)
    except TimeoutError:
        return Problem.of("silent", source, f"{timeout_s:g}")
    except socket.gaierror:
        return Problem.of("unresolved", source)
    except OSError as error:
        return Problem.of("unreachable", source, error.strerror or "network error")
    return None
