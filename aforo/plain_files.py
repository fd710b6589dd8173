"""Files that people name, read without ever waiting: named pipes, devices and sockets are refused, giants too."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def check_plain(path: Path) -> None:
    """Refuse what would be opened and never end, such as a named pipe that nobody writes to.

    Folders pass: opening one fails at once, and says so.

    >>> check_plain(Path("/dev/null"))
    Traceback (most recent call last):
    OSError: [Errno 22] it is a device, expected a plain file

    Raises:
        OSError: there is no such file, or it is no plain file; `strerror` says what it is.
    """
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, f"the name is impossible: {error}") from None
    for is_such, name in _SPECIAL:
        if is_such(mode):
            raise OSError(errno.EINVAL, f"it is {name}, expected a plain file")


def read_text(path: Path, most_bytes: int) -> str:
    """The text of a plain file in UTF-8; a byte order mark at its beginning is left out.

    >>> "def read_text" in read_text(Path(__file__), 100_000)
    True

    Raises:
        OSError: as `check_plain`, or it cannot be read, has more than `most_bytes`, or is not UTF-8; `strerror` says
            why.
    """
    check_plain(path)
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it is too large, expected at most {most_bytes / 1e6:g} MB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        kind = "UTF-16, expected" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "not"
        raise OSError(errno.EILSEQ, f"it is {kind} UTF-8 text") from None
