"""Large answers come from processes of their own, two at a time; and what every answer says of itself."""

from __future__ import annotations

import csv
import gzip
import io
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import httpx
import pytest
from api_server import NOW_US, SITE, sample_rows, serving
from held_answers import tell

from aforo.clock import ManualClock
from aforo.model import Rows
from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore
from api import answers as given
from api.answer_process import NICENESS
from api.answers import Answers
from api.app import create_app
from api.live.remote_cameras import RemoteLiveView
from api.rest.volumes import MAXIMUM_CELLS

YEAR = {"from": "2024-05-06", "to": "2025-05-06", "line": "stop", "by": "class,direction"}
PAST_DAY = {"from": "2025-05-05", "to": "2025-05-06", "line": "stop"}
TODAY = {"from": "2025-05-06", "to": "2025-05-07", "line": "stop"}


@contextmanager
def server(folder: Path, *, processes: bool) -> Iterator[httpx.Client]:
    path = folder / "counts.db"
    if not path.exists():
        with SqliteStore(path) as store:
            store.register(SITE.domain())
            store.write(sample_rows())
    reader = SqliteReader(path)
    clock = ManualClock(NOW_US)
    answers = Answers(reader, partial(SqliteReader, path) if processes else None)
    live = RemoteLiveView(SITE.domain(), reader, clock)
    try:
        with serving(create_app(site=SITE.domain(), reader=reader, answers=answers, live=live, clock=clock)) as client:
            yield client
    finally:
        answers.close()
        reader.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers")


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with server(folder, processes=True) as client:
        yield client


@pytest.fixture(scope="module")
def plain(folder: Path) -> Iterator[httpx.Client]:
    with server(folder, processes=False) as client:
        yield client


LARGE = [
    ("/v1/volumes", YEAR),
    ("/v1/volumes", YEAR | {"format": "csv"}),
    ("/v1/volumes", YEAR | {"line": "bare", "interval": "1d"}),
    ("/v1/coverage", {"from": "2024-05-06", "to": "2025-05-07"}),
    ("/v1/movements", {"from": "2024-05-06", "to": "2025-05-07", "by": "class"}),
    ("/v1/crossings", {"from": "2024-05-06", "to": "2025-05-07", "limit": "10000"}),
    ("/v1/reports/hourly.csv", {"from": "2024-05-07", "to": "2025-05-07", "line": "stop"}),
]


