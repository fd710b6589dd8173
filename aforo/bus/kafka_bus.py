"""The bus over Kafka: what publishes to it, what counts from it, and whether it can be reached."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from aforo.bus.kafka_connection import KafkaAddress, until_reached
from aforo.bus.kafka_consumer import Aggregation
from aforo.bus.kafka_publisher import KafkaPublisher
from aforo.clock import SystemClock
from aforo.doctor_finding import Finding
from aforo.model import Rows
from aforo.ports import BatchCounter, Clock, CountStore

_DEFAULT_PORT = 9092
_TIMEOUT_S = 3.0


class KafkaBus:
    """A `Bus` for any number of processes.

    Args:
        address: of Kafka.
    """

    def __init__(self, address: KafkaAddress) -> None:
        self.address = address

    def prepare(self, cameras: int, stopped: Callable[[], bool]) -> bool:
        """Make the topics that are missing; waits for Kafka for as long as it takes.

        Returns:
            Whether they are there; False when `stopped` was True before.
        """
        return until_reached(lambda: self.address.create_topics(cameras), SystemClock(), stopped)

    def open_publisher(self, clock: Clock) -> KafkaPublisher:
        """A publisher; its topics exist.

        Raises:
            BusError: Kafka cannot be reached.
        """
        return KafkaPublisher(self.address, clock)

    def open_counting(
        self,
        new_counter: Callable[[], BatchCounter],
        store: CountStore,
        clock: Clock,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> Aggregation:
        """A member of the group that shares the partitions; each partition has a counter of its own."""
        return Aggregation(self.address, new_counter, store, clock, listeners)

    def check(self) -> Iterator[Finding]:
        """Whether each broker accepts connections."""
        hint = "check the address in bus, and that the broker runs and is reachable from here"
        for server in self.address.servers:
            try:
                parts = urlsplit(f"//{server}")
                where = (parts.hostname or "", parts.port or _DEFAULT_PORT)
                with socket.create_connection(where, timeout=_TIMEOUT_S):
                    pass
            except (OSError, ValueError) as error:
                yield Finding("bus", False, f"Kafka broker {server}: {error}", hint)
            else:
                yield Finding("bus", True, f"Kafka broker {server} accepts connections")
