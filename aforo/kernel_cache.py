"""Arithmetic that numba compiles when it is called first; what it made is kept for the next start.

numba alone notices changes of the file that a function is in, and of no other. But a kernel also contains the kernels
that it calls and the constants that it names, from whatever file they come. So results are kept in a folder whose name
is a hash of all these files: after a change of any of them, that folder is another one, and empty.

Such folders are in NUMBA_CACHE_DIR where that is set, else beside the source, else, where that cannot be written, in
the user's own cache; where there is no place at all, every process compiles anew.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TypeVar

import numba

from aforo.errors import ConfigurationError

Function = TypeVar("Function", bound=Callable[..., object])

FOLDERS_KEPT = 4
"""Of one file with kernels: for so many states of its source results are kept; older ones are removed."""

_IMPORT = re.compile(r"^[ \t]*(?:from|import) ([\w.]+)(?: import (\([^)]*\)|[^\n]*))?", re.MULTILINE)
"""A module, and what is imported from it; to parse whole files would take three times as long."""

_NAME = re.compile(r"\w+")
_GROUND_FLOOR = __name__.partition(".")[0]
_CHOOSING = threading.Lock()


def compiled(function: Function) -> Function:
    """Compile a function when it is called first; the result is kept if there is any place for it.

    >>> @compiled
    ... def doubled(metres: float) -> float:
    ...     return 2 * metres
    >>> doubled(1.5)
    3.0
    """
    folder = _folder(function.__code__.co_filename, function.__module__, numba.config.CACHE_DIR)
    if folder is None:
        return _made(function, keep=False)
    with _CHOOSING:
        chosen, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)
        try:
            return _made(function, keep=True)
        finally:
            numba.config.CACHE_DIR = chosen


def _made(function: Function, *, keep: bool) -> Function:
    made: Function = numba.njit(cache=keep, nogil=True)(function)
    return made


@contextmanager
def compiling(file: str) -> Iterator[None]:
    """Where kernels of a source file are called first, so that no frame has to wait for it.

    >>> with compiling(__file__):  # doctest: +ELLIPSIS
    ...     raise OSError("no room")
    Traceback (most recent call last):
    aforo.errors.ConfigurationError: what was compiled before cannot be read or kept: no room; empty the folder ...

    Raises:
        ConfigurationError: what was kept cannot be read, or new results cannot be kept.
    """
    try:
        yield
    except Exception as error:  # what is called here cannot fail, but what is read can be anything
        folder = os.environ.get("NUMBA_CACHE_DIR") or f"{Path(file).parent / '__pycache__'}"
        raise ConfigurationError(
            f"what was compiled before cannot be read or kept: {str(error) or type(error).__name__}; empty the folder "
            f"{folder} (and aforo/kernels in your own cache), or name another, that can be written, in NUMBA_CACHE_DIR"
        ) from error


@cache
def _folder(source: str, module: str, chosen: str) -> Path | None:
    """Where results of a module's kernels are kept: a folder that can be written, or None where there is none.

    Args:
        source: the path of its file.
        module: its name, with those of its packages.
        chosen: NUMBA_CACHE_DIR, or "".
    """
    file = Path(source).resolve()
    if not file.is_file():
        return None
    packages = frozenset({module.partition(".")[0], _GROUND_FLOOR})
    state = _state(file, file.parents[module.count(".")], packages)
    own = f"{file.parent.name}-{hashlib.sha256(bytes(file.parent)).hexdigest()[:12]}"
    own_cache = os.environ.get("XDG_CACHE_HOME", "")
    user = Path(own_cache) if Path(own_cache).is_absolute() else Path.home() / ".cache"
    places = [file.parent / "__pycache__", user / "aforo" / "kernels"]
    for place in [Path(chosen), *places] if chosen else places:
        if _is_ready(folder := place / own / file.stem / state):
            return folder
    return None


def _is_ready(folder: Path) -> bool:
    """Make a folder, and remove those of states of the source long gone; False where it cannot be written."""
    try:
        is_new = not folder.is_dir()
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        if is_new:
            states = sorted(folder.parent.iterdir(), key=lambda state: state.stat().st_mtime, reverse=True)
            for old in states[FOLDERS_KEPT:]:
                shutil.rmtree(old, ignore_errors=True)
    except OSError:
        return False
    return True


def _state(file: Path, root: Path, packages: frozenset[str]) -> str:
    """A hash of a file and of all that it imports from some packages, directly or not.

    Args:
        file: a module of Python.
        root: the folder that the packages are in.
        packages: names of packages whose files count; others, such as numpy, do not.
    """
    found, new = {file}, [file]
    while new:
        imported = _imported(new.pop(), root, packages) - found
        found |= imported
        new.extend(imported)
    digest = hashlib.sha256()
    for path in sorted(found):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


@cache
def _imported(file: Path, root: Path, packages: frozenset[str]) -> frozenset[Path]:
    """The files that a file imports from these packages; a sentence that reads like an import may name one more."""
    names: set[str] = set()
    for module, imported in _IMPORT.findall(file.read_text(encoding="utf-8")):
        if module.partition(".")[0] in packages:
            names.add(module)
            names.update(f"{module}.{name}" for name in _NAME.findall(imported))
    paths = {root.joinpath(*name.split(".")).with_suffix(".py") for name in names}
    return frozenset(path for path in paths if path.is_file())
