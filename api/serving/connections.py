"""Connections that hold nothing for long: a request comes in time, its answer is taken in time, and so many at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import h11
import orjson
from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a connection may cost.

    Attributes:
        request_s: from a connection, or the first byte of a further request on it, to the whole request.
        stalled_s: a client that takes nothing of its answer for this long is let go.
        connections: open at the same time; each is a file of the process, and cameras and database need files, too.
    """

    request_s: float = 10.0
    stalled_s: float = 30.0
    connections: int = 512


RETRY_S = 5


class Connection(H11Protocol):
    """uvicorn's HTTP/1.1 with limits, of which it has none.

    Args:
        limits: these.
        options: uvicorn's own.
    """

    def __init__(self, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(**options)
        self._limits = limits
        self._request_end: asyncio.TimerHandle | None = None
        self._answer_end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody has connected."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.connections:
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE, f"all {self._limits.connections} connections are taken; try again later"
            )
        else:
            self._watch_request()

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or several requests."""
        super().data_received(data)
        self._watch_request()

    def pause_writing(self) -> None:
        """The client takes the answer more slowly than it is made."""
        super().pause_writing()
        self._answer_end = self.loop.call_later(self._limits.stalled_s, self.transport.abort)

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        _cancel(self._answer_end)

    def on_response_complete(self) -> None:
        """The answer is written, if not yet sent."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._let_go()

    def timeout_keep_alive_handler(self) -> None:
        """No further request has come."""
        super().timeout_keep_alive_handler()
        self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        super().connection_lost(exc)
        _cancel(self._request_end)
        _cancel(self._answer_end)

    def _watch_request(self) -> None:
        """Begin to wait for the rest of a request, or no longer, where it is whole."""
        if self.transport.is_closing() or self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
            _cancel(self._request_end)
            self._request_end = None
        elif self._request_end is None:
            self._request_end = self.loop.call_later(self._limits.request_s, self._request_is_late)

    def _request_is_late(self) -> None:
        self._request_end = None
        begun, cycle = bool(self.conn.trailing_data[0]), self.cycle
        if cycle is not None and not (cycle.response_complete and self.conn.their_state is h11.IDLE):
            begun = not cycle.response_started  # the rest of its body is late
        if begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"expected a whole request within {self._limits.request_s:g} s")
        else:
            self._let_go()

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answer without the application, and close."""
        body = orjson.dumps({"error": sentence})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nretry-after: {RETRY_S}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._let_go()

    def _let_go(self) -> None:
        """Close, and send what is written already if the client takes it in time."""
        self.transport.close()
        _cancel(self._answer_end)
        self._answer_end = self.loop.call_later(self._limits.stalled_s, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
