"""Video files as a source of frames."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from aforo.camera_state import CameraState, CameraStatus, Problem, ProblemError
from aforo.model import MICROSECONDS, Frame
from aforo.ports import Clock
from aforo.session_names import reading_session
from ingest.capture import Header, frame_rate, open_file, period_us, position_ms, read_header
from ingest.file_contents import codec_of
from ingest.frame_times import Pace, PresentationTimes, Selection
from ingest.recording_start import recording_start_us, told_start_us
from ingest.status_board import StatusBoard

LOG = logging.getLogger(__name__)

_FINGERPRINT_BYTES = 1 << 20
_LONGEST_SLEEP_S = 0.2


def missing_s(header: Header, frames: int, last_us: int) -> float:
    """Seconds at the end of a recording that its header announces and that could not be read; 0.0 within tolerance.

    Headers are often a few frames off, and state duration × fps where the frame rate varies. So times are compared,
    with a tolerance of one second, or 5 % of a recording shorter than 20 s.

    Args:
        header: of the container.
        frames: number of frames read.
        last_us: presentation time of the last of them, microseconds from the first.
    """
    if header.frames is None or header.fps is None or frames >= header.frames:
        return 0.0
    announced_s = header.frames / header.fps
    shortfall_s = announced_s - last_us / MICROSECONDS - 1 / header.fps
    allowed_s = min(1.0, max(0.05 * announced_s, 2 / header.fps))
    return shortfall_s if shortfall_s > allowed_s else 0.0


class RecordedSource:
    """Frames of a video file, with the event times at which they were recorded.

    `frames` ends at the end of the file. The same file with the same start gives the same recording, frames and times.
    Each reading is a new session, whose name contains that of the recording (`aforo.session_names`): a store keeps
    only the newest one; with `repeat`, each further round is a new session, too, whose times continue.

    Args:
        path: a video file that FFmpeg reads.
        camera: the camera's id.
        starts_at_us: event time of the first frame; None to take it from the file (see `ingest.recording_start`).
        recorded_fps: frames per second at which it was recorded, in place of the times that the file tells; None to
            take those.
        timezone: of dates in file names.
        paced: yield frames no faster than they were recorded; else as fast as they are consumed.
        drop_late: with `paced`, drop (and count) frames for which the consumer is too late, as with a live camera. Else
            a slow machine only takes longer, and every reading of the recording gives the same frames.
        analyse_fps: most frames per second of the recording that are yielded; None for all.
        repeat: start again at the end.
        clock: processing time.
        admit: called before a frame is yielded; blocks until the camera may use the detector.

    Attributes:
        session: of the current round, "" before the first frame.
        complete: True after a round in which nothing was missing.
        problem: why the recording could not be read to its announced end, None if it could.
        note: what the recording does not tell, and what was taken in its place; None where it tells all.
        ends_at_us: event time at which the last whole round ended.
        frames_read: frames decoded so far in this round, with those not yielded.
        drops: whether frames are dropped that nobody takes in time.
    """

    def __init__(
        self,
        path: Path,
        camera: str,
        *,
        starts_at_us: int | None = None,
        recorded_fps: float | None = None,
        timezone: tzinfo,
        paced: bool = False,
        drop_late: bool = False,
        analyse_fps: float | None = None,
        repeat: bool = False,
        clock: Clock,
        admit: Callable[[], None] | None = None,
    ) -> None:
        self.camera = camera
        self.session = ""
        self.complete = False
        self.problem: Problem | None = None
        self.note: Problem | None = None
        self.ends_at_us = 0
        self.frames_read = 0
        self._path = path
        self._starts_at_us = starts_at_us
        self._recorded_fps = recorded_fps
        self._timezone = timezone
        self._paced = paced
        self.drops = paced and drop_late
        self._analyse_fps = analyse_fps
        self._repeat = repeat
        self._clock = clock
        self._admit = admit
        self._closed = threading.Event()
        self._board = StatusBoard(camera, clock)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames to analyse, in order.

        Raises:
            ProblemError: the file is missing or is not a video that can be read.
        """
        try:
            header = self._header()
            start_us, recording = self._identity(header)
            pace = self._pace(header) if self._paced else None
            offset_us, rounds, began_us = 0, 1, self._clock.now_us()
            while not self._closed.is_set():
                self.session = reading_session(recording, began_us, rounds)
                offset_us += yield from self._read_once(header, start_us, offset_us, pace)
                self.ends_at_us = start_us + offset_us
                rounds += 1
                if not self._repeat:
                    break
        except ProblemError as error:
            self._board.enter(CameraState.OFFLINE, error.problem)
            raise
        self._board.enter(CameraState.ENDED, self.problem or self.note)

    def close(self) -> None:
        """Let `frames` end soon; may be called from another thread, and twice."""
        self._closed.set()

    def status(self) -> CameraStatus:
        """The status of the reading: connecting, live, ended, or offline if the file cannot be read."""
        return self._board.status()

    def _header(self) -> Header:
        """The header, with the frames per second that count."""
        capture = open_file(self._path)
        try:
            header = read_header(capture)
        finally:
            capture.release()
        rate = frame_rate(self._path, header, self._recorded_fps)
        if rate.source == "assumed":
            self.note = Problem.of("assumed-rate", self._path, f"{rate.fps:g}")
            if self._paced:
                LOG.warning("camera %s: %s", self.camera, self.note)
        return replace(header, fps=rate.fps)

    def _identity(self, header: Header) -> tuple[int, str]:
        """Event time of the first frame, and the name of the recording."""
        try:
            start_us = self._starts_at_us
            if start_us is None:
                start_us = recording_start_us(self._path, (header.frames or 0) * period_us(header), self._timezone)
                if self._paced and told_start_us(self._path, self._timezone) is None:
                    LOG.warning(
                        "camera %s: %s does not tell when it was recorded; by the time of the file it begins at %s; "
                        "say it by starts_at",
                        self.camera,
                        self._path,
                        f"{datetime.fromtimestamp(start_us / MICROSECONDS, self._timezone):%Y-%m-%d %H:%M:%S}",
                    )
            with self._path.open("rb") as file:
                content = file.read(_FINGERPRINT_BYTES)
            label = f"{self._path.stat().st_size} {start_us} ".encode()
        except OSError as error:
            raise ProblemError(Problem.of("unreadable", self._path, error.strerror)) from error
        return start_us, "rec-" + hashlib.sha256(label + content).hexdigest()[:16]

    def _pace(self, header: Header) -> Pace:
        wanted_us = MICROSECONDS / self._analyse_fps if self._analyse_fps else 0.0
        return Pace(max(wanted_us, period_us(header)), self._clock)

    def _read_once(
        self, header: Header, start_us: int, offset_us: int, pace: Pace | None
    ) -> Generator[Frame, None, int]:
        """Read the file once; returns its duration, microseconds."""
        capture = open_file(self._path)
        times, selection = PresentationTimes(period_us(header)), Selection(self._analyse_fps)
        self.complete, self.problem, self.frames_read = False, None, 0
        dropped = 0
        try:
            # grab() decodes; only retrieve() converts to BGR, so skipped frames are cheap.
            while not self._closed.is_set() and capture.grab():
                at_us = times.next_us(self._position_ms(capture))
                self.frames_read += 1
                if not selection.due(at_us):
                    continue
                if pace is not None and self._wait_or_drop(pace, offset_us + at_us):
                    dropped += 1
                    continue
                converted, image = capture.retrieve()
                if not converted:
                    continue
                captured_at_us = start_us + offset_us + at_us
                frame = Frame(self.camera, self.session, self.frames_read - 1, captured_at_us, image, dropped)
                dropped = 0
                self._board.enter(CameraState.LIVE, self.note)
                self._board.frame(frame)
                if self._admit is not None:
                    self._admit()
                yield frame
        finally:
            capture.release()
        if not self._closed.is_set():
            self._check_complete(header, times.last_us)
        return times.last_us + period_us(header)

    def _position_ms(self, capture: Any) -> float:
        """Presentation time of the frame that was grabbed, milliseconds."""
        if self._recorded_fps is None:
            return position_ms(capture)
        return self.frames_read * 1000 / self._recorded_fps

    def _wait_or_drop(self, pace: Pace, at_us: int) -> bool:
        """Wait until a frame is due, in short sleeps so that `close` takes effect; True if it must be dropped."""
        while (early_us := pace.early_us(at_us)) > 0 and not self._closed.is_set():
            self._clock.sleep(min(early_us / MICROSECONDS, _LONGEST_SLEEP_S))
        return self.drops and pace.drops(at_us)

    def _check_complete(self, header: Header, last_us: int) -> None:
        if not self.frames_read:
            raise ProblemError(Problem.of("pictureless", self._path, codec_of(self._path) or "no known codec"))
        lost_s = missing_s(header, self.frames_read, last_us)
        self.complete = lost_s == 0
        if lost_s:
            self.problem = Problem.of("cut-off", self._path, header.frames, self.frames_read, f"{lost_s:.1f}")
