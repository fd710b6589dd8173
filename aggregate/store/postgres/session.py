"""How a session with PostgreSQL is opened: every parameter of the address is used, or refused by name."""

from __future__ import annotations

import os
import re
from collections import Counter
from urllib.parse import parse_qsl, urlsplit

from psycopg import conninfo

from aforo.address import Address
from aforo.errors import ConfigurationError

CONNECT_TIMEOUT_S = 3

_DEFAULTS = {"connect_timeout": str(CONNECT_TIMEOUT_S), "application_name": "aforo"}
_OWN_SETTINGS = ("timezone", "default_transaction_read_only")
_SETTING = re.compile(r"(?:-c\s*|--)([\w-]+)\s*=")


def session_text(address: Address, *, read_only: bool = False) -> str:
    """The connection string of a session, for the driver alone: it has the password.

    Args:
        address: `postgresql://user:password@host/database`, with any parameters of libpq. Of `options` the settings
            stay, such as search_path; those of the environment variable PGOPTIONS too, where the address has none.
        read_only: nothing can be written.

    Raises:
        ConfigurationError: a parameter is given twice, or is a setting that Aforo makes itself.
        psycopg.Error: libpq does not know a parameter, or cannot read the address.
    """
    text = address.reveal()
    given = conninfo.conninfo_to_dict(text)
    _refuse_repeated(text)
    options = str(given.get("options") or os.environ.get("PGOPTIONS", ""))
    for name in _SETTING.findall(options):
        if name.lower().replace("-", "_") in _OWN_SETTINGS:
            raise ConfigurationError(f"store: options: {name} is set by Aforo itself; leave it out")
    own = "-c timezone=UTC" + (" -c default_transaction_read_only=on" if read_only else "")
    used = {name: given.get(name, value) for name, value in _DEFAULTS.items()}
    return conninfo.make_conninfo(text, **used, options=f"{options} {own}".strip())


def _refuse_repeated(text: str) -> None:
    """Of two values libpq takes the last without a word, also where the first stands before the question mark."""
    parts = urlsplit(text)
    userinfo, _, servers = parts.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    before = {"user": user, "password": password, "host": servers, "dbname": parts.path.strip("/")}
    names = [name for name, value in before.items() if value]
    names += [name for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    for name, times in Counter(names).items():
        if times > 1:
            raise ConfigurationError(f"store: {name} is given {times} times; give it once")
