"""What every endpoint works with; endpoints take it as a parameter of type `ContextDep`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from aforo.config import Site
from aforo.protocols import Clock, CountReader, LiveFeed


@dataclass(frozen=True, slots=True)
class Context:
    """The objects behind one application.

    Attributes:
        live: None where no cameras run in this process (`aforo serve`).
    """

    site: Site
    reader: CountReader
    live: LiveFeed | None
    clock: Clock


def context_of(request: Request) -> Context:
    """The context of the application that serves this request."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(context_of)]
