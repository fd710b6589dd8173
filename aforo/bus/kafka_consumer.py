"""The aggregator process: Kafka's tracked frames in, rows in the store, each row once whatever is delivered twice.

The position is committed only behind what a successor needs to see again (`aforo.bus.partition_counter`), and only
after the rows are in the store. So nothing has to be saved when partitions go to another aggregator, or when this one
is killed: the successor begins at the committed position with an empty state, and writes the same rows.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, LogTruncationError, NoOffsetForPartitionError, OffsetOutOfRangeError
from kafka.structs import OffsetAndMetadata
from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from aforo.bus import wire
from aforo.bus.kafka_connection import REFUSALS, KafkaAddress
from aforo.bus.partition_counter import LogRecords, PartitionCounter
from aforo.bus.row_writer import RETRY_S, WRITE_EVERY_S, RowWriter
from aforo.errors import WireError
from aforo.model import Rows
from aforo.ports import BatchCounter, Clock, CountStore
from aforo.write_health import WriteState

LOG = logging.getLogger(__name__)

LOG_EVERY_S = 30.0
_POLL_MS = 200
_BATCH = 5_000
_COMMIT_MS = 5_000
_MARK_EVERY_MS = 1_000


class Metrics:
    """What an aggregator tells Prometheus.

    >>> metrics = Metrics()
    >>> metrics.frames.inc(3)
    >>> metrics.registry.get_sample_value("aforo_aggregator_frames_total")
    3.0

    Attributes:
        registry: of the metrics.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.lag = Gauge(
            "aforo_aggregator_lag_messages", "Messages not yet counted", ["partition"], registry=self.registry
        )
        self.open_tracks = Gauge("aforo_aggregator_open_tracks", "Tracks not yet over", registry=self.registry)
        self.read_age = Gauge(
            "aforo_aggregator_last_message_age_seconds",
            "Time since a message came from Kafka, or since the start",
            registry=self.registry,
        )
        self.frames = Counter("aforo_aggregator_frames", "Tracked frames counted", registry=self.registry)
        self.dead = Counter("aforo_aggregator_dead_letters", "Messages set aside unread", registry=self.registry)
        self.writes = Counter("aforo_aggregator_writes", "Batches written", registry=self.registry)
        self.failures = Counter(
            "aforo_aggregator_write_failures", "Batches refused by the store", registry=self.registry
        )


class _Mark(NamedTuple):
    """Where the log was at some time.

    Attributes:
        position: the offset.
        at_ms: the broker's time of it.
        epoch: of the leader that wrote it, -1 when unknown. A position that is committed with it lets Kafka notice that
            the log was cut short before it and has grown again.
    """

    position: int
    at_ms: int
    epoch: int


@dataclass(slots=True)
class _Partition:
    """A partition that is ours.

    Attributes:
        pending: rows that are not in the store yet.
        marks: of the log, about one a second and one for each leader, from before `counter.replay_from` on.
        committed: the position committed last, None before.
    """

    counter: PartitionCounter
    pending: Rows = field(default_factory=Rows)
    marks: deque[_Mark] = field(default_factory=deque)
    committed: int | None = None

    def mark(self, batch: list[Any]) -> None:
        """Remember where the log is."""
        for record in batch if batch[-1].leader_epoch != batch[0].leader_epoch else batch[:1]:
            mark = _Mark(record.offset, record.timestamp, -1 if record.leader_epoch is None else record.leader_epoch)
            last = self.marks[-1] if self.marks else None
            if last is None or mark.at_ms - last.at_ms >= _MARK_EVERY_MS or mark.epoch != last.epoch:
                self.marks.append(mark)

    def to_commit(self) -> OffsetAndMetadata | None:
        """The position that may be committed, with its time and leader; None when there is nothing new."""
        position = self.counter.replay_from
        if not self.marks or position == self.committed:
            return None
        while len(self.marks) > 1 and self.marks[1].position <= position:
            self.marks.popleft()
        mark = self.marks[0]
        return OffsetAndMetadata(position, str(mark.at_ms), mark.epoch)


