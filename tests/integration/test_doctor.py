from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from requirements import pointless

from aforo.config.site import Site
from app.machine.doctor import Finding, examine


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFORO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def findings(**site: object) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(Site.model_validate(site))}


def test_a_machine_that_passes_the_tests_is_found_well() -> None:
    found = findings()
    for name in ("python", "processor", "opencv", "decoder h264", "decoder hevc", "openvino", "store", "bus"):
        assert found[name].ok, found[name]
    assert found["model yolov8n"].ok is None
    assert "fetch it with `aforo models fetch yolov8n`" in found["model yolov8n"].detail


def test_a_damaged_asset_is_found(empty_cache: Path) -> None:
    empty_cache.mkdir()
    (empty_cache / "vtest.avi").write_bytes(b"half a video")
    assert findings()["sample vtest"].ok is False


def test_looking_imports_no_torch() -> None:
    script = "import sys; from app.machine.doctor import examine; examine(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_store_that_cannot_work_is_found(tmp_path: Path) -> None:
    assert "does not exist" in findings(store=f"sqlite:///{tmp_path}/absent/a.db")["store"].detail
    (tmp_path / "text.db").write_text("this is no database, only some text that is long enough to be looked at" * 9)
    assert "file is not a database" in findings(store=f"sqlite:///{tmp_path}/text.db")["store"].detail
    with sqlite3.connect(tmp_path / "good.db") as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    assert findings(store=f"sqlite:///{tmp_path}/good.db")["store"].ok


def test_a_broker_is_found_by_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        assert findings(bus=f"kafka://user:hunter2@{address}")["bus"].ok
    found = findings(bus=f"kafka://user:hunter2@{address}")["bus"]
    assert found.ok is False
    assert address in found.detail
    assert "hunter2" not in found.detail


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://aforo:hunter2@127.0.0.1:{port}/aforo",
        "postgresql://aforo:hunter2%zz@127.0.0.1:{port}/aforo",
        "postgresql://aforo:hunter@hunter2@127.0.0.1:{port}/aforo",
        "postgresql://127.0.0.1:{port}/aforo?password=hunter2&connect_timeout=2",
    ],
)
def test_a_database_that_does_not_answer_is_told_without_the_password(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    found = findings(store=url.format(port=port))["store"]
    assert found.ok is False
    assert found.detail.startswith("PostgreSQL: ")
    assert "hunter" not in found.detail
    assert "hunter" not in found.hint


def test_a_database_that_answers_is_told_with_its_version_and_extension(postgresql: str) -> None:
    found = findings(store=postgresql)
    assert found["store"].ok
    assert found["store"].detail.startswith("PostgreSQL 1")
    assert "timescaledb" in found


def test_a_wrong_password_is_told_without_it(postgresql: str) -> None:
    found = findings(store=postgresql.replace("hunter2", "wrong-secret"))["store"]
    assert found.ok is False
    assert "password authentication failed" in found.detail
    assert "secret" not in found.detail


def test_a_gpu_that_is_asked_for_and_absent_is_a_fault() -> None:
    if shutil.which("nvidia-smi"):
        pointless("this machine has NVIDIA's driver, and may have a GPU")
    assert findings()["cuda"].ok is None
    assert findings(detector={"device": "cuda:0"})["cuda"].ok is False
