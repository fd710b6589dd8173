"""The road users of many bus messages as columns, for what is done to all of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aforo.wire import Messages

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

POSITION = np.dtype([("at_us", "<i8"), ("box", "<f8", 4)])
"""Where a road user was: event time; x1, y1, x2, y2 as fractions of the frame."""


@dataclass(frozen=True, slots=True)
class Observations:
    """Where the road users of many messages were, column by column, in the order of messages and times.

    Attributes:
        message: (N,) which of the messages each is of, from 0.
        track_id: (N,) uint64.
        position: (N,) of the type `POSITION`.
        road_user: (N,) index into `names`.
        first: (N,) whether it is of the track's first message.
        names: the classes.
    """

    message: Ints
    track_id: npt.NDArray[np.uint64]
    position: npt.NDArray[np.void]
    road_user: Ints
    first: Flags
    names: tuple[str, ...]


def observations(messages: Messages) -> Observations:
    """The road users of those messages as columns; backfilled positions come before their own."""
    objects, owner = messages.objects, messages.owner
    counts = objects["backfill"].astype(np.int64)
    row = np.repeat(np.arange(len(objects)), counts + 1)
    own = np.cumsum(counts + 1) - 1
    position = np.empty(len(row), POSITION)
    position["at_us"] = messages.head["captured_at_us"][owner[row]]
    position["box"] = objects["box"][row]
    if len(row) > len(objects):
        past = np.ones(len(row), bool)
        past[own] = False
        position[past] = messages.backfills.astype(POSITION)
    codes: dict[str, int] = {}
    lookup = np.zeros((len(messages.tables), max(map(len, messages.tables), default=0) or 1), np.int64)
    for number, names in enumerate(messages.tables):
        lookup[number, : len(names)] = [codes.setdefault(name, len(codes)) for name in names]
    return Observations(
        message=owner[row],
        track_id=objects["track_id"][row],
        position=position,
        road_user=lookup[messages.table[owner], objects["name"]][row],
        first=objects["first"][row] != 0,
        names=tuple(codes),
    )