@pytest.mark.parametrize(("path", "question"), LARGE)
def test_a_process_answers_what_this_one_would(
    client: httpx.Client, plain: httpx.Client, path: str, question: dict[str, str]
) -> None:
    answers = [each.get(path, params=question) for each in (client, plain)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text[:300]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["content-type"] == answers[1].headers["content-type"]
    assert answers[0].headers.get("etag") == answers[1].headers.get("etag")


def test_reports_for_people_come_from_a_process(client: httpx.Client) -> None:
    for file_format, beginning in (("xlsx", b"PK"), ("pdf", b"%PDF")):
        answer = client.get(f"/v1/reports/hourly.{file_format}", params={"line": "stop", "day": "2025-05-06"})
        assert answer.content.startswith(beginning)
        assert answer.headers["content-disposition"].endswith(f'.{file_format}"')


def test_what_a_process_refuses_is_told_as_ever(client: httpx.Client) -> None:
    answer = client.get("/v1/reports/hourly.pdf", params={"line": "stop", "from": "2025-01-01", "to": "2025-05-01"})
    assert answer.status_code == 400
    assert "month" in answer.json()["error"]


@pytest.mark.parametrize(
    "question",
    [
        {"from": "2000-01-01", "to": "2100-01-01", "interval": "1m"},
        {"from": "2023-01-01", "to": "2025-01-01", "interval": "1m", "line": "stop"},
        {"from": "2025-01-01", "to": "2025-02-01", "interval": "1m", "by": "class,direction"},
    ],
)
def test_more_counts_than_one_answer_holds_are_refused_with_what_to_ask(
    client: httpx.Client, question: dict[str, str]
) -> None:
    answer = client.get("/v1/volumes", params=question)
    assert answer.status_code == 400
    assert str(MAXIMUM_CELLS) in answer.json()["error"]
    assert "ask for a shorter range" in answer.json()["error"]


@contextmanager
def telling(folder: Path) -> Iterator[tuple[httpx.Client, Answers]]:
    """A server with one more address, whose answers are made by `tell` in processes."""
    from fastapi import FastAPI, Request, Response

    path = folder / "counts.db"
    SqliteStore(path).close()
    reader = SqliteReader(path)
    answers = Answers(reader, partial(SqliteReader, path))
    clock = ManualClock(NOW_US)
    live = RemoteLiveView(SITE.domain(), reader, clock)
    app: FastAPI = create_app(site=SITE.domain(), reader=reader, answers=answers, live=live, clock=clock)

    async def endpoint(request: Request) -> Response:
        build = partial(tell, request.query_params["what"], request.query_params.get("gate", ""))
        return await answers.give(request, build, heavy=True)

    app.add_route("/told", endpoint)
    try:
        with serving(app) as client:
            yield client, answers
    finally:
        answers.close()
        reader.close()


def test_processes_have_little_priority_and_serve_one_answer_after_the_other(tmp_path: Path) -> None:
    with telling(tmp_path) as (client, _):
        told = [client.get("/told", params={"what": "here"}).text.split() for _ in range(3)]
        assert {each[2] for each in told} == {"here"}
        assert {each[1] for each in told} == {str(max(NICENESS, os.nice(0)))}
        (pid,) = {int(each[0]) for each in told}
        assert pid != os.getpid()
        os.kill(pid, 9)  # as the kernel does where memory is short
        assert client.get("/told", params={"what": "again"}).text.endswith("again")


def test_two_large_answers_at_a_time_and_then_429(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    held = {"what": "held", "gate": str(gate)}
    with telling(tmp_path) as (client, _), ThreadPoolExecutor(12) as threads, ExitStack() as stack:
        stack.callback(gate.touch)
        plain = {"accept-encoding": "identity"}
        both = [stack.enter_context(client.stream("GET", "/told", params=held, headers=plain)) for _ in range(2)]
        pieces = [answer.iter_bytes() for answer in both]
        assert all(next(each) for each in pieces)
        for answer in threads.map(lambda _: client.get("/told", params={"what": "x"}), range(8)):
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) > 0
            assert "2 large answers are being made already" in answer.json()["error"]
        assert client.get("/v1/volumes", params=TODAY).status_code == 200, "small ones are answered meanwhile"
        gate.touch()
        assert all(b"".join(each).endswith(b"held") for each in pieces)
        assert client.get("/told", params={"what": "next"}).status_code == 200


@pytest.mark.parametrize(
    ("what", "status"), [("refuse", 503), ("fail before", 500), ("fail", None), ("die", None), ("leave", None)]
)
def test_whatever_happens_the_places_are_free_again(tmp_path: Path, what: str, status: int | None) -> None:
    with telling(tmp_path) as (client, answers):
        for _ in range(given.HEAVY_AT_ONCE + 1):
            if what == "leave":
                held, plain = {"what": what, "gate": str(tmp_path / "never")}, {"accept-encoding": "identity"}
                with client.stream("GET", "/told", params=held, headers=plain) as answer:
                    next(answer.iter_bytes())
            elif status is None:
                with pytest.raises(httpx.RemoteProtocolError):  # never taken for a whole answer
                    client.get("/told", params={"what": what})
            else:
                answer = client.get("/told", params={"what": what})
                assert (answer.status_code, list(answer.json())) == (status, ["error"])
        deadline = time.monotonic() + 60
        taken = []
        while len(taken) < given.HEAVY_AT_ONCE:
            assert time.monotonic() < deadline, "places stay taken"
            try:
                taken.append(answers._places.take())
            except given.BusyError:
                time.sleep(0.05)


@pytest.mark.parametrize("question", [PAST_DAY, YEAR], ids=["small", "large"])
@pytest.mark.parametrize("extra", [{}, {"format": "csv"}])
def test_past_days_may_be_kept_and_are_asked_for_again_by_their_etag(
    client: httpx.Client, question: dict[str, str], extra: dict[str, str]
) -> None:
    first = client.get("/v1/volumes", params=question | extra)
    assert first.headers["cache-control"] == "private, no-cache"
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        again = client.get("/v1/volumes", params=question | extra, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert "content-encoding" not in again.headers
    assert client.get("/v1/volumes", params=question | extra, headers={"if-none-match": '"other"'}).status_code == 200
    others = [question | {"by": "class"}, question | {"interval": "1d"}, question | {"line": "bare"}]
    assert etag not in {client.get("/v1/volumes", params=other | extra).headers["etag"] for other in others}


def test_the_etag_changes_with_the_counts(tmp_path: Path) -> None:
    with server(tmp_path, processes=False) as client:
        before = client.get("/v1/volumes", params=TODAY).headers["etag"]
        with SqliteStore(tmp_path / "counts.db") as store:
            store.write(Rows(crossings=[replace(sample_rows().crossings[0], track_id=77)]))
        assert client.get("/v1/volumes", params=TODAY).headers["etag"] != before


@pytest.mark.parametrize(
    "path", ["/v1/volumes?line=stop", "/v1/cameras", "/v1/lines", "/readyz", "/metrics", "/v1/nothing", "/healthz"]
)
def test_what_is_live_is_not_kept(client: httpx.Client, path: str) -> None:
    assert client.get(path).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/static/words.js", "/static/style.css"])
def test_files_of_the_page_are_kept_and_asked_for_again(client: httpx.Client, path: str) -> None:
    first = client.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    if path in ("/static/main.js", "/static/style.css"):
        assert first.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("question", [TODAY | {"by": "class,direction"}, YEAR], ids=["small", "large"])
def test_answers_are_compressed_for_those_who_take_that(client: httpx.Client, question: dict[str, str]) -> None:
    plain = client.get("/v1/volumes", params=question, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    for accepted in ("gzip", "br, gzip;q=0.5"):
        with client.stream("GET", "/v1/volumes", params=question, headers={"accept-encoding": accepted}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers["content-encoding"] == "gzip"
        assert gzip.decompress(raw) == plain.content
        assert len(raw) < len(plain.content) / 4
        assert answer.headers["vary"] == "accept-encoding"
    for refused in ("gzip;q=0", "gzip; q=0.0", "br", ""):
        answer = client.get("/v1/volumes", params=question, headers={"accept-encoding": refused})
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/", "/static/main.js", "/v1/cameras", "/v1/volumes?line=stop", "/v1/reports/hourly.csv?line=stop",
     "/metrics", "/openapi.json", "/v1/nothing", "/v1/volumes?line=none"],
)  # fmt: skip
def test_head_has_the_headers_of_get_and_no_body(client: httpx.Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "etag", "cache-control"):
        assert head.headers.get(name) == get.headers.get(name)


def test_head_of_an_answer_without_end_ends(client: httpx.Client, tmp_path: Path) -> None:
    from live_world import Town, town

    with Town(tmp_path, town(1)).running() as running:
        while running.hub.newest("camera-0") is None:
            time.sleep(0.02)
        for path, kind, times in (("/v1/events", "text/event-stream", 2), ("/v1/live/camera-0.mjpg", "multipart/", 34)):
            for _ in range(times):  # more than there are places
                answer = httpx.head(running.url + path)
                assert answer.status_code == 200
                assert answer.headers["content-type"].startswith(kind)
        while running.hub.viewers:
            time.sleep(0.02)


def test_the_csv_of_many_pieces_is_one_table(client: httpx.Client) -> None:
    answer = client.get("/v1/volumes", params=YEAR | {"format": "csv"})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 365 * 24 * 2
    assert len({(row["start"], row["direction"]) for row in rows}) == len(rows)


def test_many_who_ask_at_once_get_an_answer_or_are_told_to_wait(client: httpx.Client) -> None:
    together = threading.Barrier(12)

    def ask(_: int) -> int:
        together.wait(60)
        return client.get("/v1/volumes", params=YEAR).status_code

    with ThreadPoolExecutor(12) as threads:
        statuses = set(threads.map(ask, range(12)))
    assert 200 in statuses
    assert statuses <= {200, 429}
