"""Reaching Kafka: the address, TLS and SASL, and topics as Aforo needs them."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kafka import KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    InvalidPartitionsError,
    InvalidSessionTimeoutError,
    KafkaError,
    SaslAuthenticationFailedError,
    TopicAlreadyExistsError,
)

from aforo.address import Address, conceal
from aforo.bus.settings import KafkaSettings
from aforo.errors import BusError, ConfigurationError
from aforo.plain_files import check_plain, read_text
from aforo.ports import Clock

LOG = logging.getLogger(__name__)

DEFAULT_TOPIC = "aforo"

REFUSALS = (AuthorizationError, InvalidSessionTimeoutError)
"""What Kafka will not think better of, however often a member of a group asks."""

_ADDRESS = re.compile(r"^kafka://(?P<servers>[^/@?#\s]+)(?:/(?P<topic>[A-Za-z0-9._-]{1,200}))?/?$")
_RETRY_S = 1.0
_BOOTSTRAP_MS = 5_000


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of a site.

    >>> topics = Topics("bogota")
    >>> topics.frames, topics.dead, topics.workers
    ('bogota', 'bogota.dead', 'bogota.workers')

    Attributes:
        frames: tracked frames, keyed by camera.
        cameras: carries nothing; its partitions stand for cameras, so that the group's assignment shares them out.
        dead: what could not be read from `frames`.
    """

    frames: str

    @property
    def cameras(self) -> str:
        """Name of the topic whose partitions stand for cameras."""
        return f"{self.frames}.cameras"

    @property
    def dead(self) -> str:
        """Name of the dead-letter topic."""
        return f"{self.frames}.dead"

    @property
    def aggregators(self) -> str:
        """Name of the aggregators' consumer group."""
        return f"{self.frames}.aggregators"

    @property
    def workers(self) -> str:
        """Name of the workers' consumer group."""
        return f"{self.frames}.workers"


