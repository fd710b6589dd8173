"""A buffer of one item between a camera and a slower consumer."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestSlot(Generic[Item]):
    """Keeps only the newest item and counts the overwritten ones. For one producer and one consumer thread."""

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._item: Item | None = None
        self._overwritten = 0

    def put(self, item: Item) -> None:
        """Offer an item; never blocks."""
        with self._filled:
            if self._item is not None:
                self._overwritten += 1
            self._item = item
            self._filled.notify()

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is an item; False on a time-out."""
        with self._filled:
            return self._filled.wait_for(lambda: self._item is not None, timeout_s)

    def take(self, timeout_s: float) -> tuple[Item, int] | None:
        """Wait for an item.

        Returns:
            The newest item and the number of items overwritten since the last one taken; None on a time-out.
        """
        with self._filled:
            if not self._filled.wait_for(lambda: self._item is not None, timeout_s) or self._item is None:
                return None
            taken = self._item, self._overwritten
            self._item, self._overwritten = None, 0
            return taken
