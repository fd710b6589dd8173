"""Clients that hold connections: slow senders, slow readers, and too many of both. A real server, short limits."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.serving.connections import ConnectionLimits
from api.serving.server import Server, listen

LONG_S = 60.0
"""Nothing here may take so long; how long it does take is not what is tested."""


class NoCameras:
    """A live view of nothing."""

    def close(self) -> None:
        """Nothing ends."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, with the body, after reading it, or without end."""
    request = Request(scope, receive)
    match scope["path"]:
        case "/body":
            await PlainTextResponse(await request.body())(scope, receive, send)
        case "/large":
            await PlainTextResponse(b"x" * 30_000_000)(scope, receive, send)
        case "/endless":

            async def endless() -> Iterator[bytes]:  # type: ignore[misc]
                while True:
                    yield b"x" * 65536
                    await asyncio.sleep(0)

            await StreamingResponse(endless())(scope, receive, send)  # type: ignore[arg-type]
        case _:
            await PlainTextResponse(b"here")(scope, receive, send)


@contextmanager
def serving(**limits: float) -> Iterator[tuple[int, Server]]:
    with listen("127.0.0.1", 0) as listener:
        given = ConnectionLimits(**limits)  # type: ignore[arg-type]
        server = Server(application, NoCameras(), limits=given)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1], server
        finally:
            server.should_exit = True
            thread.join()


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=LONG_S)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return connection


def drip(connection: socket.socket, text: bytes) -> None:
    """Send slowly, as long as the server takes it."""
    began = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() - began < LONG_S:
        try:
            connection.sendall(text[:1])
            text = text[1:] + text[:1]
            if connection.recv(1, socket.MSG_PEEK):
                break
            return
        except TimeoutError:
            continue
        except OSError:
            break
    else:
        raise AssertionError("a slow sender was never let go")
    connection.settimeout(LONG_S)


def everything(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    got = b""
    try:
        while piece := connection.recv(65536):
            got += piece
    except ConnectionResetError:
        pass  # it closed while we were sending
    return got


def until_closed(server: Server) -> None:
    deadline = time.monotonic() + LONG_S
    while server.server_state.connections:
        assert time.monotonic() < deadline, "connections stay open"
        time.sleep(0.02)


GET = b"GET / HTTP/1.1\r\nHost: x\r\n"
SLOW = {
    "headers": (b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"),
    "headers of a further request": (GET + b"\r\n", GET + b"X-A: b\r\n"),
    "a body": (b"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "a body in pieces": (b"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "a body that nobody reads": (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", b"x"),
}


@pytest.mark.parametrize(("first", "rest"), SLOW.values(), ids=SLOW)
def test_slow_senders_are_let_go(first: bytes, rest: bytes) -> None:
    with serving(request_s=0.5) as (port, server), connect(port) as connection:
        if first:
            connection.sendall(first)
        if first in (GET + b"\r\n", SLOW["a body that nobody reads"][0]):
            got = b""
            while b"here" not in got:
                got += connection.recv(1000)
        drip(connection, rest)
        answer = everything(connection)
        if b"HTTP" in answer:
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "expected a whole request within 0.5 s"
        until_closed(server)


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word() -> None:
    with serving(request_s=0.3) as (port, _), connect(port) as connection:
        assert everything(connection) == b""


def test_many_slow_senders_keep_nobody_else_waiting() -> None:
    with serving(request_s=1.0, connections=40) as (port, server), ExitStack() as stack:
        slow = [stack.enter_context(connect(port)) for _ in range(20)]
        for connection in slow:
            connection.sendall(GET)
        with connect(port) as keen:
            keen.sendall(GET + b"Connection: close\r\n\r\n")
            assert everything(keen).endswith(b"here")
        for connection in slow:
            assert everything(connection).startswith(b"HTTP/1.1 408 ")
        until_closed(server)


def test_an_answer_may_take_longer_than_a_request() -> None:
    with serving(request_s=0.3) as (port, _), connect(port) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        while time.monotonic() - began < 1:
            assert connection.recv(65536)


@pytest.mark.parametrize("path", [b"/large", b"/endless"])
@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_a_client_that_takes_nothing_is_let_go(path: bytes, last: bytes) -> None:
    with serving(stalled_s=0.5) as (port, server), connect(port) as connection:
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + last + b"\r\n")
        connection.recv(1)
        until_closed(server)


def test_a_client_that_leaves_little_of_an_answer_is_let_go_too() -> None:
    """What fits into the buffers is written at once; the connection would wait for it for ever."""
    with serving(stalled_s=0.5) as (port, server), ExitStack() as stack:
        for size in range(64_000, 8_000_000, 400_000):
            connection = stack.enter_context(connect(port))
            body = b"x" * size
            head = b"POST /body HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size
            sender = threading.Thread(target=connection.sendall, args=(head + body,))
            sender.start()
            sender.join(LONG_S)
        until_closed(server)


def test_beyond_the_limit_connections_are_refused_until_others_end() -> None:
    with serving(connections=5) as (port, server), ExitStack() as stack:
        held = [stack.enter_context(connect(port)) for _ in range(5)]
        for connection in held:
            connection.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(1)
        for _ in range(20):
            with connect(port) as refused:
                answer = everything(refused)
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nretry-after: " in answer
                assert b"all 5 connections are taken" in answer
        held[0].close()
        deadline = time.monotonic() + LONG_S
        while len(server.server_state.connections) >= 5:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with connect(port) as one:
            one.sendall(GET + b"Connection: close\r\n\r\n")
            assert everything(one).endswith(b"here")
