"""What every endpoint works with; endpoints take it as a parameter of type `ContextDep`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from aforo.config.site import Site
from aforo.model import PlaceKind, Recount
from aforo.ports import Clock, CountReader, LiveFeed
from api.live.remote_cameras import LiveElsewhere

Recounter = Callable[[PlaceKind, str, int | None, int | None], Recount]


@dataclass(frozen=True, slots=True)
class Context:
    """The objects behind one application.

    Attributes:
        live: None where no cameras run in this process (`aforo serve`).
        elsewhere: where the live pictures come from then, None where there are none.
        recount: counts the history of a line or zone again: kind, id, start and end (microseconds, None for all).
    """

    site: Site
    reader: CountReader
    live: LiveFeed | None
    clock: Clock
    elsewhere: LiveElsewhere | None = None
    recount: Recounter | None = None


def context_of(request: Request) -> Context:
    """The context of the application that serves this request."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(context_of)]
