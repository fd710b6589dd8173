"""Whatever is asked, the API answers as its OpenAPI description says: generated requests against a live server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from api_server import WRITING, Cameras, application, sample_server
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]

ENDLESS = ("text/event-stream", "multipart/x-mixed-replace")
"""Answers of these types do not end, so they cannot be checked whole; their own tests read their beginnings."""

EXAMPLES = 25
"""Requests per endpoint, valid and invalid ones: half a minute in all."""


def operations() -> dict[str, Any]:
    """The endpoints that the description has, by method and address, but those that answer without end."""
    document = application(None, Cameras({})).openapi()  # type: ignore[arg-type]
    schema = schemathesis.openapi.from_dict(document)
    found = {}
    for result in schema.get_all_operations():
        operation = result.ok()
        types = [
            kind
            for answer in document["paths"][operation.path][operation.method]["responses"].values()
            for kind in answer.get("content", ())
        ]
        if not set(types) & set(ENDLESS):
            found[operation.label] = operation
    return found


OPERATIONS = operations()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("described"), Cameras({"north": "live", "south": "offline"})) as client:
        yield client


CASES = [
    (label, mode)
    for label, operation in OPERATIONS.items()
    for mode in schemathesis.GenerationMode
    if mode is schemathesis.GenerationMode.POSITIVE or list(operation.iter_parameters())  # else nothing can be wrong
]


@pytest.mark.parametrize(("label", "mode"), CASES)
def test_every_answer_is_described(client: httpx.Client, label: str, mode: schemathesis.GenerationMode) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def answered(case: schemathesis.Case) -> None:
        answer = case.call(base_url=str(client.base_url), headers=WRITING)
        case.validate_response(answer, checks=CHECKS)

    answered()


def test_an_answer_that_is_not_described_is_found(client: httpx.Client) -> None:
    """The checks can fail."""
    document = application(None, Cameras({})).openapi()  # type: ignore[arg-type]
    del document["paths"]["/v1/lines"]["get"]["responses"]["200"]
    operation = schemathesis.openapi.from_dict(document)["/v1/lines"]["GET"]
    case = operation.Case()
    answer = case.call(base_url=str(client.base_url))
    with pytest.raises(schemathesis.core.failures.FailureGroup):
        case.validate_response(answer, checks=CHECKS)
