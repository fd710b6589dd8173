"""Puts the messages of one session back into their order, each of them once. Pure.

The broker keeps the order in which it got them; a producer that had to send some again may have sent them twice, or
behind later ones. Every message carries its place in the session, so what is missing is waited for, within bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

LONGEST_WAIT = 256
"""Messages that may lie behind a missing one, until it is taken for lost."""

START_WAIT = 8
"""Messages that may come before the first of a session, or without it, until the session is taken up where it is."""


class Released(NamedTuple, Generic[Item]):
    """A message whose turn it is.

    >>> Resequencer().push(0, "first", position=41)
    [Released(message='first', replay_from=41)]

    Attributes:
        message: the message.
        replay_from: position in the log from which to read in order to get this message again, in its place.
    """

    message: Item
    replay_from: int


class Resequencer(Generic[Item]):
    """The order of one session's messages.

    >>> order = Resequencer()
    >>> came = [(0, "a", 41), (2, "c", 42), (2, "c", 43), (1, "b", 44)]  # sequence, message, position in the log
    >>> [[released.message for released in order.push(*each)] for each in came]
    [['a'], [], [], ['b', 'c']]
    """

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, tuple[Item, int]] = {}
        self._in_order_from: int | None = None
        self.lost = 0

    def __len__(self) -> int:
        """Messages that are held back."""
        return len(self._held)

    @property
    def started(self) -> bool:
        """Whether it is known where the session begins, or begins for us."""
        return self._next is not None

    @property
    def held_from(self) -> int | None:
        """Position from which to read in order to get again what is held back; None when nothing is."""
        if not self._held:
            return None
        positions = [position for _, position in self._held.values()]
        return min(positions if self._in_order_from is None else [*positions, self._in_order_from])

    @property
    def next(self) -> int:
        """The place of the message whose turn it is; -1 while that is not known."""
        return -1 if self._next is None else self._next

    def advance(self, count: int, position: int) -> None:
        """The next so many messages are there, the last of them at that position; nothing is held back."""
        self._next, self._in_order_from = self.next + count, position

    def replace_held(self, replacement: Callable[[Item], Item]) -> None:
        """Put something else in the place of each message that is held back."""
        self._held = {number: (replacement(item), position) for number, (item, position) in self._held.items()}

    def push(self, sequence: int, message: Item, position: int) -> list[Released[Item]]:
        """Take in a message.

        Args:
            sequence: its place in the session.
            message: the message.
            position: its place in the log.

        Returns:
            The messages whose turn it now is; none when it is a double, or others are missing before it.
        """
        if (self._next is not None and sequence < self._next) or sequence in self._held:
            return []
        if not self._held and sequence == (self._next if self._next is not None else 0):
            self._next, self._in_order_from = sequence + 1, position
            return [Released(message, position)]
        self._held[sequence] = message, position
        return self._release()

    def begin(self) -> list[Released[Item]]:
        """Take the session up at the earliest message that is here."""
        if self._next is None and self._held:
            self._next = min(self._held)
        return self._release()

    def finish(self) -> list[Released[Item]]:
        """Give out what is held back: nothing more will come."""
        released: list[Released[Item]] = []
        while self._held:
            self._next = min(self._held)
            released += self._release()
        return released

    def _release(self) -> list[Released[Item]]:
        if self._next is None:
            if 0 not in self._held:
                return []
            self._next = 0
        if self._next not in self._held and len(self._held) > LONGEST_WAIT:
            earliest = min(self._held)
            self.lost += earliest - self._next
            self._next = earliest
        replay_from = self.held_from
        released: list[Released[Item]] = []
        while self._next in self._held and replay_from is not None:
            message, position = self._held.pop(self._next)
            released.append(Released(message, replay_from))
            self._next += 1
            if not self._held:
                self._in_order_from = position
        return released
