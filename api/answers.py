"""Answers about history: small ones at once, large ones in processes of their own, two at a time.

Both know gzip and ETag, and say how long they may be kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Send

from aforo.errors import AforoError, BusyError
from aforo.ports import CountReader
from api.answer_process import AnswerProcess, Question, compressed, matches
from api.content import Build, Content
from api.places import Place, Places

HEAVY_AT_ONCE = 2
WAIT_S = 2.0
"""For a place among the heavy answers, before 429: who asks again at once costs next to nothing that way."""

LONGEST_S = 600.0
RETRY_S = 10
SMALL_AT_ONCE = 2
"""Small answers share the interpreter with counting: so many threads may stand in its way."""

_GZIP_FROM_BYTES = 1000


class Answers:
    """Gives answers about history.

    Args:
        reader: questions to the store, in this process.
        open_reader: opens another one in a process of its own; can be pickled. None: all is answered in this process.
    """

    def __init__(self, reader: CountReader, open_reader: Callable[[], CountReader] | None = None) -> None:
        self._reader, self._open_reader = reader, open_reader
        self._places = Places(HEAVY_AT_ONCE, "large answers")
        self._idle: list[AnswerProcess] = []
        self._threads: CapacityLimiter | None = None

    async def give(self, request: Request, build: Build, *, heavy: bool, kept: bool = False) -> Response:
        """The answer to a request.

        Args:
            request: tells what the client has already, and whether it takes gzip.
            build: makes the content.
            heavy: whether that is a process's work.
            kept: whether the client may keep it, and ask whether it is still so.

        Raises:
            BusyError: two heavy answers are under way.
            AforoError: what `build` raises.
        """
        wants_gzip, known = _takes_gzip(request), request.headers.get("if-none-match", "")
        headers = {"cache-control": "private, no-cache" if kept else "no-store", "vary": "accept-encoding"}
        if heavy and self._open_reader is not None:
            question = Question(self._open_reader, build, wants_gzip, known)
            return await self._give_heavy(question, headers | ({"content-encoding": "gzip"} if wants_gzip else {}))
        self._threads = self._threads or CapacityLimiter(SMALL_AT_ONCE)
        content, body = await to_thread.run_sync(_whole, build, self._reader, limiter=self._threads)
        headers |= _etag_header(content.etag)
        if matches(content.etag, known):
            return Response(status_code=304, headers=headers)
        if wants_gzip and len(body) >= _GZIP_FROM_BYTES:
            body = await to_thread.run_sync(lambda: b"".join(compressed([body])), limiter=self._threads)
            headers["content-encoding"] = "gzip"
        return Response(body, headers={**content.headers, **headers})

    def close(self) -> None:
        """End the processes that wait for questions."""
        while self._idle:
            self._idle.pop().close()

    async def _give_heavy(self, question: Question, headers: dict[str, str]) -> Response:
        place = await self._place()
        try:
            process, head = await self._ask(question)
            if "error" in head:
                raise _ToldError(head["error"], head["status"])
            headers |= _etag_header(head["etag"])
            if head["known"]:
                place.close()
                headers.pop("content-encoding", None)
                return Response(status_code=304, headers=headers)
        except BaseException:
            place.close()
            raise
        return _Streamed(self._pieces(process, place), {**head["headers"], **headers})

    async def _ask(self, question: Question) -> tuple[AnswerProcess, dict[str, Any]]:
        """The process that answers, and how its answer begins; it is idle again where that is all."""
        while True:
            fresh = not self._idle
            process = await to_thread.run_sync(AnswerProcess) if fresh else self._idle.pop()
            try:
                head = await to_thread.run_sync(process.ask, question, abandon_on_cancel=True)
            except BaseException:
                process.close()
                raise
            if head is not None:
                if "error" in head or head["known"]:
                    self._idle.append(process)
                return process, head
            process.close()  # an idle one may have ended just now
            if fresh:
                raise RuntimeError("the process of large answers has ended; the log says why")

    async def _place(self) -> Place:
        loop = asyncio.get_running_loop()
        patience_s = loop.time() + WAIT_S
        while True:
            try:
                return self._places.take()
            except BusyError:
                if loop.time() >= patience_s:
                    raise BusyError(
                        f"{HEAVY_AT_ONCE} large answers are being made already; try again later, or ask for less",
                        RETRY_S,
                        429,
                    ) from None
            await asyncio.sleep(0.1)

    async def _pieces(self, process: AnswerProcess, place: Place) -> AsyncGenerator[bytes, None]:
        end_s = asyncio.get_running_loop().time() + LONGEST_S
        with place:
            try:
                while piece := await self._next_piece(process, end_s):
                    yield piece
            except BaseException:
                process.close()
                raise
            self._idle.append(process)

    async def _next_piece(self, process: AnswerProcess, end_s: float) -> bytes:
        async with asyncio.timeout_at(end_s):
            piece = await to_thread.run_sync(process.next_piece, abandon_on_cancel=True)
        if piece is None:
            raise RuntimeError("the process of large answers has ended within one; the log says why")
        return piece


class _Streamed(StreamingResponse):
    """A stream whose source is closed at once when the client goes away."""

    def __init__(self, source: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(source, headers=dict(headers))
        self._source = source

    async def stream_response(self, send: Send) -> None:
        """Send until the source ends."""
        async with aclosing(self._source):
            await super().stream_response(send)


class _ToldError(AforoError):
    """What a process of large answers has refused."""

    def __init__(self, sentence: str, http_status: int) -> None:
        super().__init__(sentence)
        self.http_status = http_status


def _whole(build: Build, reader: CountReader) -> tuple[Content, bytes]:
    content = build(reader)
    return content, b"".join(content.parts)


def _takes_gzip(request: Request) -> bool:
    for each in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, quality = each.replace(" ", "").partition(";q=")
        if name == "gzip":
            return quality.strip("0.") != "" or quality == ""
    return False


def _etag_header(etag: str | None) -> dict[str, str]:
    # Weak: the same content, compressed or not.
    return {} if etag is None else {"etag": f'W/"{etag}"'}
