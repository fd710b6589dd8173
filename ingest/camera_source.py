"""Cameras as a source of frames: the newest picture of each, and a watchdog that never blocks with them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

from aforo.camera_state import CameraState, CameraStatus, Problem
from aforo.model import Frame
from aforo.ports import Clock
from ingest.camera_reader import CameraReader
from ingest.reconnect import Action, Link, ReconnectPolicy, Sight, advance
from ingest.status_board import StatusBoard

_TICK_S = 0.1
_MOST_ABANDONED = 3


class LiveSource:
    """Frames of a camera: RTSP (over TCP), HTTP MJPEG, HLS, or USB.

    A thread reads the camera and keeps only its newest picture; what the consumer was too late for is counted in
    `Frame.dropped` (what `analyse_fps` passes over is not). When the camera fails or falls silent it is opened again,
    with back-off, for ever; each connection is a session of its own, and so is the time after a clock was stepped back.
    The picture may change its size from one session to the next.

    The event time of a frame is the clock at its arrival; of HLS, whose segments arrive in bursts, its turn.

    Args:
        source: rtsp://, rtsps://, http:// or https:// address, perhaps with credentials, or the number of a USB camera.
        camera: the camera's id.
        analyse_fps: hand out at most so many frames per second; None for every frame.
        clock: processing time, which is also event time.
        open_timeout_s: for the opening of a connection.
        read_timeout_s: for a blocking read; longer than `policy.frozen_after_s`, so that the watchdog judges first.
        policy: how patient to be with the camera.
        admit: called when there is a picture to hand out; returns when its turn has come. The picture taken then is
            the newest.

    Attributes:
        session: of the frame handed out last, "" before the first.
    """

    def __init__(
        self,
        source: str,
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
        self._link = Link()
        self._reader: CameraReader | None = None
        self._abandoned: list[CameraReader] = []
        self._closed = threading.Event()
        self._board = StatusBoard(camera, clock)

    def frames(self) -> Iterator[Frame]:
        """Yield the newest frames until the source is closed; a dead camera is waited for, never an error."""
        try:
            while not self._closed.is_set():
                taken = self._take()
                if taken is None or self._link.state is not CameraState.LIVE:
                    self._supervise()
                if taken is not None:
                    self.session = taken.session
                    self._board.frame(taken)
                    yield taken
        finally:
            self._give_up()
            self._board.enter(CameraState.ENDED)

    def close(self) -> None:
        """Let `frames` end soon; may be called from another thread, and twice."""
        self._closed.set()

    def status(self) -> CameraStatus:
        """How the camera is doing: connecting, live, frozen, offline, or ended once `frames` has ended."""
        return self._board.status()

    def _take(self) -> Frame | None:
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
        stuck = Sight(failure=Problem.of("decoder-stuck", _MOST_ABANDONED))
        sight = self._reader.sight if self._reader is not None else stuck
        draw = random.random()  # noqa: S311  jitter, not a secret
        self._link, action = advance(self._link, sight, self._clock.monotonic_s(), self._policy, draw)
        if action is Action.OPEN:
            self._open()
        elif action is Action.GIVE_UP:
            self._give_up()
        self._board.enter(self._link.state, self._link.problem)

    def _open(self) -> None:
        """Start a reader, unless too many are stuck in OpenCV: then the attempt fails at the next look."""
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

    def _give_up(self) -> None:
        """Leave the reader to end by itself: it may be stuck in a blocking call, and its capture is its own."""
        if self._reader is not None:
            self._reader.stop()
            self._abandoned.append(self._reader)
            self._reader = None
