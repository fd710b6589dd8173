"""Arithmetic that numba compiles when it is called first; what it made is kept for the next start.

It is kept beside the source or, where that cannot be written, in the user's own cache; where there is no place at all,
every process compiles anew. Kernels of a stage are all in one file, because numba notices changes of the file that a
function is in, and of no other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numba

from aforo.errors import ConfigurationError

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a function when it is called first; the result is kept if there is any place for it."""
    try:
        made: Function = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # neither beside the file nor in the user's cache
        made = numba.njit(nogil=True)(function)
    return made


@contextmanager
def compiling(file: str) -> Iterator[None]:
    """Where kernels of a source file are called first, so that no frame has to wait for it.

    Raises:
        ConfigurationError: what was kept cannot be read, or new results cannot be kept.
    """
    try:
        yield
    except Exception as error:  # what is called here cannot fail, but what is read can be anything
        folder = os.environ.get("NUMBA_CACHE_DIR") or f"{Path(file).parent / '__pycache__'}"
        raise ConfigurationError(
            f"what was compiled before cannot be read or kept: {str(error) or type(error).__name__}; empty the folder "
            f"{folder} (and numba's in your own cache), or name another, that can be written, in NUMBA_CACHE_DIR"
        ) from error
