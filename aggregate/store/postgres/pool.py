"""Connections to PostgreSQL, and its errors as one sentence that names the database and never its password."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from aforo.address import Address, conceal
from aforo.errors import StoreError
from aggregate.store.postgres.session import session_text

Connection = psycopg.Connection[tuple[Any, ...]]

WAIT_S = 5.0
"""How long a question waits for a free connection."""

GIVE_UP_S = 4.0
"""After so long without a server the pool tries again only when it is asked, and then at once."""

_RIGHTS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)
"""A right is missing; since PostgreSQL 15 only the owner of a database may make tables in its schema public."""


class Database:
    """The pool of one process, or of one part of it.

    Args:
        address: `postgresql://user:password@host/database`.
        size: connections at most.
        read_only: nothing can be written, and each statement is a transaction of its own.

    Raises:
        StoreError: the address cannot be understood.
    """

    def __init__(self, address: Address, size: int, *, read_only: bool = False) -> None:
        self.address = address
        self._read_only = read_only
        with self.translated("open"):
            self._conninfo = session_text(address, read_only=read_only)
        # Statements are planned with their values each time, unless they ask to be prepared: so chunks are left out
        # that have none of the rows.
        self._pool = ConnectionPool(
            self._conninfo,
            kwargs={"prepare_threshold": sys.maxsize, "autocommit": read_only},
            min_size=0,
            max_size=size,
            timeout=WAIT_S,
            reconnect_timeout=GIVE_UP_S,
            check=ConnectionPool.check_connection,
            open=True,
        )

    @contextmanager
    def connection(self, action: str) -> Iterator[Connection]:
        """Borrow a connection for one transaction, or for statements that only read.

        Args:
            action: "open", "read" or "write", for the error.

        Raises:
            StoreError: there is none, or what is done with it fails; the transaction was rolled back.
        """
        with self.translated(action), self._pool.connection() as connection, _current(connection):
            yield connection

    @contextmanager
    def autocommit(self, action: str) -> Iterator[Connection]:
        """Borrow a connection for statements that must not be inside a transaction.

        Raises:
            StoreError: as `connection`.
        """
        with self.translated(action), self._pool.connection() as connection:
            connection.autocommit = True
            try:
                with _current(connection):
                    yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    @contextmanager
    def single(self, action: str) -> Iterator[Connection]:
        """A connection outside the pool, in autocommit mode, which says at once why it cannot be had.

        Raises:
            StoreError: as `connection`.
        """
        with self.translated(action), psycopg.connect(self._conninfo, autocommit=True) as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    @contextmanager
    def translated(self, action: str) -> Iterator[None]:
        """Turn what goes wrong inside into one sentence.

        Raises:
            StoreError: in place of errors of the driver; those raised inside get the database's name in front.
        """
        try:
            yield
        except PoolClosed as error:
            raise StoreError(f"cannot {action} the database {self.address}: it was closed") from error
        except PoolTimeout as error:
            reason = (
                f"no connection within {WAIT_S:g} s; check that the server runs and is reachable from here, and user "
                "and password in `store`"
            )
            raise StoreError(f"cannot {action} the database {self.address}: {reason}", self.address, reason) from error
        except psycopg.Error as error:
            text = error.diag.message_primary or str(error)
            reason = plain_message(text)
            if isinstance(error, _RIGHTS):
                reason = f"{reason}; run as the owner of the database: {_grant(reason, read_only=self._read_only)}"
            raise StoreError(f"cannot {action} the database {self.address}: {reason}", self.address, reason) from error
        except StoreError as error:
            raise StoreError(f"cannot {action} the database {self.address}: {error}") from None


@contextmanager
def _current(connection: Connection) -> Iterator[None]:
    """End a session that may not write: it keeps the defaults that it began with, and the next has today's."""
    try:
        yield
    except psycopg.errors.ReadOnlySqlTransaction:
        connection.close()
        raise


def _grant(reason: str, *, read_only: bool) -> str:
    """What gives the user of an address the right that was missing, by the server's message.

    >>> _grant("permission denied for schema public", read_only=False)
    'GRANT USAGE, CREATE ON SCHEMA public TO the user in `store`'
    """
    named = re.search(r'schema "?([\w.-]+)', reason)
    schema = named[1] if named else "public"
    if read_only:
        return (
            f"GRANT USAGE ON SCHEMA {schema} and GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO the user in `store`"
        )
    if "table" in reason:
        return f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO the user in `store`"
    return f"GRANT USAGE, CREATE ON SCHEMA {schema} TO the user in `store`"


def plain_message(text: str) -> str:
    """A message of driver or server on one line, without any piece of the address: they quote user and database."""
    return conceal(" ".join(text.split()))
