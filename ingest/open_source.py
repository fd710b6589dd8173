"""Makes the source of frames that a text of the configuration names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo
from pathlib import Path

from aforo.address import Address
from aforo.errors import ConfigurationError
from aforo.local_time import parse_moment
from aforo.model import MICROSECONDS
from aforo.ports import Clock
from ingest.camera_source import LiveSource
from ingest.capture import probe
from ingest.file_source import RecordedSource
from ingest.joined_source import JoinedSource
from ingest.recording_files import FilePart, in_time_order

_LIVE = ("rtsp", "rtsps", "http", "https")


def open_source(
    sources: Sequence[Address],
    camera: str,
    *,
    paced: bool,
    drop_late: bool = False,
    analyse_fps: float | None,
    starts_at: str | None = None,
    recorded_fps: float | None = None,
    timezone: tzinfo,
    repeat: bool = False,
    clock: Clock,
    admit: Callable[[], None] | None = None,
) -> RecordedSource | JoinedSource | LiveSource:
    """Make a source: a number is a USB camera, an address a network camera, all else a file; of several, one recording.

    It is opened in `frames`, not here.

    Args:
        sources: as in the configuration; several are the files of one recording, in any order where each tells when it
            begins, else in the order of the recording.
        camera: the camera's id.
        paced: yield the frames of a recording no faster than they were recorded.
        drop_late: drop frames of a paced recording for which the consumer is too late.
        analyse_fps: most frames per second; None for all.
        starts_at: when a recording starts, ISO 8601, local to `timezone` when without offset.
        recorded_fps: frames per second at which a recording was made; None to take what it tells.
        timezone: of the site.
        repeat: start a recording again at its end.
        clock: processing time.
        admit: blocks until the camera may use the detector; None for a detector of its own.

    Raises:
        ConfigurationError: the address is of an unknown kind, or `starts_at` is not a time.
    """
    source = sources[0]
    if source.scheme and source.scheme not in _LIVE:
        raise ConfigurationError(
            f"camera {camera}: expected a file, a USB camera's number, or an address that starts with "
            f"rtsp://, rtsps://, http:// or https://, got {source}"
        )
    if source.scheme or str(source).isdecimal():
        return LiveSource(source, camera, analyse_fps=analyse_fps, clock=clock, admit=admit)
    starts_us = [] if starts_at is None else [_instant_us(starts_at, camera, timezone)]

    def open_part(part: FilePart) -> RecordedSource:
        return RecordedSource(
            part.path,
            camera,
            starts_at_us=part.starts_at_us,
            recorded_fps=recorded_fps,
            timezone=timezone,
            paced=paced,
            drop_late=drop_late,
            analyse_fps=analyse_fps,
            repeat=repeat and len(sources) == 1,
            clock=clock,
            admit=admit,
        )

    paths = [Path(each.reveal()) for each in sources]
    if len(paths) == 1:
        return open_part(FilePart(paths[0], *starts_us))
    return JoinedSource(
        camera,
        lambda: in_time_order([probe(path, recorded_fps) for path in paths], starts_us, timezone),
        open_part,
        timezone=timezone,
        clock=clock,
        drops=paced and drop_late,
        repeat=repeat,
    )


def _instant_us(text: str, camera: str, timezone: tzinfo) -> int:
    try:
        instant = parse_moment(text)
    except ValueError as error:
        raise ConfigurationError(f"camera {camera}: starts_at: {error}") from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=timezone)
    return round(instant.timestamp() * MICROSECONDS)
