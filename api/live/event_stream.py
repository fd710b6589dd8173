"""What happens, as it happens: crossings, running counts and camera states as server-sent events.

Each reader has a place in the hub's list of newest crossings instead of a queue of its own: a slow reader can not fill
the memory, and one that comes back goes on where it was.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from aforo.camera_state import CameraStatus, in_parts
from aforo.model import MICROSECONDS, MINUTE_US, Crossing
from aforo.site import Camera
from aforo.write_health import WriteState
from api.live.hub import LiveHub

_PERIOD_S = 0.25  # how often the hub is asked what is new
_SNAPSHOT_PERIODS = 4  # counts and states are compared every so many periods
_HEARTBEAT_PERIODS = 60  # a comment after this long keeps proxies from closing a quiet stream


async def event_stream(hub: LiveHub, last_event_id: str | None) -> AsyncGenerator[bytes, None]:
    """Yield server-sent events until the hub closes.

    Args:
        hub: where they happen.
        last_event_id: the last event that the reader has had, None where it is new.
    """
    seen = _crossings_seen(hub, last_event_id)
    sent: dict[tuple[str, str], bytes] = {}
    quiet = 0
    yield b"retry: 2000\n\n"
    for period in itertools.count():
        if hub.closed:
            break
        pieces = []
        total, crossings = hub.crossings_since(seen)
        if total - seen > len(crossings):
            pieces.append(_event("lost", {"crossings": total - seen - len(crossings)}))
        for number, crossing in enumerate(crossings, total - len(crossings) + 1):
            pieces.append(_event("crossing", _crossing(crossing, hub.timezone), f"{hub.started_us}-{number}"))
        seen = total
        if period % _SNAPSHOT_PERIODS == 0 or crossings:
            pieces += _changes(hub, sent)
        quiet = 0 if pieces else quiet + 1
        if quiet == _HEARTBEAT_PERIODS:
            pieces, quiet = [b": nothing new\n\n"], 0
        if pieces:
            yield b"".join(pieces)
        await asyncio.sleep(_PERIOD_S)
    yield _event("end", {})


def _crossings_seen(hub: LiveHub, last_event_id: str | None) -> int:
    """How many of the hub's crossings the reader has seen; one that is new here begins with the next."""
    total, _ = hub.crossings_since(0)
    started, _, number = (last_event_id or "").partition("-")
    if started == str(hub.started_us) and number.isdecimal():
        return min(int(number), total)
    return total


def _changes(hub: LiveHub, sent: dict[tuple[str, str], bytes]) -> list[bytes]:
    """Events of what differs from what this reader was sent, which is brought up to date."""
    now: dict[tuple[str, str], bytes] = {}
    for status in hub.statuses():
        now["status", status.camera] = _event("status", _status(hub, status))
    if (writing := hub.writing()) is not None:
        now["writing", ""] = _event("writing", _writing(hub, writing))
    for camera in hub.cameras():
        now["counts", camera.id] = _event("counts", _counts(hub, camera))
    changed = [event for key, event in now.items() if sent.get(key) != event]
    sent.update(now)
    return changed


def _status(hub: LiveHub, status: CameraStatus) -> dict[str, Any]:
    """A camera's state, without the figures that change with every frame."""
    return {
        "camera": status.camera,
        "state": status.state,
        "since": _local(status.since_us, hub.timezone),
        **in_parts(status.problem),
        "picture": hub.newest(status.camera) is not None,
    }


def _writing(hub: LiveHub, state: WriteState) -> dict[str, Any]:
    """How writing goes; when the last write was instead of its age, so that only changes are sent."""
    parts, now_us = state.in_parts(), hub.now_us()
    age_s = state.written_age_s
    failing_since_us = now_us - round(state.failing_s * MICROSECONDS)
    return {
        "written": None if age_s is None else _second(now_us - round(age_s * MICROSECONDS), hub.timezone),
        "failing_since": _second(failing_since_us, hub.timezone) if state.failure else None,
        **{key: value for key, value in parts.items() if key not in ("failing_s", "last_write_age_s")},
    }


def _second(at_us: int, timezone: ZoneInfo) -> str:
    return _local(round(at_us / MICROSECONDS) * MICROSECONDS, timezone)


def _crossing(crossing: Crossing, timezone: ZoneInfo) -> dict[str, Any]:
    return {
        "camera": crossing.camera,
        "line": crossing.line,
        "direction": crossing.direction,
        "road_user": crossing.road_user,
        "at": _local(crossing.at_us, timezone),
    }


def _counts(hub: LiveHub, camera: Camera) -> dict[str, Any]:
    counts, present, newest = hub.counts(camera), hub.presence(camera), hub.newest(camera.id)
    observed = hub.observed_share(camera)
    return {
        "camera": camera.id,
        "observed": observed and max(0.0001, round(observed, 4)),  # little is not nothing
        "minute": newest and _local(newest.frame.captured_at_us // MINUTE_US * MINUTE_US, hub.timezone),
        "lines": [
            {
                "id": line.id,
                "counts": [
                    {"direction": direction, "road_user": road_user, "count": count}
                    for (direction, road_user), count in sorted(counts[line.id].items())
                ]
                if counts[line.id] or observed is not None
                else None,
            }
            for line in camera.lines
        ],
        "zones": [
            {"id": zone.id, "present": dict(sorted(present[zone.id].items())) if present is not None else None}
            for zone in camera.zones
        ],
    }


def _local(at_us: int, timezone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at_us / MICROSECONDS, timezone).isoformat(timespec="milliseconds")


def _event(kind: str, content: dict[str, Any], number: str | None = None) -> bytes:
    lines = [] if number is None else [f"id: {number}\n".encode()]
    lines += [f"event: {kind}\ndata: ".encode(), orjson.dumps(content), b"\n\n"]
    return b"".join(lines)
