"""The order of one session's messages."""

from __future__ import annotations

from aforo.bus.message_order import LONGEST_WAIT, Resequencer
from aforo.model import TrackedFrame


def _frame(sequence: int) -> TrackedFrame:
    return TrackedFrame("north", "s", sequence, sequence, 0, 1, 1)


def _push(order: Resequencer[TrackedFrame], *arrivals: tuple[int, int]) -> list[tuple[int, int]]:
    """Push (sequence, position) pairs; returns (sequence, replay_from) of what was released."""
    return [
        (released.message.index, released.replay_from)
        for sequence, position in arrivals
        for released in order.push(sequence, _frame(sequence), position)
    ]


def test_messages_in_order_pass_at_once() -> None:
    assert _push(Resequencer(), (0, 10), (1, 11), (2, 12)) == [(0, 10), (1, 11), (2, 12)]


def test_doubles_are_dropped_those_held_back_too() -> None:
    assert _push(Resequencer(), (0, 10), (0, 11), (2, 12), (2, 13), (1, 14)) == [(0, 10), (1, 10), (2, 10)]


def test_a_replay_of_disorder_begins_before_it_where_the_order_is_known() -> None:
    """From 11 on a new reader would see 2 first, and could not know that 1 is still to come."""
    order = Resequencer()
    assert _push(order, (0, 10), (2, 11)) == [(0, 10)]
    assert order.held_from == 10
    assert _push(order, (1, 12), (3, 13)) == [(1, 10), (2, 10), (3, 13)]
    assert order.held_from is None


def test_the_first_message_is_waited_for() -> None:
    order = Resequencer()
    assert _push(order, (1, 10), (2, 11)) == []
    assert not order.started
    assert _push(order, (0, 12)) == [(0, 10), (1, 10), (2, 10)]


def test_a_session_may_be_taken_up_where_it_is() -> None:
    order = Resequencer()
    assert _push(order, (70, 10)) == []
    assert [released.message.index for released in order.begin()] == [70]
    assert _push(order, (69, 11), (71, 12)) == [(71, 12)]


def test_a_missing_message_is_waited_for_only_so_long() -> None:
    order = Resequencer()
    arrivals = [(0, 0), *((sequence, sequence) for sequence in range(2, LONGEST_WAIT + 3))]
    released = _push(order, *arrivals)
    assert [sequence for sequence, _ in released] == [0, *range(2, LONGEST_WAIT + 3)]
    assert order.lost == 1
    assert order.held_from is None


def test_what_is_held_back_at_the_end_comes_out_in_order() -> None:
    order = Resequencer()
    _push(order, (0, 0), (4, 1), (2, 2))
    assert [released.message.index for released in order.finish()] == [2, 4]
    assert order.held_from is None
