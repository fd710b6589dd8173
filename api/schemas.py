"""What the questions and answers of all parts of the API have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

TIME_EXAMPLES = ["2025-05-06", "2025-05-06T07:00:00", "2025-05-06T07:00:00-05:00"]


class Question(BaseModel):
    """Query parameters; what else is in a query is refused by `api.serving.strict_requests`."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class RangeQuestion(Question):
    """A range of time."""

    start: Annotated[
        str | None,
        Field(
            alias="from",
            description="Start, inclusive: ISO 8601, local to the site when without offset; a date is its local "
            "midnight. Default: today's local midnight.",
            examples=TIME_EXAMPLES,
        ),
    ] = None
    end: Annotated[
        str | None,
        Field(
            alias="to",
            description="End, exclusive: as `from`, so that from=2025-05-06&to=2025-05-07 is one day. Default: now.",
            examples=TIME_EXAMPLES,
        ),
    ] = None


class Answer(BaseModel):
    """Anything that is answered as JSON."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)


class ErrorAnswer(Answer):
    """What was wrong, in one sentence."""

    error: str = Field(examples=["line: there is no line 'stop'; the site has: stop-line"])


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorAnswer, "description": "A parameter is wrong; the sentence names it."},
    404: {"model": ErrorAnswer, "description": "There is no such camera, line, zone or movement."},
    429: {"model": ErrorAnswer, "description": "Two large answers are being made already; `Retry-After` says when."},
    503: {"model": ErrorAnswer, "description": "The database does not answer."},
}
