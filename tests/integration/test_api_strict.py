"""Nothing that a request carries is silently left out: parameters by the wrong name, twice, or in a body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from api_server import Cameras, application, sample_server

VALUES = {"camera": "north", "line": "stop", "zone": "crossing", "file_format": "csv"}
"""What stands for the variables of the addresses."""


def endpoints() -> list[tuple[str, str, dict[str, Any]]]:
    """Method, address and query parameters of every endpoint that the description has."""
    document = application(None, Cameras({})).openapi()  # type: ignore[arg-type]
    return [
        (
            method,
            path.format(**VALUES),
            {each["name"]: each["schema"] for each in operation.get("parameters", ()) if each["in"] == "query"},
        )
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


ENDPOINTS = endpoints()
SINGLE = [
    (method, path, name)
    for method, path, parameters in ENDPOINTS
    for name, schema in parameters.items()
    if schema.get("type") != "array"
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("strict"), Cameras({"north": "live", "south": "offline"})) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), [each[:2] for each in ENDPOINTS])
@pytest.mark.parametrize("name", ["fron", "From", "to ", "line[]", "", "ñ"])
def test_an_unknown_parameter_is_named(client: httpx.Client, method: str, path: str, name: str) -> None:
    answer = client.request(method, path, params={name: "1"})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"{name}: there is no such parameter")


@pytest.mark.parametrize(("method", "path", "name"), SINGLE)
def test_a_single_parameter_given_twice_is_named(client: httpx.Client, method: str, path: str, name: str) -> None:
    answer = client.request(method, path, params=[(name, "a"), (name, "b")])
    assert answer.status_code == 400
    assert answer.json()["error"] == f"{name}: expected it once, got it 2 times"


@pytest.mark.parametrize(("method", "path"), [each[:2] for each in ENDPOINTS])
def test_a_body_that_nobody_reads_is_refused(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, json={"from": "2025-05-06"})
    assert answer.status_code == 400
    assert "takes no body" in answer.json()["error"]


def test_the_page_keeps_its_own_addresses(client: httpx.Client) -> None:
    assert client.get("/?lang=es").status_code == 200
    assert client.get("/static/words.js?v=2").status_code == 200


@pytest.mark.parametrize(
    "path", [path for method, path, parameters in ENDPOINTS if method == "get" and {"from", "to"} <= set(parameters)]
)
@pytest.mark.parametrize("end", ["2025-05-06T08:00", "2025-05-06T07:00", "2025-05-05"])
def test_a_range_that_does_not_go_forward_is_refused(client: httpx.Client, path: str, end: str) -> None:
    place = {"line": "stop"} if "reports" in path else {}
    answer = client.get(path, params={"from": "2025-05-06T08:00", "to": end, **place})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("from: expected a time before `to`")


@pytest.mark.parametrize("day", ["2025-05-06T07:30:00", "2025-05-06 00:00", "2025-05-06T00:00:00-05:00", "May 6"])
def test_a_day_is_a_day_and_no_time(client: httpx.Client, day: str) -> None:
    answer = client.get("/v1/reports/hourly.csv", params={"line": "stop", "day": day})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("day: expected a day such as 2025-05-06")
