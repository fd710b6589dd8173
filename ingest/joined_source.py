"""A recording in several files as one source of frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import tzinfo

from aforo.camera_state import Problem
from aforo.model import Frame
from ingest.file_source import RecordedSource
from ingest.recording_files import SEAM_US, FilePart, check_follows


class JoinedSource:
    """Frames of the files of one recording, one file after the other.

    A file that begins where the one before it ends continues its session, so that tracks go on; after a gap, of which
    nothing is known, a new session begins. Times never go back: a file that is said to begin a moment before the one
    ahead of it ends begins there. The recording has the name of its first file.

    Args:
        parts: in order of time, with pictures of one size.
        open_part: makes the source of one file, whose start is given save for the first.
        timezone: of times in errors.

    Attributes:
        session: of the last frame, "" before the first.
    """

    def __init__(
        self, parts: Sequence[FilePart], open_part: Callable[[FilePart], RecordedSource], *, timezone: tzinfo
    ) -> None:
        self.session = ""
        self._parts = parts
        self._sources = [
            open_part(part if place == 0 else replace(part, starts_at_us=part.starts_at_us or 0))
            for place, part in enumerate(parts)
        ]
        self.camera = self._sources[0].camera
        self._timezone = timezone
        self._closed = threading.Event()

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
        """Frames decoded so far, with those not yielded."""
        return sum(source.frames_read for source in self._sources)

    def frames(self) -> Iterator[Frame]:
        """Yield the frames to analyse, in order.

        Raises:
            SourceError: a file cannot be read, or begins long before the one ahead of it ends.
        """
        end_us, number = 0, 1
        for place, source in enumerate(self._sources):
            shift_us = self._shift_us(place, end_us)
            begins_us = shift_us + (self._parts[place].starts_at_us or 0)
            if place and begins_us > end_us + SEAM_US:
                number += 1
            before = self.frames_read
            for frame in source.frames():
                self.session = self._session(number)
                yield replace(
                    frame,
                    session=self.session,
                    index=before + frame.index,
                    captured_at_us=frame.captured_at_us + shift_us,
                )
            if self._closed.is_set():
                return
            end_us = source.ends_at_us + shift_us

    def close(self) -> None:
        """Let `frames` end soon; may be called from another thread, and twice."""
        self._closed.set()
        for source in self._sources:
            source.close()

    def _shift_us(self, place: int, end_us: int) -> int:
        """How much later a file's frames are than its source says, when the file ahead of it ended at `end_us`."""
        starts_at_us = self._parts[place].starts_at_us
        if place == 0:
            return 0
        if starts_at_us is None:
            return end_us
        check_follows(self._parts[place - 1].path, end_us, self._parts[place].path, starts_at_us, self._timezone)
        return max(0, end_us - starts_at_us)

    def _session(self, number: int) -> str:
        name = self._sources[0].session
        return name if number == 1 else f"{name}-{number}"
