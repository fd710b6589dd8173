"""A recording in several files as one source of frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo

from aforo.camera_state import CameraState, CameraStatus, Problem, ProblemError
from aforo.model import Frame
from aforo.ports import Clock
from ingest.file_source import RecordedSource
from ingest.recording_files import SEAM_US, FilePart, check_follows
from ingest.status_board import StatusBoard


class JoinedSource:
    """Frames of the files of one recording, one file after the other.

    A file that begins where the one before it ends continues its session, so that tracks go on; after a gap, of which
    nothing is known, a new session begins, and so it does with each round of a recording that is repeated. Times never
    go back: a file that is said to begin a moment before the one ahead of it ends begins there. The recording has the
    name of its first file.

    Args:
        camera: the camera's id.
        find_parts: finds the files in order of time, with pictures of one size; called once, by `frames`.
        open_part: makes the source of one file, whose start is given save for the first.
        timezone: of times in errors.
        clock: processing time.
        drops: whether the sources of the files drop frames that nobody takes in time.
        repeat: start again at the end.

    Attributes:
        session: of the last frame, "" before the first.
    """

    def __init__(
        self,
        camera: str,
        find_parts: Callable[[], Sequence[FilePart]],
        open_part: Callable[[FilePart], RecordedSource],
        *,
        timezone: tzinfo,
        clock: Clock,
        drops: bool = False,
        repeat: bool = False,
    ) -> None:
        self.camera = camera
        self.session = ""
        self.drops = drops
        self._find_parts, self._open_part = find_parts, open_part
        self._repeat = repeat
        self._parts: Sequence[FilePart] = ()
        self._sources: list[RecordedSource] = []
        self._end_us = 0
        self._timezone = timezone
        self._closed = threading.Event()
        self._board = StatusBoard(camera, clock)

    @property
    def problem(self) -> Problem | None:
        """Of the first file that could not be read to its announced end, None if there is none."""
        return next((source.problem for source in self._sources if source.problem is not None), None)

    @property
    def note(self) -> Problem | None:
        """What the first file that does not tell all about itself does not tell, None if there is none."""
        return next((source.note for source in self._sources if source.note is not None), None)

    @property
    def frames_read(self) -> int:
        """Frames decoded so far in this round, with those not yielded."""
        return sum(source.frames_read for source in self._sources)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames to analyse, in order.

        Raises:
            ProblemError: a file cannot be read, or the files are not one recording, in which no two show the same time.
        """
        try:
            self._parts = self._find_parts()
            self._sources = [
                self._open_part(part if place == 0 else replace(part, starts_at_us=part.starts_at_us or 0))
                for place, part in enumerate(self._parts)
            ]
            yield from self._rounds()
        except ProblemError as error:
            self._board.enter(CameraState.OFFLINE, error.problem)
            raise
        self._board.enter(CameraState.ENDED, self.problem or self.note)

    def status(self) -> CameraStatus:
        """The status of the reading: connecting, live, ended, or offline if a file cannot be read."""
        return self._board.status()

    def close(self) -> None:
        """Let `frames` end soon; may be called from another thread, and twice."""
        self._closed.set()
        for source in self._sources:
            source.close()

    def _rounds(self) -> Iterator[Frame]:
        """The frames of every round: the times of each go on where the one before it ended."""
        name, number, later_us = "", 0, 0
        while not self._closed.is_set():
            begins_us: int | None = None
            stretch = 0
            for stretch, frame in self._round():
                name = name or self._sources[0].session
                begins_us = frame.captured_at_us if begins_us is None else begins_us
                session = number + stretch
                self.session = name if session == 1 else f"{name}-{session}"
                frame = replace(frame, session=self.session, captured_at_us=frame.captured_at_us + later_us)
                self._board.enter(CameraState.LIVE, self.note)
                self._board.frame(frame)
                yield frame
            if not self._repeat:
                return
            number += stretch
            later_us += self._end_us - (begins_us or 0)

    def _round(self) -> Iterator[tuple[int, Frame]]:
        """The frames of all files once, each with the number of its stretch without a gap, from 1."""
        stretch = 1
        for place, source in enumerate(self._sources):
            shift_us = self._shift_us(place)
            begins_us = shift_us + (self._parts[place].starts_at_us or 0)
            if place and begins_us > self._end_us + SEAM_US:
                stretch += 1
            before = sum(earlier.frames_read for earlier in self._sources[:place])
            for frame in source.frames():
                captured_at_us = frame.captured_at_us + shift_us
                yield stretch, replace(frame, index=before + frame.index, captured_at_us=captured_at_us)
            if self._closed.is_set():
                return
            self._end_us = source.ends_at_us + shift_us

    def _shift_us(self, place: int) -> int:
        """How much later a file's frames are than its source says, when the file ahead of it ended at `_end_us`."""
        starts_at_us = self._parts[place].starts_at_us
        if place == 0:
            return 0
        if starts_at_us is None:
            return self._end_us
        check_follows(self._parts[place - 1].path, self._end_us, self._parts[place].path, starts_at_us, self._timezone)
        return max(0, self._end_us - starts_at_us)
