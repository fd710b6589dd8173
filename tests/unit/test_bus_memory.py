"""The bus of one process: order, backpressure, and an end that never hangs."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from trajectories import message

from aforo.bus.memory import MemoryBus
from aforo.errors import BusError
from aforo.model import TrackedFrame

PATIENCE_S = 10.0


def frames(bus: MemoryBus) -> Iterator[TrackedFrame]:
    """The messages of the bus, one by one."""
    return (frame for batch in bus.batches() for frame in batch.frames())


def test_messages_come_in_the_order_in_which_they_were_published() -> None:
    bus = MemoryBus()
    for i in range(5):
        bus.publish(message(i))
    bus.close()
    assert [each.index for each in frames(bus)] == [0, 1, 2, 3, 4]


def test_a_closed_bus_is_drained_and_takes_no_more() -> None:
    bus = MemoryBus()
    bus.publish(message(0))
    bus.close()
    bus.close()
    with pytest.raises(BusError, match="closed"):
        bus.publish(message(1))
    assert [each.index for each in frames(bus)] == [0]


def test_publishing_waits_while_it_is_full() -> None:
    bus = MemoryBus(capacity=2)
    published: list[int] = []

    def camera() -> None:
        for i in range(6):
            bus.publish(message(i))
            published.append(i)

    thread = threading.Thread(target=camera)
    thread.start()
    received = frames(bus)
    for i in range(6):
        assert next(received).index == i
        assert len(published) <= i + 3 + 1
    thread.join(PATIENCE_S)
    assert published == list(range(6))


def test_several_cameras_keep_their_own_order() -> None:
    bus = MemoryBus(capacity=4)

    def camera(name: str) -> None:
        for i in range(200):
            bus.publish(message(i, camera=name))

    threads = [threading.Thread(target=camera, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    received = list(itertools.islice(frames(bus), 600))
    for thread in threads:
        thread.join(PATIENCE_S)
    for name in "abc":
        assert [each.index for each in received if each.camera == name] == list(range(200))


def test_closing_a_full_bus_that_nobody_reads_does_not_hang() -> None:
    bus = MemoryBus(capacity=1)
    bus.publish(message(0))
    closing = threading.Thread(target=bus.close, daemon=True)
    closing.start()
    closing.join(PATIENCE_S)
    assert not closing.is_alive()


def test_who_waits_for_room_when_it_closes_is_told_that_the_message_was_not_taken() -> None:
    bus = MemoryBus(capacity=1)
    bus.publish(message(0))
    told: list[BaseException] = []
    begun = threading.Event()

    def camera() -> None:
        begun.set()
        try:
            bus.publish(message(1))
        except BusError as error:
            told.append(error)

    thread = threading.Thread(target=camera)
    thread.start()
    begun.wait(PATIENCE_S)
    bus.close()
    thread.join(PATIENCE_S)
    assert len(told) == 1
    assert [each.index for each in frames(bus)] == [0]


def test_the_reader_ends_when_an_empty_bus_closes() -> None:
    bus = MemoryBus()
    received: list[int] = []
    reader = threading.Thread(target=lambda: received.extend(each.index for each in frames(bus)))
    reader.start()
    bus.publish(message(7))
    bus.close()
    reader.join(PATIENCE_S)
    assert not reader.is_alive()
    assert received == [7]
