"""The one place that opens OpenCV captures: quiet, RTSP over TCP, with time-outs, with a header that can be trusted.

OpenCV serialises the opening of all FFmpeg captures of a process: a camera that accepts the connection and says nothing
holds up every other camera until its time-out. So `knock` finds dead hosts before, outside OpenCV.
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
from typing import Any
from urllib.parse import urlsplit

# FFmpeg reads these at its first use. Its messages carry the credentials of cameras: a user may still ask for them.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# Without fpsprobesize FFmpeg watches 20 frames to guess a frame rate that a live camera has no use for.
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp|fpsprobesize;2")

import cv2

from aforo.camera_state import Problem, ProblemError
from aforo.model import MICROSECONDS
from aforo.redaction import without_credentials

if os.environ["OPENCV_LOG_LEVEL"] == "SILENT":  # OpenCV may have been imported, and have read its level, before us
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

OPENING = threading.Lock()
"""Held while a live capture is opened, so that the wait for another camera's opening is not taken for silence."""

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
_SANE_FPS = (1.0, 240.0)
_SANE_FRAMES = 10**9
_SAMPLE = 50
_FALLBACK_FPS = 25.0  # for recordings that say nothing at all about time; FFmpeg assumes the same
_TEXT_ART = {0, int.from_bytes(b"ansi", "little")}  # FFmpeg "decodes" plain text and bytes as terminal art


@dataclass(frozen=True, slots=True)
class Header:
    """What a container says about itself; None where it says nothing believable.

    Attributes:
        fps: nominal frames per second.
        frames: number of frames; some containers only know duration × fps.
    """

    fps: float | None
    frames: int | None


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """A recording as it presents itself.

    Attributes:
        width_px, height_px: of the first picture as it is shown (rotation applied).
        fps: nominal, or from the presentation times of the first frames where the header is nonsense.
        frames: as the header says (an estimate in some containers), None when it does not.
    """

    path: Path
    width_px: int
    height_px: int
    fps: float
    frames: int | None


def open_file(path: Path) -> Any:
    """Open a recording.

    Returns:
        An opened `cv2.VideoCapture` that delivers BGR pictures.

    Raises:
        ProblemError: there is no such file, or it is not a video that can be read.
    """
    if not path.exists():
        raise ProblemError(Problem.of("no-file", path))
    if path.is_dir():
        raise ProblemError(Problem.of("directory", path))
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise ProblemError(Problem.of("empty-file", path))
    except OSError as error:
        raise ProblemError(Problem.of("unreadable", path, error.strerror)) from error
    # Absolute, or FFmpeg takes what stands before a colon in the name (2026-03-05T07:30:00.avi) for a protocol.
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    if (
        not capture.isOpened()
        or int(capture.get(cv2.CAP_PROP_FOURCC)) in _TEXT_ART
        or cv2.haveImageReader(str(path.absolute()))
    ):
        capture.release()
        raise ProblemError(Problem.of("no-video-file", path))
    return capture


def open_live(source: str, open_timeout_s: float, read_timeout_s: float) -> Any:
    """Open a camera: a network address, or the number of a USB camera.

    Returns:
        A `cv2.VideoCapture`, perhaps not opened. Blocks for up to `open_timeout_s`; reads up to `read_timeout_s`.
    """
    if source.isdecimal():
        return cv2.VideoCapture(int(source), cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY)
    timeouts = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        round(open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        round(read_timeout_s * 1000),
        cv2.CAP_PROP_N_THREADS,
        1,  # several would hold back one frame each, and many cameras keep all cores busy anyway
    ]
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, timeouts)


def read_header(capture: Any) -> Header:
    """What the container of an opened capture says, nonsense left out."""
    fps, frames = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return Header(
        fps=fps if _SANE_FPS[0] <= fps <= _SANE_FPS[1] else None,
        frames=int(frames) if 0 < frames < _SANE_FRAMES else None,
    )


def position_ms(capture: Any) -> float:
    """Presentation time of the frame grabbed last, as the container has it: milliseconds, at times nonsense."""
    return float(capture.get(cv2.CAP_PROP_POS_MSEC))


def probe(path: Path) -> VideoFacts:
    """Look at a recording without reading it.

    Raises:
        ProblemError: as `open_file`, or there is no picture in it.
    """
    capture = open_file(path)
    try:
        decoded, image = capture.read()
        if not decoded:
            raise ProblemError(Problem.of("pictureless", path))
        header = read_header(capture)
        return VideoFacts(path, image.shape[1], image.shape[0], header.fps or _measured_fps(capture), header.frames)
    finally:
        capture.release()


def _measured_fps(capture: Any) -> float:
    times = [position_ms(capture)]
    while len(times) < _SAMPLE and capture.grab():
        times.append(position_ms(capture))
    steps = [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]
    return 1000 / statistics.median(steps) if steps else _FALLBACK_FPS


def period_us(header: Header) -> int:
    """Nominal time from one frame to the next."""
    return round(MICROSECONDS / (header.fps or _FALLBACK_FPS))


def knock(source: str, timeout_s: float) -> Problem | None:
    """Find out whether a network camera is there at all.

    Returns:
        What is wrong, or None when somebody answers (or a proxy would).
    """
    parts = urlsplit(source)
    if parts.scheme not in _PORTS or parts.scheme in urllib.request.getproxies():
        return None
    shown = without_credentials(source)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    try:
        with socket.create_connection((host, port), timeout_s) as connection:
            if parts.scheme == "rtsp":
                authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                connection.sendall(f"OPTIONS rtsp://{authority}/ RTSP/1.0\r\nCSeq: 1\r\n\r\n".encode())
                if not connection.recv(1):
                    return Problem.of("hung-up", shown)
    except TimeoutError:
        return Problem.of("silent", shown, f"{timeout_s:g}")
    except socket.gaierror:
        return Problem.of("unresolved", shown)
    except OSError as error:
        return Problem.of("unreachable", shown, error.strerror or "network error")
    return None
