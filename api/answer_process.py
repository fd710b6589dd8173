"""A process of its own for heavy answers, with little priority: reading never takes time from counting.

It is started for the first heavy answer, serves one after the other, and ends when there is nothing to do for a while,
or when an answer has made it large. Questions and answers pass through its pipes, as frames: four bytes of length and
that many bytes; an empty one ends an answer.
"""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import select
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from aforo.address import Address
from aforo.errors import AforoError
from aforo.ports import CountReader
from api.content import Build

IDLE_S = 60.0
LARGE_BYTES = 250_000_000
NICENESS = 15
PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Question:
    """What a process is asked.

    Attributes:
        open_reader: opens the store there.
        build: makes the content from it.
        wants_gzip: whether the content is to be compressed.
        known: what the client has already, as it sends it in If-None-Match.
    """

    open_reader: Callable[[], CountReader]
    build: Build
    wants_gzip: bool
    known: str


class AnswerProcess:
    """The parent's end."""

    def __init__(self) -> None:
        path = os.pathsep.join(part for part in sys.path if part)
        asked_from, self._stdin = _pipe()
        self._stdout, answers_to = _pipe()
        with asked_from, answers_to:
            self._process = subprocess.Popen(  # noqa: S603 -- this very program
                [sys.executable, "-P", "-m", __name__],
                stdin=asked_from,
                stdout=answers_to,
                env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
            )

    @property
    def alive(self) -> bool:
        """Whether it takes questions."""
        return self._process.poll() is None

    def ask(self, question: Question) -> dict[str, Any] | None:
        """Put a question, and wait for the beginning of its answer.

        Args:
            question: what is asked; its functions can be pickled.

        Returns:
            `headers`, `etag` and `known`, or `error` and `status`; None where the process ended before.
        """
        try:
            _send(self._stdin, _packed(question))
        except BrokenPipeError:
            return None
        head = self.next_piece()
        return orjson.loads(head) if head else None

    def next_piece(self) -> bytes | None:
        """Wait for a further piece of the answer; empty at its end, None where the process ended before."""
        return _receive(self._stdout)

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()
        self._process.wait()


def _pipe() -> tuple[IO[bytes], IO[bytes]]:
    reading, writing = os.pipe()
    return open(reading, "rb"), open(writing, "wb")


def compressed(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The parts as gzip, in pieces worth sending."""
    packer = zlib.compressobj(5, wbits=31)
    held: list[bytes] = []
    for part in parts:
        held.append(packer.compress(part))
        if sum(map(len, held)) >= PIECE_BYTES:
            yield b"".join(held)
            held.clear()
    yield b"".join(held) + packer.flush()


def matches(etag: str | None, known: str) -> bool:
    """Whether a client that sends `known` as If-None-Match has this content already."""
    return etag is not None and (known.strip() == "*" or f'"{etag}"' in known)


class _Packer(pickle.Pickler):
    """Addresses refuse to be pickled, lest their secrets land somewhere: but for this pipe, to a process of our own."""

    def reducer_override(self, obj: Any) -> Any:
        return (Address, (obj.reveal(),)) if isinstance(obj, Address) else NotImplemented


def _packed(question: Question) -> bytes:
    packed = io.BytesIO()
    _Packer(packed).dump(question)
    return packed.getvalue()


def _send(stream: IO[bytes], frame: bytes) -> None:
    stream.write(len(frame).to_bytes(4, "big"))
    stream.write(frame)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    length = stream.read(4)
    if len(length) < 4:  # noqa: PLR2004 -- bytes of the length
        return None
    size = int.from_bytes(length, "big")
    frame = stream.read(size)
    return frame if len(frame) == size else None


def _answer(packed: bytes, out: IO[bytes]) -> None:
    """Send the answer: its beginning as JSON, then its pieces."""
    # This imports what the answer is made with, at the parent's priority still: nobody should wait for that for long.
    question: Question = pickle.loads(packed)  # noqa: S301 -- from the process that started this one
    os.nice(max(0, NICENESS - os.nice(0)))
    try:
        reader = question.open_reader()
        try:
            content = question.build(reader)
        finally:
            reader.close()
    except AforoError as error:
        _send(out, orjson.dumps({"error": str(error), "status": error.http_status}))
        return
    is_known = matches(content.etag, question.known)
    _send(out, orjson.dumps({"headers": content.headers, "etag": content.etag, "known": is_known}))
    if is_known:
        return
    for part in compressed(content.parts) if question.wants_gzip else content.parts:
        for start in range(0, len(part), PIECE_BYTES):
            _send(out, part[start : start + PIECE_BYTES])
    _send(out, b"")


def _serve() -> None:
    """Answer questions until there are none for a while."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to hear
    out = sys.stdout.buffer
    while select.select([sys.stdin.buffer], [], [], IDLE_S)[0]:
        packed = _receive(sys.stdin.buffer)
        if packed is None:
            return
        _answer(packed, out)
        if _held_bytes() > LARGE_BYTES:
            return


def _held_bytes() -> int:
    """The memory that this process holds, 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    try:
        _serve()
    except BrokenPipeError:
        os._exit(0)  # nobody waits for the answer any more
