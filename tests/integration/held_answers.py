"""Large answers that a test holds back or lets fail; in a module of its own, which a process imports in no time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from aforo.errors import StoreError
from aforo.ports import CountReader
from api.content import Content


def tell(what: str, gate: str, reader: CountReader) -> Content:
    """A large answer that a test holds back."""
    assert reader is not None

    def parts() -> Iterator[bytes]:
        yield f"{os.getpid()} {os.nice(0)} ".encode()
        while gate and not Path(gate).exists():
            yield b" " * 1000
            time.sleep(0.01)
        if what == "fail":
            raise ValueError("within")
        if what == "die":
            os._exit(9)
        yield what.encode()

    if what == "refuse":
        raise StoreError("cannot be read now")
    if what == "fail before":
        raise ValueError("before")
    return Content({"content-type": "text/plain"}, parts())


def count_crossings(reader: CountReader) -> Content:
    """How often the line `stop` was ever crossed."""
    found = reader.crossings(["stop"], 0, 2**52, 1000)
    return Content({"content-type": "text/plain"}, [f"{len(found)} of stop".encode()])
