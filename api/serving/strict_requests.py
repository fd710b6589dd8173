"""Refuses what a request carries and no endpoint would look at, so that a slip of the keyboard gives no wrong answer.

What an endpoint looks at is what the OpenAPI description says of it: there is one list, and nothing undocumented works.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import Request

from aforo.errors import QueryError

_SHOWN = 80  # characters of a name: enough to recognise it


async def refuse_unused(request: Request) -> None:
    """Refuse parameters that the endpoint does not have, one given twice where it takes one, and an unwanted body.

    A dependency of the whole application; endpoints that are not described, such as the page's, are left alone.

    Raises:
        QueryError: there is such a thing; the sentence names it.
    """
    operation = _operation(request)
    if operation is None:
        return
    known = {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    for name, times in Counter(key for key, _ in request.query_params.multi_items()).items():
        if name not in known:
            takes = f"this address takes: {', '.join(known)}" if known else "this address takes none"
            raise QueryError(f"{name[:_SHOWN]}: there is no such parameter; {takes}")
        if times > 1 and known[name].get("type") != "array":
            raise QueryError(f"{name}: expected it once, got it {times} times")
    if "requestBody" not in operation and _has_body(request):
        raise QueryError("this address takes no body; give parameters in the query, behind a ?")


def _operation(request: Request) -> dict[str, Any] | None:
    """The description of the endpoint that the request has come to, None where it has none."""
    operations = request.app.openapi()["paths"].get(request.scope["route"].path_format, {})
    method = "get" if request.method == "HEAD" else request.method.lower()
    found: dict[str, Any] | None = operations.get(method)
    return found


def _has_body(request: Request) -> bool:
    return request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers
