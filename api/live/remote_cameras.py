"""Cameras that other processes analyse: `aforo serve` tells how they are, and hands on what a worker shows.

Only addresses that workers have registered in the store are asked, only where these are of a private network or this
machine, and never one that a request names.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, closing
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import quote, urlencode, urlsplit

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from aforo.camera_state import CameraState, LiveCamera, LiveEndpoint, Problem
from aforo.errors import BusyError, SourceError, StoreError
from aforo.local_time import HOUR_US, local_time
from aforo.model import MINUTE_US
from aforo.ports import Clock, CountReader, LiveVideo
from aforo.site import Site
from aforo.words.catalogue import Language
from api.places import Places

STALE_US = MINUTE_US
"""A worker that has not said for so long that it shows a camera does not show it."""

COUNTED_US = 3 * MINUTE_US
"""A camera of which something was observed within this time is at work: a minute, and what counting it takes."""

LOOKED_BACK_H = 24
"""Hours in which is looked for what was last counted of a camera that is shown and not counted."""

VIEWERS_MAX = 32
"""Viewers of live video at the same time, all cameras together."""

_TIMEOUT_S = 10.0
_CHUNK_BYTES = 65_536


class RemoteLiveView:
    """A `LiveView` of cameras that workers show: finds them in the store, and hands on their answers.

    Args:
        site: its cameras are the ones that can be watched.
        reader: questions to the store.
        clock: tells how old a registration is.
    """

    def __init__(self, site: Site, reader: CountReader, clock: Clock) -> None:
        self._cameras = [camera.id for camera in site.cameras]
        self._recordings = {camera.id for camera in site.cameras if camera.is_recording}
        self._zone = site.timezone
        self._reader, self._clock = reader, clock
        self._viewing = Places(VIEWERS_MAX, "viewers of live video")
        self._closed = False

    def cameras(self) -> list[LiveCamera]:
        """Each camera of the site, in the order of the configuration: live or unknown, without figures.

        One that a worker shows while nothing of it comes into the store is live with a problem; what a recording shows
        has times of its own, so that its store tells nothing about now.
        """
        now_us = self._clock.now_us()
        try:
            seen_us = {endpoint.camera: endpoint.seen_us for endpoint in self._reader.live_endpoints()}
            counted_us = self._counted_us(sorted(self._cameras), now_us - COUNTED_US, now_us + 1, "1m")
            shown = {camera for camera, at_us in seen_us.items() if now_us - at_us <= STALE_US}
            idle = sorted((shown - counted_us.keys() - self._recordings) & set(self._cameras))
            idle_since_us = self._last_counted_us(idle, now_us)
        except StoreError as error:
            problem = Problem.of("no-store", error)
            return [LiveCamera(camera, CameraState.UNKNOWN, problem) for camera in self._cameras]
        return [
            LiveCamera(camera, CameraState.LIVE, self._not_counted(idle_since_us.get(camera)))
            if camera in idle
            else LiveCamera(camera, *self._state(seen_us.get(camera), camera in shown, camera in counted_us))
            for camera in self._cameras
        ]

    def faults(self) -> list[str]:
        """None: the cameras are the workers' business."""
        return []

    def _counted_us(self, cameras: list[str], start_us: int, end_us: int, interval: str) -> dict[str, int]:
        """By camera the newest bucket of which something is in the store."""
        shares = self._reader.coverage(cameras, start_us, end_us, interval)
        return {share.camera: share.start_us for share in shares if share.observed_us}

    def _last_counted_us(self, cameras: list[str], now_us: int) -> dict[str, int]:
        """By camera the end of the newest minute of the last day of which something is in the store."""
        if not cameras:
            return {}
        found = {}
        hours_us = self._counted_us(cameras, now_us - LOOKED_BACK_H * HOUR_US, now_us + 1, "1h")
        for camera, hour_us in hours_us.items():
            minutes_us = self._counted_us([camera], hour_us, hour_us + HOUR_US, "1m")
            found[camera] = minutes_us.get(camera, hour_us) + MINUTE_US
        return found

    def _not_counted(self, since_us: int | None) -> Problem:
        if since_us is None:
            return Problem.of("never-counted", LOOKED_BACK_H)
        return Problem.of("not-counted", self._second(since_us))

    def _second(self, at_us: int) -> str:
        return local_time(at_us, self._zone).isoformat(timespec="seconds")

    def _state(self, seen_us: int | None, shown: bool, counted: bool) -> tuple[CameraState, Problem | None]:
        if shown:
            return CameraState.LIVE, None
        if counted:
            return CameraState.LIVE, Problem.of("not-shown")
        if seen_us is not None:
            return CameraState.UNKNOWN, Problem.of("worker-gone", self._second(seen_us))
        return CameraState.UNKNOWN, Problem.of("no-worker")

    async def picture(self, camera: str, width_px: int | None, lang: Language) -> bytes:
        """The newest picture of a camera.

        Raises:
            SourceError: no worker shows it.
            BusyError: there are too many viewers.
        """
        return await run_in_threadpool(self._picture, camera, _query(width_px, lang))

    async def video(self, camera: str, width_px: int | None, lang: Language) -> LiveVideo:
        """The live video of a camera; ends when the worker's does.

        Raises:
            SourceError: no worker shows it.
            BusyError: there are too many viewers.
        """
        return await run_in_threadpool(self._video, camera, _query(width_px, lang))

    def events(self, last_event_id: str | None) -> AsyncGenerator[bytes, None]:  # noqa: ARG002
        """Nothing happens in this process.

        Raises:
            SourceError: always.
        """
        raise SourceError("no cameras run in this process, so there are no events here; ask the one that runs them")

    def close(self) -> None:
        """Let every endless answer end at its next picture."""
        self._closed = True

    def _picture(self, camera: str, query: Mapping[str, str]) -> bytes:
        with self._viewing.take():
            connection, answer = self._ask(camera, "jpg", query)
            with closing(connection):
                try:
                    return answer.read()
                except (OSError, HTTPException) as error:
                    raise _broken(camera, error) from error

    def _video(self, camera: str, query: Mapping[str, str]) -> LiveVideo:
        with ExitStack() as held:
            held.enter_context(self._viewing.take())
            connection, answer = self._ask(camera, "mjpg", query)
            held.callback(connection.close)
            parts = self._parts(answer, held.pop_all())
        next(parts)  # From here on its end closes the connection and frees the place, however early that comes.
        return LiveVideo(answer.headers["content-type"], _in_threads(parts))

    def _parts(self, answer: HTTPResponse, held: ExitStack) -> Generator[bytes, None, None]:
        try:
            yield b""
            while not self._closed and (part := answer.read1(_CHUNK_BYTES)):
                yield part
        except (OSError, HTTPException):
            return  # the worker is gone: so is the picture
        finally:
            held.close()

    def _ask(self, camera: str, kind: str, query: Mapping[str, str]) -> tuple[HTTPConnection, HTTPResponse]:
        host, port, name = self._address(camera)
        connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
        try:
            # The worker answers under the name that it has announced.
            path = f"/v1/live/{quote(camera, safe='')}.{kind}?{urlencode(query)}"
            connection.request("GET", path, headers={"Host": name})
            answer = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise _broken(camera, error) from error
        if answer.status != 200:  # noqa: PLR2004
            connection.close()
            if retry := answer.headers.get("retry-after", ""):
                sentence = f"camera {camera} cannot be watched now: its worker has too many viewers; try again later"
                raise BusyError(sentence, int(retry))
            raise SourceError(f"camera {camera} has no picture now: its worker answers with status {answer.status}")
        return connection, answer

    def _address(self, camera: str) -> tuple[str, int, str]:
        endpoints = {endpoint.camera: endpoint for endpoint in self._reader.live_endpoints()}
        endpoint = endpoints.get(camera) if camera in self._cameras else None
        if endpoint is None or self._clock.now_us() - endpoint.seen_us > STALE_US:
            raise SourceError(
                f"camera {camera[:80]} is not to be seen live: no worker shows it; set `api.announce` in the "
                "configuration of the workers, and see that they run"
            )
        return _private_address(endpoint)


