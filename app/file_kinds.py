"""Kinds of files that commands write, and how to tell that a file which is there already is of the same kind."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_HEAD_BYTES = 4096
_LARGEST_JSON_BYTES = 1 << 28
_TRACK_LINE = re.compile(rb"\d+,\d+(,-?[\d.]+){8}")


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: for sentences, such as "JSON document".
        recognises: whether an existing file, which has content, is one; may raise OSError.
        streams: whether it may be written to stdout, a pipe or a device too.
    """

    name: str
    recognises: Callable[[Path], bool]
    streams: bool = True


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_json(path: Path) -> bool:
    if path.stat().st_size > _LARGEST_JSON_BYTES:
        return False
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return True


def _is_csv(path: Path) -> bool:
    first, _, _ = head_of(path).partition(b"\n")
    return path.suffix.lower() == ".csv" and b"\0" not in first and (b"," in first or b";" in first)


def _is_workbook(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return "xl/workbook.xml" in archive.namelist()


JSON = FileKind("JSON document", _is_json)
TRACKS = FileKind("list of tracks", lambda path: _TRACK_LINE.match(head_of(path)) is not None)
ERRORS_PAGE = FileKind("page of Aforo", lambda path: b"<title>Aforo" in head_of(path))
REPORTS = {
    "csv": FileKind("CSV file", _is_csv),
    "xlsx": FileKind("Excel workbook", _is_workbook),
    "pdf": FileKind("PDF", lambda path: head_of(path).startswith(b"%PDF-")),
}

SIMULATED_HEADING = "# A site with simulated cameras, written by aforo simulate.\n"
SIMULATED_SITE = FileKind(
    "site with simulated cameras", lambda path: head_of(path).startswith(SIMULATED_HEADING.encode())
)
