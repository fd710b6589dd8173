"""JSON from people, read strictly: what Python quietly takes beyond it, or drops of it, is refused."""

from __future__ import annotations

import json
import math
from typing import Any

_MOST_DIGITS = 18


def parse_json(text: str) -> Any:
    """The value of a JSON text; its numbers are finite and of at most 18 digits, its keys do not repeat.

    >>> parse_json('{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> parse_json('{"a": Infinity}')
    Traceback (most recent call last):
    ValueError: expected a number, got Infinity

    Raises:
        ValueError: it is not such a text.
    """
    try:
        return json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_real,
            object_pairs_hook=_without_repetition,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"expected a number, got {name}")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > _MOST_DIGITS:
        raise ValueError(f"expected a number of at most {_MOST_DIGITS} digits, got {digits[:_MOST_DIGITS]}…")
    return int(digits)


def _real(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        raise ValueError(f"expected a number that can be reckoned with, got {digits[:_MOST_DIGITS]}")
    return number


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]!r} is given twice")
    return found
