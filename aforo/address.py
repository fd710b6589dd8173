"""Addresses of cameras, stores and buses: where something is, and the secrets with which it is reached.

An `Address` has no text form but scheme and hosts, so that it can be logged, answered and stored as it is. All else in
it comes out through `Address.reveal` alone, which is called where a connection is opened. Which part is a secret need
not be guessed that way: cameras take passwords as user, within the path, and under any name in the query.

An address that can be read in two ways is refused: of a password with a raw `@` or `/`, a part would pass for the host.
"""

from __future__ import annotations

import itertools
import json
import re
import weakref
from collections.abc import Iterator
from operator import itemgetter
from typing import Any, NoReturn, Self
from urllib.parse import quote, unquote

HIDDEN = "…"
"""What stands for a secret in somebody else's text."""

LEAST_HIDDEN = 4
"""Shorter pieces of an address are not looked for in texts: they tell nothing, and are pieces of many words."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WRITABLE = re.compile(r"(?:%(?!00)[0-9A-Fa-f]{2}|[^%#\s\x00-\x1f\x7f])*")
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|(?:[\w.-]|%[0-9A-Fa-f]{2})*)(?::(?P<port>[0-9]{1,5}))?")
_LAST_PORT = 65_535
_POSTGRESQL = ("postgresql", "postgres")

# What somebody may have meant as an address: a user with a password, a query, or a scheme that lacks a slash.
_LIKE_ADDRESS = re.compile(r"(?s).*:.*@|.*\?.*=|.*://|//|[A-Za-z][A-Za-z0-9+.-]+:/|(?i:rtsps?|https?):")
_SURELY_FILE = re.compile(r"/(?!/)|\.{1,2}/|~|[A-Za-z]:[\\/]")

_EXPECTED = (
    "expected scheme://user:password@host:port/path, with what is special percent-encoded wherever it is meant as a "
    "plain character: @ as %40, # as %23, % as %25, a space as %20, and in user and password also / as %2F, ? as %3F, "
    r"[ as %5B, ] as %5D, \ as %5C"
)
_EXPECTED_SCHEME = (
    "expected a file, or an address that begins with its scheme, such as rtsp://user:password@host/path; a file whose "
    "name looks like an address is given as ./NAME"
)


class Address:
    """Where something is: a network address, or the name of a file or device, which holds no secret. Immutable.

    >>> address = Address("rtsp://admin:hunter2@10.0.0.5:554/stream2?token=abcdef")
    >>> f"{address}", repr(address)
    ('rtsp://10.0.0.5:554', "Address('rtsp://10.0.0.5:554')")
    >>> address.reveal()
    'rtsp://admin:hunter2@10.0.0.5:554/stream2?token=abcdef'
    >>> str(Address("recordings/2026-03-05T07:30:00.avi")), str(Address("sqlite:///counts.db"))
    ('recordings/2026-03-05T07:30:00.avi', 'sqlite:///counts.db')

    Args:
        text: `scheme://…`, a path, or the number of a device.

    Attributes:
        scheme: in lower case; "" for a file or device.
        hosts: name and port (None where none is given) of each host; none for a file or device.

    Raises:
        ValueError: it is not clear what is user, password, host or path; the message says how to write it, and has no
            part of the text.
    """

    __slots__ = ("__weakref__", "_parts", "_shown", "_text", "_wholes", "hosts", "scheme")

    scheme: str
    hosts: tuple[tuple[str, int | None], ...]
    _text: str
    _shown: str
    _wholes: tuple[str, ...]  # what must be seen nowhere
    _parts: tuple[str, ...]  # what else must not be seen in texts of others

    def __init__(self, text: str) -> None:
        scheme = _SCHEME.match(text)
        if scheme is None and not text.strip():
            raise ValueError("expected a file or an address, got nothing")
        if scheme is None and _LIKE_ADDRESS.match(text) and not _SURELY_FILE.match(text):
            raise ValueError(_EXPECTED_SCHEME)
        if scheme is None or text.startswith("sqlite:///"):
            self._set(text, "" if scheme is None else "sqlite", (), text)
            return
        name, after = scheme[1].lower(), text[scheme.end() :]
        authority = re.split("[/?]", after, maxsplit=1)[0]
        userinfo, _, servers = authority.rpartition("@")
        rest = after[len(authority) :]
        if not _WRITABLE.fullmatch(after) or re.search(r"[@\[\]\\]", userinfo) or "@" in rest:
            raise ValueError(_EXPECTED)
        user, _, password = userinfo.partition(":")
        wholes = [f"{userinfo}@", userinfo if password else "", password, f"{servers}{rest}" if rest else ""]
        steps = re.split(r"[/?&;]", rest)
        parts = [user, rest, *steps, *(step.partition("=")[2] for step in steps)]
        shown = f"{name}://{servers}"
        self._set(text, name, tuple(_hosts(name, servers)), shown, _spellings(wholes), _spellings(parts))
        _KNOWN[id(self)] = self

    def _set(
        self,
        text: str,
        scheme: str,
        hosts: tuple[tuple[str, int | None], ...],
        shown: str,
        wholes: tuple[str, ...] = (),
        parts: tuple[str, ...] = (),
    ) -> None:
        values = {
            "_text": text,
            "scheme": scheme,
            "hosts": hosts,
            "_shown": shown,
            "_wholes": wholes,
            "_parts": parts,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of_file(cls, name: object) -> Self:
        """The address of a file, whatever its name looks like."""
        address = cls.__new__(cls)
        address._set(str(name), "", (), str(name))
        return address

    @property
    def is_file(self) -> bool:
        """Whether it names a file: no network address, database, or number of a device.

        >>> [Address(text).is_file for text in ("street.mp4", "0", "rtsp://10.0.0.5/1")]
        [True, False, False]
        """
        return not self.scheme and not self._text.isdecimal()

    def reveal(self) -> str:
        """The whole text, with its secrets: for the call that opens the connection, and for nothing else."""
        return self._text

    def __str__(self) -> str:
        return self._shown

    def __repr__(self) -> str:
        return f"Address({self._shown!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"an address cannot be changed: {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an address cannot be changed: {name}")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("an address is not written anywhere: it holds secrets")


_KNOWN: weakref.WeakValueDictionary[int, Address] = weakref.WeakValueDictionary()
"""Every network address of this process."""


def conceal(text: str, *, own: bool = False) -> str:
    """Somebody else's text, without the secrets of this process.

    The last resort for what libraries and servers say, as they may quote the address they were given: every address of
    the process is known, and each of its pieces is replaced, whole and also as it is escaped. There is no guessing of
    what looks like a secret. Our own texts need none of this, as an `Address` within them shows scheme and hosts alone.

    >>> camera = Address("http://admin:hunter2@10.0.0.5/live?token=abcdef")
    >>> conceal("connect('http://admin:hunter2@10.0.0.5/live?token=abcdef') failed: abcdef of admin is not valid")
    "connect('http://…') failed: … of … is not valid"

    Args:
        text: of any length.
        own: it is our own, and may only quote another: users and pieces of paths stay, which are ordinary words, such
            as `video`; passwords and addresses as a whole do not.
    """
    # Marked first and replaced then: a piece of one address may be a part of a longer one of another.
    hidden = [False] * len(text)
    for known in _KNOWN.valuerefs():
        if (address := known()) is not None:
            for piece in address._wholes if own else (*address._wholes, *address._parts):
                _mark(text, piece, hidden)
    runs = itertools.groupby(zip(text, hidden, strict=True), key=itemgetter(1))
    return "".join(HIDDEN if secret else "".join(char for char, _ in run) for secret, run in runs)


def _mark(text: str, piece: str, hidden: list[bool]) -> None:
    start = text.find(piece)
    while start >= 0:
        hidden[start : start + len(piece)] = [True] * len(piece)
        start = text.find(piece, start + 1)


def _hosts(scheme: str, servers: str) -> Iterator[tuple[str, int | None]]:
    """Name and port of each; PostgreSQL's may be missing, or the folder of a socket."""
    many = servers.split(",") if scheme in ("kafka", *_POSTGRESQL) else [servers]
    for server in many:
        found = _HOST.fullmatch(server)
        if found is None or (scheme not in _POSTGRESQL and ("%" in server or not found["host"])):
            raise ValueError(_EXPECTED)
        port = None if found["port"] is None else int(found["port"])
        if port is not None and not 0 < port <= _LAST_PORT:
            raise ValueError(_EXPECTED)
        yield found["host"].strip("[]"), port


def _spellings(pieces: list[str]) -> tuple[str, ...]:
    meant = {unquote(piece) for piece in pieces}
    plain = {*pieces, *meant, *(quote(piece, safe=safe) for piece in meant for safe in ("", "/"))}
    escaped = {form[1:-1] for piece in plain for form in (repr(piece), json.dumps(piece))}
    return tuple(form for form in plain | escaped if len(form) >= LEAST_HIDDEN)