class Aggregation(ConsumerRebalanceListener):  # type: ignore[misc]
    """Counts the partitions that the group gives to this process.

    Args:
        address: of Kafka; its topics exist.
        new_counter: makes the counting stage of one partition, with an empty state.
        store: where rows go; closed by whoever opened it.
        clock: for batches and retries.
        listeners: called with new rows before they are written.
    """

    def __init__(
        self,
        address: KafkaAddress,
        new_counter: Callable[[], BatchCounter],
        store: CountStore,
        clock: Clock,
        listeners: Sequence[Callable[[Rows], None]] = (),
    ) -> None:
        self._listeners = listeners
        self._writer = RowWriter(store, clock)
        self._address, self._new_counter, self._clock = address, new_counter, clock
        self._lock = threading.RLock()  # the listener is called from the consumer's own thread
        self._partitions: dict[TopicPartition, _Partition] = {}
        self._stopped = threading.Event()
        self._dead: KafkaProducer | None = None
        self._bus_fails = False
        self._unsafe_until_dead_letters_arrive = False
        self.metrics = Metrics()
        self._read_at_s = clock.monotonic_s()
        self.metrics.read_age.set_function(lambda: clock.monotonic_s() - self._read_at_s)

    def state(self) -> WriteState:
        """How writing goes; frames wait in Kafka, which keeps them."""
        lag = sum(sample.value for metric in self.metrics.lag.collect() for sample in metric.samples)
        rows = sum(len(ours.pending) for ours in list(self._partitions.values()))
        return replace(self._writer.health.state(), frames_waiting=int(lag), rows_waiting=rows)

    def stop(self) -> None:
        """Ask it to end; may be called from a signal handler or another thread."""
        self._stopped.set()

    def run(self) -> None:
        """Count until `stop`.

        Raises:
            BusError: Kafka cannot be reached at the start, or refuses this user.
        """
        consumer = self._open_consumer()
        try:
            consumer.subscribe([self._address.topics.frames], listener=self)
            self._loop(consumer)
        finally:
            consumer.close(autocommit=False, timeout_ms=_COMMIT_MS)
            if self._dead is not None:
                self._dead.close(timeout=_COMMIT_MS / 1000)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Begin with an empty state at the committed position; called by the consumer."""
        with self._lock:
            for partition in assigned:
                self._partitions[partition] = _Partition(PartitionCounter(self._new_counter()))
        LOG.info("counts partitions %s", _numbers(self._partitions))

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Drop the state; rows that were not written yet are counted again by the successor."""
        with self._lock:
            for partition in revoked:
                self._partitions.pop(partition, None)
                self.metrics.lag.labels(str(partition.partition)).set(0)
        LOG.info("hands over partitions %s", _numbers(revoked))

    def _open_consumer(self) -> KafkaConsumer:
        with self._address.reaching():
            return KafkaConsumer(
                **self._address.options(),
                group_id=self._address.topics.aggregators,
                enable_auto_commit=False,
                auto_offset_reset="none",
                partition_assignment_strategy=[CooperativeStickyAssignor],
                session_timeout_ms=self._address.session_ms,
                heartbeat_interval_ms=self._address.session_ms // 5,
                max_poll_records=_BATCH,
                check_crcs=False,  # TCP and the broker check; what is damaged all the same does not decode
            )

    def _loop(self, consumer: KafkaConsumer) -> None:
        written_s = logged_s = self._clock.monotonic_s()
        while not self._stopped.is_set():
            records = self._poll(consumer)
            with self._lock:
                for partition, batch in records.items():
                    self._count(partition, batch)
            now_s = self._clock.monotonic_s()
            if now_s - written_s >= (RETRY_S if self._writer.health.failure else WRITE_EVERY_S):
                written_s = now_s
                self._write(consumer)
            if now_s - logged_s >= LOG_EVERY_S:
                logged_s = now_s
                self._log_progress()
        self._write(consumer)

    def _poll(self, consumer: KafkaConsumer) -> dict[TopicPartition, list[Any]]:
        """The next messages. While the store is away, none: but the group must know that we live."""
        if self._writer.health.failure:
            consumer.pause(*consumer.assignment())
        elif consumer.paused():
            consumer.resume(*consumer.paused())
        try:
            records: dict[TopicPartition, list[Any]] = consumer.poll(timeout_ms=_POLL_MS)
        except NoOffsetForPartitionError as error:
            consumer.seek_to_beginning(*error.args[0])
        except OffsetOutOfRangeError as error:
            self._recover(consumer, error.args[0])
        except LogTruncationError as error:
            self._rewind(consumer, error.divergent_offsets)
        except REFUSALS as error:
            raise self._address.refusal(error) from error
        except (KafkaError, OSError) as error:
            if not self._bus_fails:
                LOG.error("cannot read from %s: %s; trying again", self._address, error)
            self._bus_fails = True
            self._clock.sleep(_POLL_MS / 1000)
        else:
            self._measure(consumer, records)
            return records
        return {}

    def _count(self, partition: TopicPartition, batch: list[Any]) -> None:
        ours = self._partitions.get(partition)
        if ours is None:
            return  # handed over since it was read
        if batch[0].offset < ours.counter.next_position:  # the reader went back
            ours = self._partitions[partition] = _Partition(PartitionCounter(self._new_counter()))
        ours.mark(batch)
        messages, sequence, wrong = wire.decode_all([record.value or b"" for record in batch])
        for index, error in wrong.items():
            self._set_aside(batch[index], error)
        sound = [record for index, record in enumerate(batch) if index not in wrong] if wrong else batch
        records = LogRecords(
            [record.offset for record in sound], [record.timestamp for record in sound], sequence, messages
        )
        rows = ours.counter.add(records)
        for listener in self._listeners:
            listener(rows)
        ours.pending.extend(rows)
        ours.counter.next_position = batch[-1].offset + 1
        self.metrics.frames.inc(len(batch))

    def _set_aside(self, record: Any, error: WireError) -> None:
        """Put a message that cannot be read where somebody can look at it."""
        where = f"{record.topic}/{record.partition}@{record.offset}"
        LOG.error("%s: %s; it is set aside in the topic %s", where, error, self._address.topics.dead)
        self.metrics.dead.inc()
        if self._dead is None:
            self._dead = KafkaProducer(**self._address.options(), acks="all", delivery_timeout_ms=2**31 - 1)
        headers = [("from", where.encode()), ("error", str(error).encode())]
        self._dead.send(self._address.topics.dead, key=record.key, value=record.value or b"", headers=headers)
        self._unsafe_until_dead_letters_arrive = True

    def _write(self, consumer: KafkaConsumer) -> None:
        with self._lock:
            batch = Rows()
            for ours in self._partitions.values():
                batch.extend(ours.pending)
            if not batch:
                self._writer.health.handed_over()  # where writing failed, partitions went with all that waited
            elif not self._stored(batch):
                return
            positions: dict[TopicPartition, OffsetAndMetadata] = {}
            for partition, ours in self._partitions.items():
                ours.pending = Rows()
                if (position := ours.to_commit()) is not None:
                    positions[partition] = position
        if positions:
            self._commit(consumer, positions)

    def _stored(self, batch: Rows) -> bool:
        stored = self._writer.write(batch)
        (self.metrics.writes if stored else self.metrics.failures).inc()
        return stored

    def _commit(self, consumer: KafkaConsumer, positions: dict[TopicPartition, OffsetAndMetadata]) -> None:
        """Not under the lock: the consumer's thread, which answers the commit, may be waiting for it."""
        try:
            if self._dead is not None and self._unsafe_until_dead_letters_arrive:
                self._dead.flush(timeout=_COMMIT_MS / 1000)
                self._unsafe_until_dead_letters_arrive = False
            consumer.commit(positions, timeout_ms=_COMMIT_MS)
        except KafkaError as error:  # handed over, or Kafka away: a successor replays a little more
            LOG.info("could not commit to %s: %s", self._address, error)
            return
        with self._lock:
            for partition, position in positions.items():
                if partition in self._partitions:
                    self._partitions[partition].committed = position.offset

    def _recover(self, consumer: KafkaConsumer, positions: dict[TopicPartition, int]) -> None:
        """A position that the log no longer has, or does not have yet again: go on from the same broker time."""
        firsts, ends = consumer.beginning_offsets(list(positions)), consumer.end_offsets(list(positions))
        for partition, position in positions.items():
            first, end = firsts[partition], ends[partition]
            if position < first:
                LOG.warning(
                    "partition %d: messages %d to %d were deleted before they were counted; their time stays "
                    "unobserved. Keep messages longer (kafka: retention_hours) or add aggregators",
                    *(partition.partition, position, first - 1),
                )
                target = first
            else:
                target = self._same_time(consumer, partition, first, end)
                LOG.warning(
                    "partition %d: the log ends at %d, before the position %d: the broker came back with its log cut "
                    "short. Counting goes on from %d; what was counted before stays",
                    *(partition.partition, end, position, target),
                )
            self._begin_at(consumer, partition, target)

    def _same_time(self, consumer: KafkaConsumer, partition: TopicPartition, first: int, end: int) -> int:
        committed = consumer.committed(partition, metadata=True)
        if committed is None or not str(committed.metadata).isdecimal():
            return int(first)
        found = consumer.offsets_for_times({partition: int(committed.metadata)}).get(partition)
        return int(found.offset) if found is not None else int(end)

    def _rewind(self, consumer: KafkaConsumer, divergent: dict[TopicPartition, OffsetAndMetadata | None]) -> None:
        firsts = consumer.beginning_offsets(list(divergent))
        for partition, end in divergent.items():
            with self._lock:
                ours = self._partitions.get(partition)
                replay_from = ours.counter.replay_from if ours is not None else firsts[partition]
            target = firsts[partition] if end is None else min(end.offset, replay_from)
            LOG.warning(
                "partition %d: the broker came back without some of the messages that were read. Counting goes on "
                "from %d; what was counted before stays",
                *(partition.partition, target),
            )
            self._begin_at(consumer, partition, target)

    def _begin_at(self, consumer: KafkaConsumer, partition: TopicPartition, position: int) -> None:
        with self._lock:
            if partition in self._partitions:
                self._partitions[partition] = _Partition(PartitionCounter(self._new_counter()))
        consumer.seek(partition, position)
        self._commit(consumer, {partition: OffsetAndMetadata(position, "", -1)})

    def _measure(self, consumer: KafkaConsumer, records: dict[TopicPartition, list[Any]]) -> None:
        if records:
            self._read_at_s = self._clock.monotonic_s()
        if records and self._bus_fails:
            LOG.warning("%s works again", self._address)
            self._bus_fails = False
        with self._lock:
            for partition, ours in self._partitions.items():
                end = consumer.highwater(partition) if partition in consumer.assignment() else None
                if end is not None and ours.counter.next_position:
                    self.metrics.lag.labels(str(partition.partition)).set(end - ours.counter.next_position)

    def _log_progress(self) -> None:
        with self._lock:
            open_tracks = sum(ours.counter.open_tracks for ours in self._partitions.values())
            count = len(self._partitions)
        self.metrics.open_tracks.set(open_tracks)
        LOG.info("%d partitions, %d open tracks, %d messages behind", count, open_tracks, self.state().frames_waiting)


def _numbers(partitions: Any) -> str:
    return ", ".join(str(number) for number in sorted(partition.partition for partition in partitions)) or "none"
