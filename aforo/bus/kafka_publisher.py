"""Tracked frames into Kafka: keyed by camera, acknowledged by all replicas, none lost while the process lives.

kafka-python retries by itself while the broker is away. What it gives up all the same is handed to it again by the next
`publish`; a message that comes twice or late that way is put in its place by the reader (`aforo.bus.message_order`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from aforo.bus import wire
from aforo.bus.kafka_connection import KafkaAddress
from aforo.camera_state import Problem
from aforo.errors import BusError
from aforo.model import TrackedFrame
from aforo.ports import Clock
from aforo.write_health import WriteHealth, WriteState

LOG = logging.getLogger(__name__)

OUTSTANDING = 2_000
"""Messages that wait for the broker at most; then `publish` waits, and frames are dropped where they are read."""

_FOREVER_MS = 2**31 - 1
_LINGER_MS = 20
_BATCH_BYTES = 128 * 1024
_METADATA_MS = 2_000
_NAP_S = 0.2


class KafkaPublisher:
    """Publishes tracked frames; may be used from many threads, one per camera.

    Args:
        address: of Kafka; its topics exist.
        clock: for waits.
        outstanding: messages that may wait for the broker.

    Raises:
        BusError: Kafka cannot be reached.
    """

    def __init__(self, address: KafkaAddress, clock: Clock, outstanding: int = OUTSTANDING) -> None:
        self._address, self._clock = address, clock
        self._room = threading.BoundedSemaphore(outstanding)
        self._lock = threading.Lock()
        self._sequences: dict[str, tuple[str, int]] = {}
        self._again: deque[tuple[bytes, bytes]] = deque()
        self._waiting = 0
        self._capacity = outstanding
        self._closed = False
        self._health = WriteHealth(clock.monotonic_s, str(address))
        self._producer = self._open()

    def _open(self) -> KafkaProducer:
        compression = self._address.settings.compression
        with self._address.reaching():
            return KafkaProducer(
                **self._address.options(),
                acks="all",
                enable_idempotence=True,
                compression_type=None if compression == "none" else compression,
                delivery_timeout_ms=_FOREVER_MS,
                linger_ms=_LINGER_MS,
                batch_size=_BATCH_BYTES,
                max_block_ms=_METADATA_MS,
            )

    @property
    def waiting(self) -> int:
        """Messages that the broker has not acknowledged yet."""
        return self._waiting

    def state(self) -> WriteState:
        """How publishing goes: written is what the broker has acknowledged."""
        return replace(self._health.state(), frames_waiting=self._waiting, frames_capacity=self._capacity, target="bus")

    def publish(self, message: TrackedFrame) -> None:
        """Hand over one message; blocks while too many wait for the broker (backpressure).

        Raises:
            BusError: the publisher is closed.
            WireError: the message does not fit into the format.
        """
        self._raise_if_closed()
        with self._lock:
            session, sequence = self._sequences.get(message.camera, ("", 0))
            if session != message.session:
                sequence = 0
            value = wire.encode(message, sequence)
            if message.last:
                self._sequences.pop(message.camera, None)
            else:
                self._sequences[message.camera] = message.session, sequence + 1
        while not self._room.acquire(timeout=_NAP_S):
            self._raise_if_closed()
            self._send_again()
        with self._lock:
            self._waiting += 1
            self._health.waits()
        self._send_again()
        self._send(message.camera.encode(), value)

    def flush(self, timeout_s: float) -> int:
        """Wait until the broker has everything, or the time is up.

        Returns:
            Messages that it has not acknowledged.
        """
        deadline_s = self._clock.monotonic_s() + timeout_s
        while self._waiting and self._clock.monotonic_s() < deadline_s:
            self._send_again()
            self._clock.sleep(_NAP_S / 10)
        return self._waiting

    def close(self, timeout_s: float = 30.0) -> None:
        """Send what waits, and close; what could not be sent in that time is lost, and said to be."""
        if self._closed:
            return
        lost = self.flush(timeout_s)
        self._closed = True
        if lost:
            LOG.error("%s did not take the last %d messages in %g s; they are lost", self._address, lost, timeout_s)
        with suppress(KafkaTimeoutError):  # its own wait for the same messages
            self._producer.close(timeout=0 if lost else timeout_s)

    def _send(self, key: bytes, value: bytes) -> None:
        """Give a message to kafka-python, or keep it for later."""
        try:
            future = self._producer.send(self._address.topics.frames, key=key, value=value)
        except (KafkaError, AssertionError) as error:
            self._keep(key, value, error)
            return
        future.add_callback(self._delivered)
        future.add_errback(lambda error: self._keep(key, value, error))

    def _delivered(self, _: Any) -> None:
        with self._lock:
            self._waiting -= 1
            self._health.written(more=self._waiting > 0)
        self._room.release()

    def _keep(self, key: bytes, value: bytes, error: Exception) -> None:
        with self._lock:
            self._again.append((key, value))
            self._health.failed(Problem.of("publish-refused", self._address, str(error) or type(error).__name__))

    def _send_again(self) -> None:
        for _ in range(len(self._again)):
            with self._lock:
                kept = self._again.popleft() if self._again else None
            if kept is None:
                return
            self._send(*kept)

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise BusError("the bus is closed: no message can be published any more")
