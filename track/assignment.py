"""The best assignment of tracks to detections, compiled. Pure."""

from __future__ import annotations

import numpy as np

from aforo.kernel_cache import compiled
from track.boxes import Floats, Indices


@compiled
def pair(worth: Floats, least: float, rows: Indices, columns: Indices, row_of: Indices, column_of: Indices) -> None:
    """Note the pairs of the best assignment that are worth at least so much, in `row_of[column]`, `column_of[row]`."""
    best = assigned(worth)
    for at in range(len(rows)):
        if best[at] >= 0 and worth[at, best[at]] >= least:
            row, column = rows[at], columns[best[at]]
            row_of[column], column_of[row] = row, column


@compiled
def assigned(worth: Floats) -> Indices:
    """The column of each row, -1 for none, with which the sum is largest.

    Of a table (N, M) everything of the shorter side is assigned, by shortest augmenting paths (D. F. Crouse, On
    implementing 2D rectangular assignment algorithms, IEEE Trans. Aerospace and Electronic Systems 52(4), 2016).
    """
    is_tall = len(worth) > worth.shape[1]
    cost = -worth.T.copy() if is_tall else -worth
    height, width = cost.shape
    of_row, of_column = np.full(height, -1, np.intp), np.full(width, -1, np.intp)
    price, paid = np.zeros(height), np.zeros(width)
    for first in range(height):
        column, before = free_column(cost, first, of_row, of_column, price, paid)
        while True:  # everybody on the path moves on by one
            row = before[column]
            of_column[column] = row
            of_row[row], column = column, of_row[row]
            if row == first:
                break
    return of_column if is_tall else of_row


@compiled
def free_column(
    cost: Floats, first: int, of_row: Indices, of_column: Indices, price: Floats, paid: Floats
) -> tuple[int, Indices]:
    """The column that is not taken and is cheapest to reach from a row, if others move on; prices are brought up to it.

    Returns:
        The column, and the row before each column on the way to it.

    Raises:
        ValueError: something in the table is no number.
    """
    height, width = cost.shape
    length, before = np.full(width, np.inf), np.full(width, -1, np.intp)
    reached, waiting = np.zeros(height, np.bool_), np.arange(width)[::-1].copy()
    row, shortest, left = first, 0.0, width
    while row >= 0:
        reached[row] = True
        nearest, lowest = -1, np.inf
        for at in range(left):
            j = waiting[at]
            through = shortest + cost[row, j] - price[row] - paid[j]
            if through < length[j]:
                length[j], before[j] = through, row
            if length[j] < lowest or (length[j] == lowest and of_column[j] < 0):
                nearest, lowest = at, length[j]
        if not lowest < np.inf:
            raise ValueError("what is assigned must be worth a number")
        left -= 1
        shortest, column = lowest, waiting[nearest]
        waiting[nearest], waiting[left] = waiting[left], column
        row = of_column[column]
    for i in np.flatnonzero(reached):
        price[i] += shortest if i == first else shortest - length[of_row[i]]
    for j in waiting[left:]:
        paid[j] -= shortest - length[j]
    return column, before