class KafkaAddress:
    """Where Kafka is, and how to speak to it.

    >>> address = KafkaAddress(Address("kafka://one:9092,two:9092/bogota"), KafkaSettings())
    >>> address.servers, address.topics.frames
    (['one:9092', 'two:9092'], 'bogota')

    Args:
        bus: kafka://host:port[,host:port][/topic].
        settings: security, and how topics are made.

    Raises:
        ConfigurationError: the bus is no such address.
    """

    def __init__(self, bus: Address, settings: KafkaSettings) -> None:
        _, mark, query = bus.reveal().partition("?")
        if mark:
            raise ConfigurationError(
                f"bus: Kafka's address takes no parameters, got {query.partition('=')[0]!r} behind the ?; settings "
                "belong under the key kafka"
            )
        match = _ADDRESS.match(bus.reveal())
        if match is None:
            raise ConfigurationError(
                f"expected bus: kafka://host:port[,host:port][/topic], got {bus}; "
                "user and password belong under the key kafka"
            )
        self.servers = match["servers"].split(",")
        self.topics = Topics(match["topic"] or DEFAULT_TOPIC)
        self.settings = settings
        self._shown = f"Kafka at {match['servers']}"

    def __str__(self) -> str:
        return self._shown

    @property
    def session_ms(self) -> int:
        """How long a member of a group may be silent before the others take over, milliseconds."""
        return self.settings.session_seconds * 1000

    def options(self) -> dict[str, Any]:
        """What every client of kafka-python needs to connect."""
        settings = self.settings
        options: dict[str, Any] = {
            "bootstrap_servers": self.servers,
            "bootstrap_timeout_ms": _BOOTSTRAP_MS,
            "reconnect_backoff_max_ms": 2_000,
            "allow_auto_create_topics": False,
            "security_protocol": settings.security,
        }
        if "SSL" in settings.security:
            options |= {
                "ssl_cafile": _readable("ca_file", settings.ca_file),
                "ssl_certfile": _readable("certificate_file", settings.certificate_file),
                "ssl_keyfile": _readable("key_file", settings.key_file),
            }
        if "SASL" in settings.security:
            options |= {
                "sasl_mechanism": settings.sasl_mechanism,
                "sasl_plain_username": settings.username,
                "sasl_plain_password": _password(settings),
            }
        return options

    def refusal(self, error: KafkaError) -> BusError:
        """One of `REFUSALS` of a group, with what to do about it."""
        if isinstance(error, InvalidSessionTimeoutError):
            return BusError(
                f"{self} does not take session_seconds: {self.settings.session_seconds} under the key kafka; give at "
                "least its group.min.session.timeout.ms, which is 6 seconds where nobody changed it, and at most its "
                "group.max.session.timeout.ms"
            )
        return BusError(f"{self} refuses: {conceal(str(error))}; give its user the right to read and commit")

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """A client for topics.

        Raises:
            BusError: Kafka cannot be reached or refuses.
        """
        with self.reaching():
            options = self.options()
            del options["allow_auto_create_topics"]
            client = KafkaAdminClient(**options)
            try:
                yield client
            finally:
                client.close()

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Around the making of a client of kafka-python, which connects: what fails is told with its reason.

        Raises:
            BusError: Kafka cannot be reached or refuses.
        """
        with _Reasons() as reasons:
            try:
                yield
            except (KafkaError, OSError) as error:
                raise BusError(f"cannot reach {self}: {self._explained(error, reasons.found)}") from error

    def _explained(self, error: Exception, reasons: list[Exception]) -> str:
        for reason in reasons:
            # Over TLS the connection is closed before kafka-python has read the refusal.
            closed = "SASL" in self.settings.security and "socket disconnected" in str(reason)
            if closed or isinstance(reason, SaslAuthenticationFailedError):
                return (
                    f"it refuses user {self.settings.username}; check username, password, sasl_mechanism and security "
                    "under the key kafka"
                )
            if "CERTIFICATE_VERIFY_FAILED" in str(reason):
                return (
                    f"{self.settings.ca_file or 'the system'} does not vouch for its certificate; check kafka.ca_file"
                )
            if known := self._network_reason(str(reason)):
                return known
        return f"{conceal(str(error)) or type(error).__name__}; check address and security"

    def _network_reason(self, reason: str) -> str | None:
        """What a reason of kafka-python for a failed connection means, None where it is another one."""
        if "DNS" in reason:
            unknown = [host for host in map(_host, self.servers) if not _resolves(host)]
            if unknown:
                return f"the host name {' and '.join(unknown)} cannot be resolved; check bus"
            return (
                "a broker calls itself by a host name that cannot be resolved here; check its advertised.listeners, or "
                "make the name known to this machine"
            )
        if "REFUSED" in reason:
            return "the connection is refused: nothing listens there; check bus, and that the broker runs"
        if "Request timed out" in reason:
            return (
                f"it accepts the connection, and does not answer as Kafka within {_BOOTSTRAP_MS / 1000:g} s; check the "
                "port, and security under the key kafka"
            )
        return None

    def create_topics(self, cameras: int) -> None:
        """Make the topics that are missing; a topic that has too few partitions for the cameras gets more.

        The topic of frames is left as it is: more partitions would move cameras from one to another.

        Raises:
            BusError: Kafka cannot be reached or refuses.
        """
        settings = self.settings
        retention = {"retention.ms": str(settings.retention_hours * 3_600_000)}
        wanted = {
            self.topics.frames: (settings.partitions, retention | {"message.timestamp.type": "LogAppendTime"}),
            self.topics.cameras: (max(cameras, 1), retention),
            self.topics.dead: (1, retention),
        }
        with self.admin() as admin:
            existing = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
            for name, (partitions, configs) in wanted.items():
                if name not in existing:
                    topic = {
                        "num_partitions": partitions,
                        "replication_factor": settings.replication,
                        "configs": configs,
                    }
                    with _tolerating(TopicAlreadyExistsError):  # another process was quicker
                        admin.create_topics({name: topic})
            if existing.get(self.topics.cameras, cameras) < cameras:
                with _tolerating(InvalidPartitionsError):
                    admin.create_partitions({self.topics.cameras: cameras})
            admin.wait_for_topics(list(wanted))


class _Reasons(logging.Filter):
    """Why connections fail: kafka-python writes it to its log, and in the end says only that the time was up."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Exception] = []
        self._logger = logging.getLogger("kafka.net.manager")
        self._own_level, self._level = self._logger.level, self._logger.getEffectiveLevel()

    def __enter__(self) -> Self:
        self._logger.addFilter(self)
        self._logger.setLevel(min(self._level, logging.WARNING))
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.setLevel(self._own_level)
        self._logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Note the reason; what would not be logged without this is not."""
        self.found += [value for value in record.args or () if isinstance(value, Exception)]
        return record.levelno >= self._level


def _host(server: str) -> str:
    """The host of a server as it stands in an address, perhaps with a port.

    >>> _host("broker.example:9092"), _host("[::1]:9092"), _host("broker")
    ('broker.example', '::1', 'broker')
    """
    host, colon, port = server.rpartition(":")
    return (host if colon and port.isdecimal() else server).strip("[]")


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def _readable(key: str, file: str | None) -> str | None:
    """The file of that key, as it is.

    Raises:
        ConfigurationError: opening it would never end.
    """
    if file is not None and os.path.exists(file):  # what is absent is told by the library's own error
        try:
            check_plain(Path(file))
        except OSError as error:
            raise ConfigurationError(f"cannot read kafka.{key} {file}: {error.strerror}") from error
    return file


_PASSWORD_BYTES = 65_536


def _password(settings: KafkaSettings) -> str | None:
    """The password for SASL, from its file where there is one.

    Raises:
        ConfigurationError: the file cannot be read or is empty.
    """
    if settings.password_file is None:
        return settings.password
    try:
        first, *_ = read_text(Path(settings.password_file), _PASSWORD_BYTES).splitlines() or [""]
    except OSError as error:
        raise ConfigurationError(
            f"cannot read kafka.password_file {settings.password_file}: {error.strerror}"
        ) from error
    if not first:
        raise ConfigurationError(f"kafka.password_file {settings.password_file}: expected a password in its first line")
    return first


@contextmanager
def _tolerating(known: type[KafkaError]) -> Iterator[None]:
    try:
        yield
    except known:
        LOG.debug("another process made the topic first")


def until_reached(attempt: Callable[[], None], clock: Clock, stopped: Callable[[], bool]) -> bool:
    """Try until Kafka answers.

    >>> from aforo.clock import ManualClock
    >>> until_reached(lambda: None, ManualClock(), stopped=lambda: False)
    True

    Args:
        attempt: raises `BusError` while it does not.
        clock: for the waits.
        stopped: ends the attempts.

    Returns:
        Whether an attempt succeeded.
    """
    logged = False
    while not stopped():
        try:
            attempt()
        except BusError as error:
            if not logged:
                LOG.error("%s; trying again every %g s", error, _RETRY_S)
            logged = True
            clock.sleep(_RETRY_S)
        else:
            return True
    return False
