"""A whole site in one process, as `aforo run` and `aforo demo` start it, seen from outside."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command_line import COMMAND, aforo, environment, hear_interrupts

from aggregate.store.sqlite.reader import SqliteReader

pytestmark = [pytest.mark.model, pytest.mark.timeout(500)]

PATIENCE_S = 200.0
FAR_US = 2**52

SITE = """\
site: {{id: plaza, name: Plaza, timezone: Europe/Madrid}}
cameras:
  - id: north
    source: {video}
    analyse_fps: 5
    repeat: true
    starts_at: "2026-03-02T08:00:00"
    lines:
      - {{id: middle, points: [[0.4427, 0.2083], [0.4427, 1.0]]}}
    zones:
      - {{id: centre, polygon: [[0.25, 0.3], [0.8, 0.3], [0.8, 0.9], [0.25, 0.9]]}}
store: sqlite:///counts.db
api: {{port: 0}}
"""


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process of a command and the address that it says; killed at the end if it has not ended itself."""
    log = folder / "stderr.txt"
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            preexec_fn=hear_interrupts,
        )
    try:
        yield process, _until(lambda: _address(process, log))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    said = log.read_text(encoding="utf-8")
    assert process.poll() is None, said
    found = re.search(r"live page: (http://\S+?);? ", said, re.IGNORECASE)
    return found[1] if found else ""


def _until(answer: Any) -> Any:
    """The first answer that is something."""
    ends = time.monotonic() + PATIENCE_S
    while not (got := answer()):
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.1)
    return got


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def folder(sample_video: Path, default_model_path: Path, tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE.format(video=sample_video), encoding="utf-8")
    return tmp_path


def test_run_answers_while_it_counts_and_ends_cleanly(folder: Path) -> None:
    with running(folder, "run", "-c", "site.yaml") as (process, url):
        _until(lambda: _ready(f"{url}/readyz"))
        (camera,) = get(f"{url}/v1/cameras")["cameras"]
        assert camera["id"] == "north"
        (line,) = get(f"{url}/v1/lines")["lines"]
        assert line["id"] == "middle"
        _until(lambda: _volumes(url))
        assert _until(lambda: _picture_shape(f"{url}/v1/live/north.jpg")) == (576, 768, 3)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    said = (folder / "stderr.txt").read_text(encoding="utf-8")
    assert process.returncode == 0, said
    assert "Traceback" not in said
    with closing(SqliteReader(folder / "counts.db")) as reader:
        crossings = reader.crossings(["middle"], 0, FAR_US, 1000)
        visits = reader.visits(["centre"], 0, FAR_US)
        first, last = reader.span_us() or (0, 0)
        coverage = reader.coverage(["north"], first, last + 60_000_000, "1m")
    assert crossings
    assert visits
    assert all(row.final for row in (*crossings, *visits))  # whatever was open was closed by the end
    assert sum(share.frames for share in coverage) > 5
    assert last // 1_000_000 >= 1_772_434_800 >= first // 1_000_000 >= 1_772_434_740  # from 08:00 in Madrid on


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


def _volumes(url: str) -> list[Any]:
    query = "line=middle&from=2026-03-02T08:00:00%2B01:00&to=2026-03-02T09:00:00%2B01:00&interval=1h"
    found = get(f"{url}/v1/volumes?{query}")
    return [row for row in found["rows"] if row["count"]]


def _picture_shape(url: str) -> tuple[int, ...] | None:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            image = cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)
            return None if image is None else image.shape
    except urllib.error.HTTPError:
        return None


def test_a_run_that_is_killed_leaves_nothing_beside_what_the_next_one_counts(folder: Path) -> None:
    """Each run reads the recording from its beginning: the newest reading is there alone, and counted once."""
    readings: list[set[str]] = []
    for last_signal in (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM):
        with running(folder, "run", "-c", "site.yaml") as (process, url):
            _until(lambda: _volumes(url) and _sessions(folder) - set().union(*readings))
            process.send_signal(last_signal)
            process.wait(30)
        readings.append(_sessions(folder))
    assert process.returncode == 0
    assert [len(sessions) for sessions in readings] == [1, 1, 1]
    assert len(set().union(*readings)) == 3


def _sessions(folder: Path) -> set[str]:
    """The sessions of all crossings in the store."""
    with closing(SqliteReader(folder / "counts.db")) as reader:
        return {row.session for row in reader.crossings(["middle"], 0, FAR_US, 1000)}


def test_a_camera_that_is_not_there_is_told_and_the_others_count(folder: Path, sample_video: Path) -> None:
    text = (folder / "site.yaml").read_text(encoding="utf-8")
    text = text.replace("store:", "  - {id: south, source: rtsp://user:hunter2@127.0.0.1:9/x}\nstore:")
    (folder / "site.yaml").write_text(text, encoding="utf-8")
    with running(folder, "run", "-c", "site.yaml") as (process, url):
        _until(lambda: _volumes(url))
        _until(lambda: {c["id"]: c["state"] for c in get(f"{url}/v1/cameras")["cameras"]}["south"] == "offline")
        shown = json.dumps(get(f"{url}/v1/cameras"))
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    said = (folder / "stderr.txt").read_text(encoding="utf-8")
    assert process.returncode == 0, said
    assert "hunter2" not in shown + said


def test_demo_prints_counted_beside_published(sample_video: Path, default_model_path: Path) -> None:
    said = aforo("demo", "--once", "--port", "0", timeout_s=280)
    assert said.code == 0, said.err
    published = dict(re.findall(r"│ (right|left)\s+│ pedestrian\s+│\s+\d+ │\s+(\d+) │", said.out))
    counted = dict(re.findall(r"│ (right|left)\s+│ pedestrian\s+│\s+(\d+) │\s+\d+ │", said.out))
    assert published == {"right": "14", "left": "18"}
    assert abs(int(counted["right"]) - 14) + abs(int(counted["left"]) - 18) <= 3
    assert re.search(r"http://127\.0\.0\.1:\d+", said.err)
    assert not re.search(r"\bTraceback\b", said.err)


def test_nothing_listens_beyond_this_machine_by_default(folder: Path) -> None:
    with running(folder, "run", "-c", "site.yaml") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        os.kill(process.pid, signal.SIGINT)
        process.wait(30)
    assert process.returncode in (0, 130)
