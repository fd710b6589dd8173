"""What a check of this machine or of a back-end found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    >>> Finding("store", False, "PostgreSQL: connection refused", "check that the server runs").ok
    False

    Attributes:
        name: what was looked at.
        ok: True when it works, False when it is needed and does not work, None when it is absent and not needed.
        detail: what was found; never a secret.
        hint: what to do, "" when nothing is.
    """

    name: str
    ok: bool | None
    detail: str
    hint: str = ""
