"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Cell = str | int | float | None

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv_bytes(rows: Iterable[Sequence[Cell]], *, for_people: bool) -> bytes:
    """Rows as CSV (RFC 4180), UTF-8; None is an empty cell.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises.

    Args:
        rows: the header first.
        for_people: begin with a byte order mark, without which Excel shows accents wrongly; machines want none.
    """
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_plain(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if for_people else "utf-8")


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return "'" + cell
    return cell
