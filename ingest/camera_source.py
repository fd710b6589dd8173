"""Cameras as sources of frames: the newest picture of each, and a watchdog that never blocks."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from aforo.address import Address
from aforo.camera_state import CameraState, CameraStatus, Problem
from aforo.model import Frame
from aforo.ports import Clock
from ingest.camera_reader import CameraReader
from ingest.reconnect import Action, ConnectionState, ReaderView, ReconnectPolicy, next_connection_state
from ingest.status_board import StatusBoard

_TICK_S = 0.1
_MOST_ABANDONED = 3


class LiveSource:
    """Frames of a camera: RTSP (over TCP), HTTP MJPEG, HLS, or USB.

    A thread reads the camera and keeps only the newest picture; pictures that the consumer missed are counted in
    `Frame.dropped` (those skipped by `analyse_fps` are not). A camera that fails or stops sending is opened again, with
    back-off, without limit. Each connection is a new session, and so is the time after the clock was set back. The size
    of the picture may change from one session to the next.

    The event time of a frame is its time of arrival; for HLS, whose segments arrive in bursts, it is spread over the
    segment (`ingest.frame_times.BurstSmoothing`).

    Args:
        source: rtsp://, rtsps://, http:// or https:// address, perhaps with credentials, or the number of a USB camera.
        camera: the camera's id.
        analyse_fps: most frames per second that are yielded; None for all.
        clock: processing time, which is also event time.
        open_timeout_s: for opening a connection.
        read_timeout_s: for a blocking read; longer than `policy.frozen_after_s`, so that the watchdog acts first.
        policy: timeouts and back-off.
        admit: called when there is a picture; blocks until the camera may use the detector. The picture yielded then is
            the newest.

    Attributes:
        session: of the last frame, "" before the first.
    """

    drops = True

    def __init__(
        self,
        source: Address,
        camera: str,
        *,
        analyse_fps: float | None = None,
        clock: Clock,
        open_timeout_s: float = 10.0,
        read_timeout_s: float = 15.0,
        policy: ReconnectPolicy | None = None,
        admit: Callable[[], None] | None = None,
    ) -> None:
        self.camera = camera
        self.session = ""
        self._source = source
        self._analyse_fps = analyse_fps
        self._clock = clock
        self._open_timeout_s = open_timeout_s
        self._read_timeout_s = read_timeout_s
        self._policy = policy or ReconnectPolicy()
        self._admit = admit
        self._connection = ConnectionState()
        self._reader: CameraReader | None = None
        self._abandoned: list[CameraReader] = []
        self._closed = threading.Event()
        self._board = StatusBoard(camera, clock)

    def frames(self) -> Iterator[Frame]:
        """Yield the newest frames until the source is closed; a camera that fails is waited for and raises no error."""
        try:
            while not self._closed.is_set():
                taken = self._next_frame()
                if taken is None or self._connection.state is not CameraState.LIVE:
                    self._supervise()
                if taken is not None:
                    self.session = taken.session
                    self._board.frame(taken)
                    yield taken
        finally:
            self._abandon_reader()
            self._board.enter(CameraState.ENDED)

    def close(self) -> None:
        """Let `frames` end soon; may be called from another thread, and twice."""
        self._closed.set()

    def status(self) -> CameraStatus:
        """The camera's status: connecting, live, frozen, offline, or ended once `frames` has ended.

        Asked of the reader itself while it is said to be live: whoever takes the frames may be held up, and then nobody
        supervises it.
        """
        status, reader, connection = self._board.status(), self._reader, self._connection
        if status.state is not CameraState.LIVE or reader is None or connection.state is not CameraState.LIVE:
            return status
        now, _ = next_connection_state(connection, reader.view, self._clock.monotonic_s(), self._policy, 0.0)
        return status if now.state is CameraState.LIVE else replace(status, state=now.state, problem=now.problem)

    def _next_frame(self) -> Frame | None:
        if self._reader is None:
            self._closed.wait(_TICK_S)
            return None
        if self._admit is not None and self._reader.slot.wait(_TICK_S):
            self._admit()
        taken = self._reader.slot.take(0.0 if self._admit is not None else _TICK_S)
        if taken is None:
            return None
        frame, overwritten = taken
        return replace(frame, dropped=overwritten)

    def _supervise(self) -> None:
        stuck = ReaderView(failure=Problem.of("decoder-stuck", _MOST_ABANDONED))
        view = self._reader.view if self._reader is not None else stuck
        draw = random.random()  # noqa: S311  jitter, not a secret
        self._connection, action = next_connection_state(
            self._connection, view, self._clock.monotonic_s(), self._policy, draw
        )
        if action is Action.OPEN:
            self._open()
        elif action is Action.GIVE_UP:
            self._abandon_reader()
        self._board.enter(self._connection.state, self._connection.problem)

    def _open(self) -> None:
        """Start a reader, unless too many are stuck in OpenCV: then this attempt counts as failed."""
        self._abandoned = [reader for reader in self._abandoned if reader.alive]
        if len(self._abandoned) < _MOST_ABANDONED:
            self._reader = CameraReader(
                self._source,
                self.camera,
                analyse_fps=self._analyse_fps,
                clock=self._clock,
                open_timeout_s=self._open_timeout_s,
                read_timeout_s=self._read_timeout_s,
            )
            self._reader.start()

    def _abandon_reader(self) -> None:
        """Stop the reader without waiting: it may be stuck in a blocking call."""
        if self._reader is not None:
            self._reader.stop()
            self._abandoned.append(self._reader)
            self._reader = None
