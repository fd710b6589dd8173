"""The refusals that every question of `/v1` may be answered with."""

from __future__ import annotations

from typing import Any

from api.rest.schemas import ErrorAnswer

REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "A parameter is wrong; the sentence names it."},
    404: {"model": ErrorAnswer, "description": "There is no such camera, line, zone or movement."},
    503: {"model": ErrorAnswer, "description": "The database does not answer."},
}
