"""What an answer consists of before it is sent; made in the web server's process or in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aforo.ports import CountReader


@dataclass(frozen=True, slots=True)
class Content:
    """What is answered.

    Attributes:
        headers: with the content-type.
        parts: of the body, made while they are taken.
        etag: the same for the same content, None where that is not known before it is made.
    """

    headers: Mapping[str, str]
    parts: Iterable[bytes]
    etag: str | None = None


Build = Callable[[CountReader], Content]
"""Reads and makes an answer; can be pickled, as a `partial` of a module's function can; may raise any `AforoError`."""
