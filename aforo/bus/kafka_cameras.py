"""The worker process: analyses the cameras that Kafka's group assignment gives it, and publishes what they see.

Camera i of the configuration is partition i of a topic that carries no messages. Whoever owns the partition runs the
camera. When a worker dies, the group notices within its session time-out and the others own its partitions; when one
comes, it gets its share, and the cameras that do not move are not disturbed.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError

from aforo.bus.kafka_connection import REFUSALS, KafkaAddress
from aforo.bus.kafka_publisher import KafkaPublisher
from aforo.ports import Clock, RunningCamera

LOG = logging.getLogger(__name__)

_POLL_MS = 500
_STOP_S = 5.0


class Worker(ConsumerRebalanceListener):  # type: ignore[misc]
    """Runs the cameras that are assigned to this process.

    Args:
        cameras: ids of the site's cameras; all workers have the same, in the same order.
        address: of Kafka; its topics exist.
        publisher: where messages go; closed by whoever made it.
        new_camera: makes the thread of a camera by its id, which ends with its session closed once it is asked to stop.
        clock: for waits.
    """

    def __init__(
        self,
        cameras: Sequence[str],
        address: KafkaAddress,
        publisher: KafkaPublisher,
        new_camera: Callable[[str], RunningCamera],
        clock: Clock,
    ) -> None:
        self._cameras, self._address, self._publisher = cameras, address, publisher
        self._new_camera, self._clock = new_camera, clock
        self._running: dict[int, RunningCamera] = {}
        self._stopped = threading.Event()
        self._told_bus = False

    def stop(self) -> None:
        """Ask it to end; may be called from a signal handler or another thread."""
        self._stopped.set()

    def cameras(self) -> list[RunningCamera]:
        """The cameras that run here now."""
        return list(self._running.values())

    def run(self) -> None:
        """Run cameras until `stop`; then their sessions are closed and others take them over.

        Raises:
            BusError: Kafka cannot be reached at the start, or refuses this user.
        """
        session_ms = self._address.session_ms
        with self._address.reaching():
            consumer = KafkaConsumer(
                **self._address.options(),
                group_id=self._address.topics.workers,
                enable_auto_commit=False,
                auto_offset_reset="latest",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=session_ms,
                heartbeat_interval_ms=session_ms // 5,
                metadata_max_age_ms=30_000,
            )
        try:
            consumer.subscribe([self._address.topics.cameras], listener=self)
            while not self._stopped.is_set():
                self._poll(consumer)
        finally:
            consumer.close(autocommit=False, timeout_ms=session_ms)
            self._end(list(self._running))

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Start cameras; called by the consumer."""
        for number in sorted(_numbers(assigned)):
            if number < len(self._cameras) and number not in self._running:
                camera = self._cameras[number]
                LOG.info("runs camera %s", camera)
                self._running[number] = self._new_camera(camera)
                self._running[number].start()

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """End cameras, their sessions closed and delivered before somebody else begins; called by the consumer."""
        self._end(_numbers(revoked))

    def _poll(self, consumer: KafkaConsumer) -> None:
        try:
            consumer.poll(timeout_ms=_POLL_MS)
        except REFUSALS as error:
            raise self._address.refusal(error) from error
        except (KafkaError, OSError) as error:
            if not self._told_bus:
                LOG.warning("%s does not answer: %s; the cameras go on", self._address, error)
            self._told_bus = True
            self._clock.sleep(_POLL_MS / 1000)
        else:
            self._told_bus = False

    def _end(self, numbers: list[int]) -> None:
        threads = [self._running.pop(number) for number in numbers if number in self._running]
        for thread in threads:
            LOG.info("hands over camera %s", thread.source.camera)
            thread.stop()
        deadline_s = self._clock.monotonic_s() + _STOP_S
        for thread in threads:
            thread.join(max(0.0, deadline_s - self._clock.monotonic_s()))
        if threads:
            self._publisher.flush(max(0.1, deadline_s - self._clock.monotonic_s()))


def _numbers(partitions: Any) -> list[int]:
    return [partition.partition for partition in partitions]
