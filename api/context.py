"""What every endpoint works with; endpoints take it as a parameter of type `ContextDep`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from aforo.ports import Clock, CountReader, LiveView
from aforo.site import Site
from aforo.write_health import WriteState
from api.answers import Answers
from api.recount_runner import RecountRunner
from api.store_probe import StoreProbe


@dataclass(frozen=True, slots=True)
class Context:
    """The objects behind one application.

    Attributes:
        answers: gives answers about history.
        live: the cameras as they are now, wherever they run.
        recount_runner: counting the history of a line or zone again.
        store: whether it answers.
        writing: how writing goes in this process, None where it writes nothing.
    """

    site: Site
    reader: CountReader
    answers: Answers
    live: LiveView
    clock: Clock
    recount_runner: RecountRunner
    store: StoreProbe
    writing: Callable[[], WriteState] | None


def context_of(request: Request) -> Context:
    """The context of the application that serves this request."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(context_of)]
