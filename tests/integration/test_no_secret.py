"""A whole site whose cameras cannot be reached: none of its outputs has a piece of their secrets."""

from __future__ import annotations

import json
import logging
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from aforo.config.reading import parse_site
from aforo.logs import configure_logging
from app.site_process import Service

ADDRESSES = (
    "rtsp://{0}:{1}@{2}/{0}",
    "rtsp://{2}/user={0}_password={1}_channel=1_stream=0.sdp?real_stream",
    "http://{2}/cgi-bin/video.cgi?loginuse={0}&loginpas={1}",
    "http://{2}/live.m3u8?access_token={1}",
    "https://{0}@{2}/{1}/live.mjpg",
    "http://{2}/{0}?{1}",
)
USER, PASSWORD = "Qx7Zuser%40", "Wk3Vpass%2F%23%5B"
PIECES = {text[k : k + 4] for text in ("Qx7Zuser", "Wk3Vpass") for k in range(5)} - {"user", "pass"}


class NoDetector:
    """A detector that is never asked: no camera gives a picture."""

    description = "none"
    capacity = 1
    labels = ("person",)

    def submit(self, image: Any) -> Future[Any]:
        raise AssertionError("no camera gives a picture")

    def close(self) -> None:
        pass


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that accepts and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("aforo", "app", "ingest", "detect", "track", "aggregate", "api"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def answer(url: str, seconds: float = 0.0) -> str:
    """What a path answers, errors too; of a stream, what came within some seconds."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            if not seconds:
                return str(response.read().decode("utf-8", "replace"))
            ends, lines = time.monotonic() + seconds, []
            while time.monotonic() < ends and len(lines) < 40:
                lines.append(response.readline().decode())
            return "".join(lines)
    except urllib.error.HTTPError as error:
        return error.read().decode("utf-8", "replace")
    except TimeoutError:
        return ""


@pytest.mark.timeout(500)  # compiles the kernels where nobody has before
@pytest.mark.usefixtures("logging_as_before")
def test_no_output_of_a_site_has_a_piece_of_a_secret(
    silent: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    hosts = ("127.0.0.1:1", f"127.0.0.1:{silent}", "nowhere.invalid")
    sources = [form.format(USER, PASSWORD, host) for form in ADDRESSES for host in hosts]
    cameras = [{"id": f"camera-{k}", "source": source} for k, source in enumerate(sources)]
    raw = {"cameras": cameras, "store": f"sqlite:///{tmp_path / 'counts.db'}", "api": {"port": 0}}
    site = parse_site(json.dumps(raw), "site.yaml")
    configure_logging()
    service = Service(site, NoDetector())
    service.start()
    try:
        ends = time.monotonic() + 60
        while not all(status.problem for status in service.statuses()) and time.monotonic() < ends:
            time.sleep(0.1)
        outputs = {
            path: answer(f"{service.url}{path}")
            for path in ("/v1/cameras", "/v1/lines", "/readyz", "/healthz", "/metrics", "/openapi.json", "/", "/v1/x")
        }
        outputs["events"] = answer(f"{service.url}/v1/events", seconds=3.0)
        outputs["picture"] = answer(f"{service.url}/v1/live/camera-0.jpg")
        outputs["statuses"] = str(service.statuses())
        held = [file.read_bytes() for file in tmp_path.iterdir()]
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    finally:
        service.stop()
    held += [file.read_bytes() for file in tmp_path.iterdir()]
    printed = capfd.readouterr()
    outputs |= {"out": printed.out, "err": printed.err, "database": b"".join(held).decode("latin-1")}
    shown = [camera["source"] for camera in json.loads(outputs["/v1/cameras"])["cameras"]]
    assert shown == [f"{source.partition('://')[0]}://{host}" for source, host in zip(sources, hosts * 6, strict=True)]
    assert "cannot be reached" in outputs["/v1/cameras"]
    assert set(modes.values()) == {"0o600"}
    for name, text in outputs.items():
        assert not [piece for piece in PIECES if piece in text], name
