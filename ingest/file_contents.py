"""What a file holds that OpenCV cannot read as a video, so that errors say what is known; and its decoding by PyAV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import cv2
from av.container import InputContainer
from av.video.frame import VideoFrame

from aforo.camera_state import Problem, ProblemError
from ingest.recording_start import lacks_index

_TEXT_CODECS = {"ansi", "bintext", "xbin", "idf"}  # FFmpeg "decodes" plain text and bytes as terminal art
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}
"""How to turn a picture by so many degrees to the left."""


def unreadable(path: Path) -> Problem:
    """Why a file is no video that can be read, as far as that is known."""
    if is_one_picture(path):
        return Problem.of("one-picture", path)
    if lacks_index(path):
        return Problem.of("no-index", path)
    try:
        with av.open(str(path.absolute())) as container:
            kinds = {stream.type for stream in container.streams}
    except (av.FFmpegError, OSError, ValueError):
        kinds = set()
    return Problem.of("sound-only" if "audio" in kinds and "video" not in kinds else "no-video-file", path)


def is_one_picture(path: Path) -> bool:
    """Whether a file is a still picture; a series of pictures in one file is a video."""
    if not cv2.haveImageReader(str(path.absolute())):
        return False
    capture = cv2.VideoCapture(str(path.absolute()), cv2.CAP_FFMPEG)
    try:
        return not (capture.grab() and capture.grab())
    finally:
        capture.release()


def codec_of(path: Path) -> str:
    """FFmpeg's name for how a file's video is coded, such as h264 or av1; "" where it has none or it is text."""
    try:
        with av.open(str(path.absolute())) as container:
            codec = container.streams.video[0].codec_context.name
    except (av.FFmpegError, OSError, ValueError, IndexError, AttributeError):
        return ""
    name = {"libdav1d": "av1"}.get(codec, codec)
    return "" if name in _TEXT_CODECS else name


class AvCapture:
    """A recording decoded by PyAV, whose FFmpeg has the AV1 decoder that OpenCV's lacks; used as a `cv2.VideoCapture`.

    Raises:
        ProblemError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._container: InputContainer = av.open(str(path.absolute()))
        except (av.FFmpegError, OSError) as error:
            raise ProblemError(Problem.of("no-video-file", path)) from error
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._frames = self._container.decode(self._stream)
        self._frame: VideoFrame | None = None

    def grab(self) -> bool:
        """Decode the next picture; False at the end, or where the file is damaged."""
        try:
            self._frame = next(self._frames, None)
        except av.FFmpegError:
            self._frame = None
        return self._frame is not None

    def retrieve(self) -> tuple[bool, Any]:
        """The picture as BGR array (height, width, 3), turned as the container says, as OpenCV does by itself."""
        if self._frame is None:
            return False, None
        image, turn = self._frame.to_ndarray(format="bgr24"), _TURNS.get(round(self._frame.rotation) % 360)
        return True, image if turn is None else cv2.rotate(image, turn)

    def read(self) -> tuple[bool, Any]:
        """`grab` and `retrieve`."""
        self.grab()
        return self.retrieve()

    def get(self, prop: int) -> float:
        """Frames per second, their number, or the presentation time in milliseconds; 0 where unknown, as OpenCV."""
        rate = float(self._stream.average_rate or 0)
        match prop:
            case cv2.CAP_PROP_FPS:
                return rate
            case cv2.CAP_PROP_FRAME_COUNT:
                duration_s = (self._container.duration or 0) / av.time_base
                return float(self._stream.frames or round(duration_s * rate))
            case cv2.CAP_PROP_POS_MSEC:
                return 0.0 if self._frame is None or self._frame.time is None else 1000 * self._frame.time
            case _:
                return 0.0

    def release(self) -> None:
        """Close the file."""
        self._container.close()
