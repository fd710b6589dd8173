"""A store that cannot be written, under a real `aforo run`: nobody is told that all is well; what is said is true."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from command_line import COMMAND, environment
from painted_video import write_video
from postgresql_server import PASSWORD, running_postgresql

from aggregate.store.sqlite.reader import SqliteReader
from app.assets import manifest

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

PATIENCE_S = 200.0
FPS = 30
CAMERAS = ("north", "south", "waits")
FAR_US = 2**52


class Run:
    """A site under `aforo run`: two recordings that drop what comes late, as a live camera does, and one that waits.

    Nobody is in the pictures, and little moves: most frames cost nothing, so that the queue fills within seconds.
    """

    def __init__(self, folder: Path, store: str) -> None:
        self.log = folder / "stderr.txt"
        video = write_video(folder / "street.avi", frames=600, fps=FPS)
        document = {
            "cameras": [
                {
                    "id": name,
                    "source": str(video),
                    "analyse_fps": FPS,
                    "repeat": True,
                    "drop_late": name != "waits",
                    "starts_at": "2026-03-02T08:00:00Z",
                    "lines": [{"id": f"line-{name}", "points": [[0.5, 0.1], [0.5, 0.9]]}],
                }
                for name in CAMERAS
            ],
            "detector": {"image_size": 320, "motion_gate": True, "precision": "f32"},
            "store": store,
            "api": {"port": 0},
        }
        (folder / "site.yaml").write_text(yaml.safe_dump(document))
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "run", "-c", "site.yaml"], cwd=folder, env=environment(), stderr=log
            )
        self.url = until(self._address)

    def _address(self) -> str:
        assert self.process.poll() is None, self.said()
        return next((word.rstrip(";") for word in self.said().split() if word.startswith("http://")), "")

    def said(self) -> str:
        return self.log.read_text()

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{self.url}/readyz", timeout=20)
        return answer.status_code, answer.json()

    def metrics(self) -> dict[str, float]:
        lines = httpx.get(f"{self.url}/metrics", timeout=20).text.splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def writes(self) -> bool:
        """Whether it is ready, and has written lately."""
        status, body = self.ready()
        return status == 200 and (body["writing"]["last_write_age_s"] or 99) < 10

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(150)


@contextmanager
def running(folder: Path, store: str) -> Iterator[Run]:
    run = Run(folder, store)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.wait()


def until(answer: Callable[[], Any]) -> Any:
    """The first answer that is something."""
    ends = time.monotonic() + PATIENCE_S
    while not (got := answer()):
        assert time.monotonic() < ends, "nothing came"
        time.sleep(0.1)
    return got


def told(run: Run) -> dict[str, Any] | None:
    """What `/readyz` says of writing once it fails; before that, it may be the reading that does."""
    status, body = run.ready()
    assert (status == 200) is (body["status"] == "ready")
    writing = dict(body["writing"])
    assert status == 503 or not writing["failure"]
    return writing if writing["failure"] else None


def dropping(run: Run) -> dict[str, float] | None:
    """The dropped seconds, once both cameras that drop have lost three and more."""
    status, body = run.ready()
    assert status == 503
    dropped_s = dict(body["writing"]["dropped_s"])
    return dropped_s if min(dropped_s["north"], dropped_s["south"]) > 3 else None


@pytest.fixture(scope="module", autouse=True)
def model() -> None:
    """The default model, in an arithmetic that needs no trial."""
    manifest.fetch(manifest.DEFAULT_MODEL)


def test_a_full_disk_is_told_at_once_everywhere_and_what_it_cost(tmp_path: Path) -> None:
    """The limit on file sizes that every process has is, to SQLite, a disk without room; then it is lifted."""
    with running(tmp_path, "sqlite:///counts.db") as run:
        until(run.writes)
        assert run.metrics()["aforo_store_up"] == 1
        before_s = {
            camera: run.metrics()[f'aforo_camera_dropped_frames_total{{camera="{camera}"}}'] / FPS for camera in CAMERAS
        }
        size = max(path.stat().st_size for path in tmp_path.glob("counts.db*"))
        unlimited = resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        writing = until(lambda: told(run))
        assert writing["failing_s"] < 10, "within ten seconds of the first failure"
        assert "cannot write the database" in writing["failure"]
        dropped_s = until(lambda: dropping(run))
        assert dropped_s["waits"] == 0, "a recording that is not thinned waits"
        metrics = run.metrics()
        assert metrics["aforo_store_up"] == 0
        assert [value for name, value in metrics.items() if name.startswith("aforo_store_write_failure{")] == [1]
        assert metrics["aforo_store_waiting_frames"] == metrics["aforo_store_waiting_frames_limit"] == 256
        assert metrics["aforo_store_write_failing_seconds"] > 3
        assert metrics["aforo_store_last_write_age_seconds"] > 3
        assert metrics['aforo_camera_unwritten_seconds_total{camera="north"}'] > 3
        assert "trying again every" in run.said()
        assert "all 256 places for frames that wait for the store are taken" in run.said()
        assert "the store works again after" not in run.said()

        resource.prlimit(run.process.pid, resource.RLIMIT_FSIZE, unlimited)
        until(run.writes)
        until(lambda: "the store works again after" in run.said())
        dropped_s = run.ready()[1]["writing"]["dropped_s"]
        run.end()
        said = run.said()
    assert "nothing is lost" not in said
    assert f"dropped meanwhile, and not observed: {dropped_s['north']:.1f} s of camera north" in said, said
    assert "of camera waits" not in said
    for name in CAMERAS:
        assert said.count(f"camera {name} is live") == 1
    for camera in CAMERAS:
        lost_s = unobserved_s(tmp_path / "counts.db", camera) - before_s[camera]
        assert dropped_s[camera] <= lost_s + 1, "a slow machine drops more, but never less"


def unobserved_s(path: Path, camera: str) -> float:
    """Seconds of frames that were thrown away, as the coverage of a camera has it."""
    with closing(SqliteReader(path)) as reader:
        dropped = sum(share.dropped for share in reader.coverage([camera], 0, FAR_US, "1m"))
    return dropped / FPS


@pytest.mark.slow
def test_a_database_that_hangs_and_a_server_that_goes_away_are_told(tmp_path: Path) -> None:
    with running_postgresql() as url, running(tmp_path, url) as run:
        until(run.writes)
        with psycopg.connect(url, autocommit=True) as connection:
            with psycopg.connect(url) as other:  # a lock that lets read and not write: the write hangs
                other.execute("LOCK TABLE coverage IN SHARE MODE")
                assert "has taken nothing" in until(lambda: told(run))["failure"]
                until(lambda: "has taken nothing" in run.said())  # the log looks once in a while: its turn comes later
                other.rollback()
            until(run.writes)
            until(lambda: run.said().count("the store works again after") == 1)
            (file,) = connection.execute("SELECT pg_read_file('postmaster.pid')").fetchone() or ("",)
            os.kill(int(file.split()[0]), signal.SIGINT)  # ends all connections, and itself
        writing = until(lambda: told(run))
        assert writing["failure"]
        assert run.metrics()["aforo_store_up"] == 0
        run.end()
        said = run.said()
    assert "could not be written before the end of the program; they are lost" in said
    assert PASSWORD not in said
