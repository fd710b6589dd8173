"""Liveness, readiness, metrics, and what the application does to every answer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from api_server import Cameras, application, sample_rows, sample_server, serving

from aggregate.store.sqlite.reader import SqliteReader
from aggregate.store.sqlite.writer import SqliteStore


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with sample_server(tmp_path_factory.mktemp("api"), Cameras({"north": "live", "south": "offline"})) as client:
        yield client


def test_alive_and_ready_while_one_camera_is_live(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "reasons": []})


def test_not_ready_while_no_camera_is_live(tmp_path: Path) -> None:
    cameras = Cameras({"north": "frozen", "south": "offline"})
    with sample_server(tmp_path, cameras) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["reasons"] == ["no camera is live: north is frozen, south is offline"]
        cameras.states["north"] = "live"
        assert client.get("/readyz").status_code == 200


def test_a_database_that_breaks_is_told_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "counts.db"
    with SqliteStore(path) as store:
        store.write(sample_rows())
    reader = SqliteReader(path)
    reader.close()
    path.write_bytes(b"no database at all " * 1000)
    with serving(application(reader)) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "not an SQLite database" in answer.json()["reasons"][0]
        assert "aforo_store_up 0.0" in client.get("/metrics").text
        answer = client.get("/v1/volumes")
        assert answer.status_code == 503
        assert "not an SQLite database" in answer.json()["error"]
    reader.close()


def test_metrics_tell_the_cameras_and_the_store(client: httpx.Client) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        "aforo_store_up 1.0",
        'aforo_camera_state{camera="north",state="live"} 1.0',
        'aforo_camera_state{camera="south",state="live"} 0.0',
        'aforo_camera_state{camera="south",state="offline"} 1.0',
        'aforo_camera_fps{camera="north"} 9.876',
        'aforo_camera_dropped_frames_total{camera="north"} 4.0',
        'aforo_camera_last_frame_age_seconds{camera="north"} 2.5',
    ):
        assert line in lines
    assert 'aforo_camera_last_frame_age_seconds{camera="south"}' not in answer.text


@pytest.mark.parametrize("address", ["/healthz", "/v1/cameras", "/v1/volumes?from=x", "/nothing"])
def test_every_answer_carries_the_security_headers_and_allows_no_other_origin(
    client: httpx.Client, address: str
) -> None:
    answer = client.get(address, headers={"origin": "http://elsewhere.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers


def test_a_wrong_method_is_refused_in_the_same_shape(client: httpx.Client) -> None:
    answer = client.post("/v1/cameras")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
    assert answer.json() == {"error": "POST is not possible on /v1/cameras"}


def test_an_unexpected_error_gives_a_plain_sentence_and_no_secret(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Cameras):
        def statuses(self) -> list[object]:  # type: ignore[override]
            raise RuntimeError("rtsp://user:hunter2@10.0.0.5 went wrong")

    with caplog.at_level(logging.ERROR), sample_server(tmp_path, Broken({})) as client:
        answer = client.get("/v1/cameras")
        assert answer.status_code == 500
        assert list(answer.json()) == ["error"]
        assert "hunter2" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert client.get("/healthz").status_code == 200
    assert "GET /v1/cameras failed: RuntimeError" in caplog.text
