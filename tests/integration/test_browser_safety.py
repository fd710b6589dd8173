"""Who may ask and who may write: host names, origins, and the header that every writing request has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from api_server import SITE, WRITING, application, sample_server, serving

from aforo.config.server import ApiSection
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from api.serving.browser_safety import READING

WAYS_TO_BE_FOREIGN = [
    {"origin": "http://elsewhere.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://127.0.0.1"},  # another port is another origin
    {"origin": "https://127.0.0.1:1"},
    {"origin": "http://127.0.0.1.elsewhere.example:{port}"},
    {"origin": "http://elsewhere.example@127.0.0.1:{port}"},
    {"origin": "http://localhost:{port}"},
    {"origin": "file://127.0.0.1:{port}"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:{port}"},
]
SIMPLE_BODIES = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("api")) as client:
        yield client


def writing_routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Method and an address of each route that writes, as OpenAPI has them."""
    paths = client.get("/openapi.json").json()["paths"]
    routes = [
        (method.upper(), re.sub(r"\{\w+\}", "stop", path))
        for path, operations in paths.items()
        for method in operations
        if method.upper() not in READING
    ]
    assert routes
    return routes


def test_no_writing_route_takes_what_a_foreign_page_can_send(client: httpx.Client) -> None:
    port = str(client.base_url.port)
    for method, path in writing_routes(client):
        for headers in WAYS_TO_BE_FOREIGN:
            foreign = {name: value.replace("{port}", port) for name, value in headers.items()}
            answer = client.request(method, path, headers=foreign)
            assert (answer.status_code, foreign) == (403, foreign), path
            assert answer.json()["error"].startswith("a page of another site cannot write here")


def test_no_writing_route_takes_a_request_without_the_header(client: httpx.Client) -> None:
    for method, path in writing_routes(client):
        for kind in SIMPLE_BODIES:
            for value in ("", "0", "true"):
                headers = {"content-type": kind, "x-aforo-request": value}
                answer = client.request(method, path, headers=headers, content=b"x=1")
                assert answer.status_code == 403
                assert "X-Aforo-Request: 1" in answer.json()["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:{port}"},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"host": "localhost:8000", "origin": "http://localhost:8000"},
        {"host": "localhost", "origin": "https://localhost"},  # TLS ends at a proxy
        {"host": "[::1]:8000", "origin": "http://[::1]:8000"},
    ],
)
def test_programs_and_the_servers_own_page_may_write(client: httpx.Client, headers: dict[str, str]) -> None:
    own = {name: value.replace("{port}", str(client.base_url.port)) for name, value in headers.items()}
    for method, path in writing_routes(client):
        assert client.request(method, path, headers=own).status_code not in (403, 500)


def test_the_description_tells_what_writing_asks_for(client: httpx.Client) -> None:
    for _ in range(2):  # the document is made once
        document = client.get("/openapi.json").json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                headers = [each["name"] for each in operation.get("parameters", []) if each["in"] == "header"]
                writes = method.upper() not in READING
                assert headers.count("X-Aforo-Request") == writes, path
                assert ("403" in operation["responses"]) == writes, path


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost:8000", 200),
        ("LOCALHOST", 200),
        ("localhost.", 200),
        ("[::1]:8000", 200),
        ("[0:0:0:0:0:0:0:1]", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example:8000", 400),
        ("evil.example@127.0.0.1", 400),
        ("127.0.0.1@evil.example", 400),
        ("127.0.0.1/evil.example", 400),
        ("localhost:8000:evil.example", 400),
        ("[broken", 400),
        ("", 400),
    ],
)
def test_a_server_answers_only_its_own_names(client: httpx.Client, host: str, status: int) -> None:
    for path in ("/healthz", "/", "/static/main.js", "/nothing"):
        answer = client.get(path, headers={"host": host})
        assert (answer.status_code == 400) == (status == 400)
        assert status == 200 or "localhost" in answer.json()["error"]


def test_names_of_the_configuration_are_answered_and_no_others(tmp_path: Path) -> None:
    hosts = ["Counts.Example.org", "10.0.0.7", "fd00:0::7"]
    site = SITE.model_copy(update={"api": ApiSection(allowed_hosts=hosts)})
    SqliteStore(tmp_path / "counts.db").close()
    reader = SqliteReader(tmp_path / "counts.db")
    with serving(application(reader, site=site)) as client:
        for host in ("counts.example.org", "counts.example.org:443", "10.0.0.7:8000", "[fd00::7]", "localhost"):
            assert client.get("/healthz", headers={"host": host}).status_code == 200
        for host in ("example.org", "x.counts.example.org", "10.0.0.8", "[fd00::8]"):
            answer = client.get("/healthz", headers={"host": host})
            assert answer.status_code == 400
            assert "api.allowed_hosts" in answer.json()["error"]
        posted = {"host": "counts.example.org", "origin": "https://counts.example.org"}
        answer = client.post("/v1/lines/stop/recount", headers=posted | WRITING)
        assert answer.json()["error"] == "this server does not recount; use `aforo recount`"
    reader.close()
