"""Tables as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Literal, get_args

Cell = str | int | float | None

Separator = Literal["comma", "semicolon"]
"""Between cells: `comma` is RFC 4180; `semicolon` goes with a decimal comma, as spreadsheets there expect it."""

SEPARATORS: tuple[Separator, ...] = get_args(Separator)

# Behind a separator or the end of a line, too: who opens the file with the other separator has a cell begin there.
_FORMULA = re.compile(r'((?:^|[;,|\r\n\t])"*)(?=[=+\-@\t\r＝＋－＠])')


def to_csv_bytes(rows: Iterable[Sequence[Cell]], *, for_people: bool, separator: Separator = "comma") -> bytes:
    """Rows as CSV, UTF-8; None is an empty cell.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises, whichever separator
    the spreadsheet is told.

    Args:
        rows: the header first.
        for_people: begin with a byte order mark, without which Excel shows accents wrongly; machines want none.
        separator: between cells; with `semicolon` numbers have a decimal comma.
    """
    text = io.StringIO(newline="")
    local = separator == "semicolon"
    writer = csv.writer(text, delimiter=";" if local else ",")
    writer.writerows([_plain(cell, decimal_comma=local) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8-sig" if for_people else "utf-8")


def _plain(cell: Cell, *, decimal_comma: bool) -> Cell:
    if isinstance(cell, str):
        return _FORMULA.sub(r"\1'", cell)
    if isinstance(cell, float) and decimal_comma:
        return str(cell).replace(".", ",")
    return cell
