"""What may be the name of something that is counted or counts: one rule for each kind, wherever the name comes from.

Ids are keys: of rows, of messages on a bus, in addresses and file names. The other names are shown, on one line.
"""

from __future__ import annotations

import re

from aforo.errors import shown

LONGEST_ID = 64
LONGEST_NAME = 200
LONGEST_LABEL = 64
LONGEST_DIRECTION = 40

_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_ID - 1}}}")
_DIRECTION = re.compile(rf"[\w .+-]{{1,{LONGEST_DIRECTION}}}")
_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_OR_TURN = re.compile(rf"[{_CONTROLS}\u202a-\u202e\u2066-\u2069]")


def is_id(text: str) -> bool:
    """Whether a text may be the id of a site, camera, line, zone or turning movement.

    >>> is_id("calle-26.north"), is_id("calle 26"), is_id("")
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None


def check_id(text: str) -> str:
    """The text, if it may be an id.

    >>> check_id("calle 26")
    Traceback (most recent call last):
    ValueError: an id has 1 to 64 letters a-z, digits, dots, dashes and underscores, no sign first; got 'calle 26'

    Raises:
        ValueError: it is empty, too long, or has other characters.
    """
    if not is_id(text):
        raise ValueError(
            f"an id has 1 to {LONGEST_ID} letters a-z, digits, dots, dashes and underscores, no sign first; "
            f"got '{shown(text)}'"
        )
    return text


def check_name(text: str) -> str:
    r"""The text, if it may be a name for people: none of its characters controls how a screen shows the rest.

    >>> check_name("Calle 26 × Carrera 50"), check_name("")
    ('Calle 26 × Carrera 50', '')
    >>> check_name("north\nsouth")
    Traceback (most recent call last):
    ValueError: a name has at most 200 characters on one line, and no control characters; got 'north\nsouth'

    Raises:
        ValueError: it is too long, or has such characters.
    """
    if len(text) > LONGEST_NAME or _CONTROL_OR_TURN.search(text):
        raise ValueError(
            f"a name has at most {LONGEST_NAME} characters on one line, and no control characters; got '{shown(text)}'"
        )
    return text


def check_direction(text: str) -> str:
    """The text, if it may be the name of a line's direction.

    >>> check_direction("a centro")
    'a centro'
    >>> check_direction("in/out")
    Traceback (most recent call last):
    ValueError: a direction has 1 to 40 letters, digits, blanks, and signs of . + - _; got 'in/out'

    Raises:
        ValueError: it is empty, too long, or has other characters.
    """
    if not _DIRECTION.fullmatch(text):
        raise ValueError(
            f"a direction has 1 to {LONGEST_DIRECTION} letters, digits, blanks, and signs of . + - _; "
            f"got '{shown(text)}'"
        )
    return text


def check_label(text: str) -> str:
    """The text, if it may be a model's label, or a class of road users.

    >>> check_label("traffic light")
    'traffic light'

    Raises:
        ValueError: it is empty, too long, or not on one line.
    """
    if not 1 <= len(text) <= LONGEST_LABEL or _CONTROL.search(text):
        raise ValueError(
            f"a label has 1 to {LONGEST_LABEL} characters on one line, and no control characters; got '{shown(text)}'"
        )
    return text