async def _in_threads(parts: Generator[bytes, None, None]) -> AsyncGenerator[bytes, None]:
    """The parts, each waited for in a thread."""
    try:
        async for part in iterate_in_threadpool(parts):
            yield part
    finally:
        parts.close()


def _query(width_px: int | None, lang: Language) -> dict[str, str]:
    return {"lang": lang} | ({} if width_px is None else {"width": str(width_px)})


def _private_address(endpoint: LiveEndpoint) -> tuple[str, int, str]:
    """The number and port to connect to, looked up once, so that the name cannot lead elsewhere; and the name."""
    try:
        parts = urlsplit(endpoint.url)
        host, port = parts.hostname or "", parts.port or 80
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, ValueError) as error:
        raise _broken(endpoint.camera, error) from error
    addresses = [ipaddress.ip_address(number.partition("%")[0]) for number in sorted(found)]
    if parts.scheme != "http" or not all(_is_local(address) for address in addresses):
        raise SourceError(
            f"camera {endpoint.camera} is not to be seen live: its worker is registered with an address outside of "
            "the private network; set `api.announce` to one inside"
        )
    return str(addresses[0]), port, f"[{host}]" if ":" in host else host


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or (address.is_private and not address.is_link_local and not address.is_unspecified)


def _broken(camera: str, error: Exception) -> SourceError:
    reason = getattr(error, "strerror", None) or type(error).__name__
    return SourceError(f"camera {camera} has no picture now: its worker does not answer ({reason})")
