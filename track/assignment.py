"""Optimal assignment of tracklets to detections (or of riders to machines), compiled. Pure."""

from __future__ import annotations

import numpy as np

from aforo.kernel_cache import compiled
from track.boxes import Floats, Indices


@compiled
def match_pairs(
    worth: Floats, least: float, rows: Indices, columns: Indices, row_of: Indices, column_of: Indices
) -> None:
    """Write the pairs of the optimal assignment that are worth enough into two index arrays.

    Args:
        worth: (N, M) value of each pair.
        least: pairs of lower value are not used.
        rows: (N,) index of each row of `worth` in `column_of`.
        columns: (M,) index of each column of `worth` in `row_of`.
        row_of: gets the row of each matched column.
        column_of: gets the column of each matched row.
    """
    best = best_assignment(worth)
    for at in range(len(rows)):
        if best[at] >= 0 and worth[at, best[at]] >= least:
            row, column = rows[at], columns[best[at]]
            row_of[column], column_of[row] = row, column


@compiled
def best_assignment(worth: Floats) -> Indices:
    """The assignment of rows to columns with the largest sum: the column of each row, -1 for none.

    Of a table (N, M) every element of the shorter side is assigned, by shortest augmenting paths (D. F. Crouse, On
    implementing 2D rectangular assignment algorithms, IEEE Trans. Aerospace and Electronic Systems 52(4), 2016).
    """
    is_tall = len(worth) > worth.shape[1]
    cost = -worth.T.copy() if is_tall else -worth
    height, width = cost.shape
    of_row, of_column = np.full(height, -1, np.intp), np.full(width, -1, np.intp)
    price, paid = np.zeros(height), np.zeros(width)
    for first in range(height):
        column, before = augmenting_path(cost, first, of_row, of_column, price, paid)
        while True:  # every row on the path takes the next column
            row = before[column]
            of_column[column] = row
            of_row[row], column = column, of_row[row]
            if row == first:
                break
    return of_column if is_tall else of_row


@compiled
def augmenting_path(
    cost: Floats, first: int, of_row: Indices, of_column: Indices, price: Floats, paid: Floats
) -> tuple[int, Indices]:
    """The shortest augmenting path from a row to a free column; dual prices are updated in place.

    Returns:
        The column, and for each column on the path the row before it.

    Raises:
        ValueError: a value of the table is not a number.
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
