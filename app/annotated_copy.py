"""Annotated copies of recordings, as video files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

import cv2

from aforo.config.camera import CameraSection
from aforo.errors import ConfigurationError
from aforo.model import Frame, TrackedFrame
from api.drawing import FrameAnnotator
from app.file_kinds import FileKind
from app.recording import RecordingCounts
from ingest.capture import VideoFacts

_MARKED = (".mp4", ".m4v", ".mov")
_TEXT = b"Annotated copy made by Aforo"
_MARK = (8 + len(_TEXT)).to_bytes(4, "big") + b"free" + _TEXT
"""The last box of a copy, which players skip (ISO/IEC 14496-12, 8.1.2): a recording is never taken for a copy."""


class AnnotatedCopy:
    """An annotated copy of the analysed frames, as an MP4 file; a context manager.

    Args:
        path: of the copy.
        camera: whose lines and zones are drawn.
        facts: of the original.
        frame_rate: of the copy.
        timezone: of the time stamp.

    Raises:
        ConfigurationError: the file cannot be written.
    """

    def __init__(
        self, path: Path, camera: CameraSection, facts: VideoFacts, frame_rate: float, timezone: ZoneInfo
    ) -> None:
        self._path = path
        self._annotator = FrameAnnotator(camera.domain(), timezone)
        self._camera = camera
        self._frames = 0
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        self._writer = cv2.VideoWriter(str(path), codec, frame_rate, (facts.width_px, facts.height_px))
        if not self._writer.isOpened():
            raise ConfigurationError(
                f"--annotate: cannot write a video with the ending {path.suffix!r}; give a name that ends in .mp4"
            )

    def add(self, frame: Frame, tracked: TrackedFrame, counts: RecordingCounts) -> None:
        """Draw and append one frame."""
        so_far = {line.id: counts.rows.of_line(line.id) for line in self._camera.lines}
        self._writer.write(self._annotator.draw(frame.image, tracked, so_far))
        self._frames += 1

    def finish(self) -> None:
        """Complete the file.

        Raises:
            ConfigurationError: not all frames are in it: OpenCV says nothing when a disk is full.
        """
        self._writer.release()
        written = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT)) if written.isOpened() else 0
        written.release()
        try:
            if frames < self._frames:
                raise OSError(0, f"only {frames} of {self._frames} frames fit")
            if self._path.suffix.lower() in _MARKED:
                with self._path.open("ab") as file:
                    file.write(_MARK)
        except OSError as error:
            raise ConfigurationError(
                f"--annotate: the annotated copy is not whole: {error.strerror}; make room on the disk"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.release()


def _is_copy(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-min(len(_MARK), path.stat().st_size), os.SEEK_END)
        return file.read() == _MARK


ANNOTATED_COPY = FileKind("annotated copy made by Aforo", _is_copy, streams=False)
