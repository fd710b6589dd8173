from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psycopg
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from painted_video import write_video
from requirements import pointless

from aforo.config.site import SiteConfiguration
from aforo.doctor_finding import Finding
from aforo.errors import ConfigurationError, StoreError
from aggregate.store.sqlite.writer import SqliteStore
from app import assemble
from app.machine.doctor import examine, examine_store
from track.kept_scale import KeptScale
from track.scene_scale import SceneScale


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AFORO_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


def findings(**site: object) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(SiteConfiguration.model_validate(site))}


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


def test_recordings_are_found_and_those_of_one_camera_are_one_recording(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a_20260305T073000Z.avi")
    second = write_video(tmp_path / "b_20260305T073002Z.avi")
    other = write_video(tmp_path / "c_20260305T073002Z.avi")
    sources: dict[str, object] = {
        "well": [str(second), str(first)],
        "alone": str(first),
        "overlap": [str(first), str(second), str(other)],
        "absent": [str(first), "none.avi"],
        "live": "rtsp://10.0.0.5/1",
    }
    found = findings(cameras=[{"id": name, "source": source} for name, source in sources.items()])
    assert found["recording well"].ok
    assert found["recording well"].detail == f"2 files, {first.name} first, 160×120 pixels, 4 s"
    assert found["recording alone"].detail == f"{first}, 160×120 pixels, 2 s"
    assert found["recording overlap"].ok is False
    assert "before b_20260305T073002Z.avi ends" in found["recording overlap"].detail
    assert found["recording absent"].ok is False
    assert "no such video: none.avi" in found["recording absent"].detail
    assert "recording live" not in found


def test_it_tells_what_is_known_of_each_live_cameras_scene() -> None:
    cameras = [{"id": "north", "source": "rtsp://10.0.0.5/a"}, {"id": "film", "source": "film.mp4"}]
    file = {"cameras": cameras, "site": {"id": "s", "timezone": "America/Bogota"}}
    assert findings(**file)["scale of north"].ok is None
    site = SiteConfiguration.model_validate(file)
    scale, path = SceneScale(16 / 9), assemble.scale_file(site, site.cameras[0])
    assert path is not None
    scale.restore([np.ones((4, 5))] * 7, 1_700_000_000_000_000)
    scale.learnt = 1
    KeptScale(path).save(scale, 1_700_000_000_000_000, now=True)
    found = findings(**file)
    assert found["scale of north"].detail == "sizes of 7 cars by place, the newest 2023-11-14 17:13-05:00"
    assert "scale of film" not in found


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


def test_a_store_in_the_users_home_is_found_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    site = SiteConfiguration.model_validate({"store": "sqlite:///~/a.db"})
    assemble.open_store(site).close()
    assert (tmp_path / "a.db").is_file()
    found = findings(store="sqlite:///~/a.db")
    assert found["store"].ok
    assert str(tmp_path / "a.db") in found["store"].detail
    assert found["disk (store)"].detail.endswith(f"free at {tmp_path / 'a.db'}")


def test_an_address_that_names_no_file_is_found() -> None:
    for address in ("sqlite://a.db", "sqlite:///"):
        found = findings(store=address)
        assert found["store"].ok is False
        assert found["store"].detail.startswith("expected store: sqlite:///FILE")
        assert "disk (store)" not in found


def test_the_home_of_a_user_that_is_not_there_is_a_folder_that_is_not_there() -> None:
    found = findings(store="sqlite:///~nobody-of-that-name/a.db")
    assert found["store"].ok is False
    assert "~nobody-of-that-name does not exist" in found["store"].detail


@settings(max_examples=50)
@given(
    folder=st.sampled_from(["", "there/", "absent/", "file/", "~/", "~nobody-of-that-name/", "./there/../there/"]),
    name=st.one_of(
        st.sampled_from(["empty.db", "text.db", "counts.db", "folder", "locked-away.db"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=300),
    ),
)
def test_open_and_check_agree_on_every_address_of_a_file(folder: str, name: str) -> None:
    """What opens passes the check, and what the check refuses does not open."""
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", home)
        patch.chdir(home)
        for there in (Path(home), Path(home, "there")):
            there.mkdir(exist_ok=True)
            SqliteStore(there / "counts.db").close()
            (there / "empty.db").touch()
            (there / "text.db").write_text("no database, only some text that is long enough to be looked at" * 9)
            (there / "folder").mkdir()
            (there / "locked-away.db").symlink_to("/absent/counts.db")
        Path(home, "file").touch()
        site = SiteConfiguration.model_validate({"store": f"sqlite:///{folder}{name}"})
        checked = next(finding for finding in examine_store(site) if finding.name == "store")
        try:
            assemble.open_store(site).close()
        except (StoreError, ConfigurationError) as error:
            event(f"refused: {type(error).__name__}")
            assert checked.ok is False or name == "locked-away.db", checked
        else:
            event("opened")
            assert checked.ok, checked


def test_a_broker_is_found_by_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        assert findings(bus=f"kafka://{address}/site")["bus"].ok
    found = findings(bus=f"kafka://{address}")["bus"]
    assert found.ok is False
    assert address in found.detail


@pytest.mark.parametrize(
    "bus", ["kafka://user:hunter2@127.0.0.1:{port}", "kafka://127.0.0.1:{port}/a/b", "kafka://127.0.0.1:{port}/a!b"]
)
def test_a_bus_that_no_process_takes_is_not_called_well(bus: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = findings(bus=bus.format(port=listening.getsockname()[1]))["bus"]
    assert found.ok is False
    assert "kafka://host:port" in found.detail
    assert "hunter2" not in found.detail + found.hint


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://aforo:hunter2@127.0.0.1:{port}/aforo",
        "postgresql://aforo:hunter2%25zz@127.0.0.1:{port}/aforo",
        "postgresql://aforo:hunter%40hunter2@127.0.0.1:{port}/aforo",
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


def test_the_disk_of_the_database_is_looked_at_where_it_is_on_this_machine(
    postgresql: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(postgresql) as connection:
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    stores = {f"sqlite:///{tmp_path}/counts.db": tmp_path, postgresql: folder}
    for store, where in stores.items():
        assert findings(store=store)["disk (store)"].detail.endswith(f"GiB free at {where}")
    away = findings(store="postgresql://aforo:pw@127.0.0.1:1/counts")["disk (store)"]
    assert (away.ok, away.hint) == (None, "see that there is room on its disk")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 29))
    for store in stores:
        full = findings(store=store)["disk (store)"]
        assert full.ok is False
        assert full.hint == "free some space: 2 GiB or more are wanted"


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
