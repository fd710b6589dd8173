"""Errors as one JSON shape: `{"error": "one sentence"}` with the HTTP status that fits."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from aforo.errors import AforoError, BusyError


def error_answer(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer of that HTTP status with one sentence."""
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


async def answer_own_error(_request: Request, error: Exception) -> JSONResponse:
    """Answer an `AforoError` with its own HTTP status."""
    status = error.http_status if isinstance(error, AforoError) else 500
    headers = {"retry-after": str(error.retry_s)} if isinstance(error, BusyError) else None
    return error_answer(status, str(error), headers)


async def answer_invalid(_request: Request, error: Exception) -> JSONResponse:
    """Answer parameters that do not fit the question: 400, naming each."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    return error_answer(400, "; ".join(_problem(problem) for problem in problems))


def _problem(problem: dict[str, object]) -> str:
    location = problem.get("loc")
    name = ".".join(str(part) for part in location[1:]) if isinstance(location, (tuple, list)) else "the request"
    if problem.get("type") == "missing":
        return f"{name}: this parameter is required"
    message = str(problem.get("msg", "not valid")).removeprefix("Value error, ")
    got = problem.get("input")
    shown = repr(got if len(str(got)) <= 80 else str(got)[:80] + "…")  # noqa: PLR2004 -- enough to recognise it
    return f"{name}: {message[:1].lower()}{message[1:]}, got {shown}"


async def answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework refuses, such as an unknown path."""
    if not isinstance(error, HTTPException):
        raise error
    sentence = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not possible on {request.url.path}",
    }.get(error.status_code, str(error.detail))
    return error_answer(error.status_code, sentence, error.headers)
