"""Files that a command writes where its user said: whole or not at all, and never over something else.

A file is written beside its place and then renamed, so that what was there before stays until the new one is complete.
What the command reads, the site's database and its configuration are never replaced. A file of another kind is replaced
with `--force` only; one of the same kind, such as the counts of yesterday, always is.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aforo.errors import ConfigurationError
from app.file_kinds import FileKind

_DATABASE_ENDS = ("-wal", "-shm", "-journal")
"""Ends of the names of the files that SQLite keeps beside a database."""

_ATTEMPTS, _BETWEEN_S = 20, 0.1
"""To open a pipe, whose reader may have been started at the same time."""


class OutputFile:
    """One file that a user named, or stdout.

    Args:
        option: that named it, for errors, such as --json.
        target: what was given; "-" is stdout where the kind may go there.
        kind: of what will be written; None where nothing that is there is replaced without `force`.
        inputs: files that must not be replaced, such as those that the command reads; they need not exist.
        force: replace a file of another kind.
        private: for its owner alone; else as the file that it replaces, or as new files of this user are.

    Raises:
        ConfigurationError: it must not or cannot be written; nothing has been changed.
    """

    def __init__(
        self,
        option: str,
        target: str | Path,
        kind: FileKind | None,
        *,
        inputs: Iterable[Path] = (),
        force: bool = False,
        private: bool = False,
    ) -> None:
        self.target = str(target)
        self._option = option
        self._kind = kind
        self._inputs = tuple(inputs)
        self._force = force
        self._private = private
        self.is_stdout = self.target == "-"
        if self.is_stdout:
            if kind is None or not kind.streams:
                raise ConfigurationError(f"{option}: expected a file, got -; this cannot be written to stdout")
            return
        with self._translated():
            self._path = Path(self.target)
            if not self._is_stream():
                self._path = self._path.resolve()
        self._check()
        if not self._is_stream():
            self._new_scratch().unlink()  # better now than after hours of work
            return
        with self._translated():
            self._stream = _without_waiting(self._path)  # kept open: a pipe's reader ends when its last writer does

    def same_file(self, other: OutputFile) -> bool:
        """Whether both are one file."""
        return not (self.is_stdout or other.is_stdout) and _is_same(self._path, other._path)

    def write(self, content: bytes) -> None:
        """Write all of it.

        Raises:
            ConfigurationError: it cannot be written; what was there before is as it was.
        """
        if self.is_stdout:
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
            return
        if self._is_stream():
            with self._translated(), open(self._stream, "wb") as stream:
                stream.write(content)
            return
        with self.writing() as scratch, self._translated():
            scratch.write_bytes(content)

    @contextmanager
    def writing(self) -> Iterator[Path]:
        """An empty file of the same folder, which takes the place of the target when all went well.

        Raises:
            ConfigurationError: as `write`.
        """
        with self._translated():
            scratch = self._new_scratch()
        try:
            yield scratch
            with self._translated():
                with scratch.open("rb") as written:
                    os.fsync(written.fileno())
                self._check()  # hours may have passed
                scratch.replace(self._path)
        finally:
            with suppress(OSError):
                scratch.unlink(missing_ok=True)

    def _is_stream(self) -> bool:
        """Whether it is a pipe or a device such as /dev/null, which is written as it stands."""
        status = _status(self._path)
        return status is not None and (stat.S_ISFIFO(status.st_mode) or stat.S_ISCHR(status.st_mode))

    def _check(self) -> None:
        with self._translated():
            status = _status(self._path)
        for path in self._inputs:
            if _is_same(path, self._path):
                raise ConfigurationError(
                    f"{self._option}: {self.target} is {path.name} itself, which is not to be written over; "
                    "give another file"
                )
        if status is None:
            return
        if stat.S_ISDIR(status.st_mode):
            raise ConfigurationError(f"{self._option}: expected a file, got the folder {self.target}")
        if not stat.S_ISREG(status.st_mode):
            if self._kind is None or not self._kind.streams or not self._is_stream():
                raise ConfigurationError(f"{self._option}: expected a file, and {self.target} is none")
            return
        if status.st_size and not self._force and not self._is_same_kind():
            other = "" if self._kind is None else f" and is no {self._kind.name}"
            raise ConfigurationError(
                f"{self._option}: {self.target} is there already{other}; give another file, or --force to replace it"
            )

    def _is_same_kind(self) -> bool:
        if self._kind is None:
            return False
        with suppress(OSError):
            return self._kind.recognises(self._path)
        return False

    def _new_scratch(self) -> Path:
        """Make an empty file beside the target, as accessible as the target will be."""
        with self._translated():
            replaced = None if self._private else _status(self._path)
            scratch = self._path.with_name(f".aforo-{secrets.token_hex(6)}{self._path.suffix[:8]}")
            mode = 0o600 if self._private or replaced is not None else 0o666
            os.close(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
            if replaced is not None:
                with suppress(OSError):  # only root can give files away
                    os.chown(scratch, replaced.st_uid, replaced.st_gid)
                scratch.chmod(stat.S_IMODE(replaced.st_mode))
            return scratch

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError) as error:  # pathlib tells loops of links by RuntimeError
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigurationError(
                f"{self._option}: cannot write {self.target}: {reason}; give a file in a folder that can be written"
            ) from error


def with_companions(database: Path) -> tuple[Path, ...]:
    """A SQLite database with the files that belong to it."""
    return database, *(database.with_name(database.name + end) for end in _DATABASE_ENDS)


def _without_waiting(path: Path) -> int:
    """Open a device, or a pipe that somebody reads or soon will: for its reader one would wait without an end.

    Raises:
        OSError: it cannot be written, or nobody reads it.
    """
    for attempt in range(_ATTEMPTS):
        try:
            stream = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if attempt < _ATTEMPTS - 1:
                time.sleep(_BETWEEN_S)
            continue
        os.set_blocking(stream, True)
        return stream
    raise OSError(errno.ENXIO, "nobody reads this pipe")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _is_same(first: Path, second: Path) -> bool:
    """Whether two names are of one file, by links too; also where there is no such file yet."""
    try:
        return first.samefile(second)
    except OSError:
        with suppress(OSError, RuntimeError):
            return first.resolve() == second.resolve()
        return False
