"""Files are written whole or not at all, and never over something that their user wants to keep."""

from __future__ import annotations

import io
import os
import resource
import socket
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from painted_video import write_video

from aforo.errors import ConfigurationError
from app.annotated_copy import ANNOTATED_COPY
from app.file_kinds import ERRORS_PAGE, JSON, REPORTS, SIMULATED_HEADING, SIMULATED_SITE, TRACKS, FileKind
from app.output_file import OutputFile, with_companions

NEW = b'{"new": true}\n'


def workbook() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return content.getvalue()


OF_KIND: dict[str, tuple[FileKind, str, bytes]] = {
    "json": (JSON, "x.json", b'{"old": 1}'),
    "tracks": (TRACKS, "x.txt", b"1,3,10.00,-2.50,30.00,40.00,0.900,-1,-1,-1\n"),
    "page": (ERRORS_PAGE, "x.html", b"<!doctype html>\n<html><head><title>Aforo: evaluation</title>"),
    "csv": (REPORTS["csv"], "x.csv", b"\xef\xbb\xbfDate,Hour,Total\r\n"),
    "xlsx": (REPORTS["xlsx"], "x.xlsx", workbook()),
    "pdf": (REPORTS["pdf"], "x.pdf", b"%PDF-1.4 ..."),
    "site": (SIMULATED_SITE, "x.yaml", SIMULATED_HEADING.encode() + b"cameras: []\n"),
}
"""Kinds, each with a name and content that it recognises."""

OTHERS = {
    "picture": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "notes": b"Calle 26, 7:00: many\nCalle 26, 8:00: more\n",
    "database": b"SQLite format 3\0" + bytes(100),
    "archive": b"PK\x03\x04" + bytes(60),
    "site": b"site: {id: mine}\ncameras: []\n",
    "cut-off JSON": b'{"lines": [',
}


@contextmanager
def full_disk(limit_bytes: int = 2000) -> Iterator[None]:
    """No file grows beyond the limit, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", OF_KIND)
def test_a_file_of_the_same_kind_is_replaced(tmp_path: Path, name: str) -> None:
    kind, file, old = OF_KIND[name]
    (tmp_path / file).write_bytes(old)
    OutputFile("--out", tmp_path / file, kind).write(NEW)
    assert contents(tmp_path) == {file: NEW}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("name", OF_KIND)
def test_a_file_of_another_kind_is_kept_unless_forced(tmp_path: Path, name: str, other: str) -> None:
    kind, file, _ = OF_KIND[name]
    before = OTHERS[other]
    if (name, other) == ("csv", "notes"):
        file = "x.txt"  # text with commas, and no name of a table
    (tmp_path / file).write_bytes(before)
    with pytest.raises(ConfigurationError, match=r"--out: .* is there already and is no .*--force"):
        OutputFile("--out", tmp_path / file, kind)
    assert contents(tmp_path) == {file: before}
    OutputFile("--out", tmp_path / file, kind, force=True).write(NEW)
    assert contents(tmp_path) == {file: NEW}


def test_another_recording_is_no_annotated_copy(tmp_path: Path) -> None:
    mine = write_video(tmp_path / "mine.mp4")
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match="is no annotated copy made by Aforo"):
        OutputFile("--annotate", mine, ANNOTATED_COPY)
    assert contents(tmp_path) == before


def itself(path: Path) -> Path:
    return path


def roundabout(path: Path) -> Path:
    (path.parent / "sub").mkdir()
    return path.parent / "sub" / ".." / path.name


def symlink(path: Path) -> Path:
    link = path.parent / "link"
    link.symlink_to(path.name)
    return link


def chain(path: Path) -> Path:
    link = path.parent / "chain"
    link.symlink_to(symlink(path))
    return link


def hard_link(path: Path) -> Path:
    link = path.parent / "hard"
    link.hardlink_to(path)
    return link


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", [itself, roundabout, symlink, chain, hard_link])
def test_what_is_read_is_never_written_over(tmp_path: Path, name: Callable[[Path], Path], force: bool) -> None:
    read = tmp_path / "truth.json"
    read.write_bytes(b'{"clips": []}')
    target = name(read)
    before = contents(tmp_path)
    with pytest.raises(ConfigurationError, match=r"truth\.json itself, which is not to be written over"):
        OutputFile("--json", target, JSON, inputs=(tmp_path / "none", read), force=force)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("end", ["", "-wal", "-shm", "-journal"])
def test_a_database_that_does_not_exist_yet_is_kept_free(tmp_path: Path, end: str) -> None:
    database = tmp_path / "counts.db"
    with pytest.raises(ConfigurationError, match="itself"):
        OutputFile("--json", Path(f"{database}{end}"), JSON, inputs=with_companions(database), force=True)
    assert contents(tmp_path) == {}


def test_an_empty_file_has_nothing_to_keep_and_a_new_name_is_free(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "new"):
        OutputFile("--json", tmp_path / name, JSON).write(NEW)
        assert (tmp_path / name).read_bytes() == NEW


def test_a_link_stays_one_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.json").write_bytes(b"{}")
    target = symlink(tmp_path / "real.json")
    OutputFile("--json", target, JSON).write(NEW)
    assert target.is_symlink()
    assert (tmp_path / "real.json").read_bytes() == NEW


@pytest.mark.parametrize("old", [b'{"old": 1}', None])
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, old: bytes | None) -> None:
    target = tmp_path / "x.json"
    if old is not None:
        target.write_bytes(old)
    before = contents(tmp_path)
    file = OutputFile("--json", target, JSON)
    with full_disk(), pytest.raises(ConfigurationError, match=r"--json: cannot write .*x\.json: File too large"):
        file.write(bytes(5000))
    assert contents(tmp_path) == before


def test_work_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_bytes(b"{}")

    def work() -> None:
        with OutputFile("--json", target, JSON).writing() as scratch:
            scratch.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert contents(tmp_path) == {"x.json": b"{}"}


def test_what_came_to_stand_there_during_the_work_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    file = OutputFile("--json", target, JSON)
    target.write_bytes(OTHERS["notes"])
    with pytest.raises(ConfigurationError, match="is there already"):
        file.write(NEW)
    assert contents(tmp_path) == {"x.json": OTHERS["notes"]}


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("no/such/folder/x.json", "cannot write"),
        ("file/x.json", "cannot write"),
        (".", "expected a file, got the folder"),
        ("", "expected a file, got the folder"),
        ("n" * 300, "cannot write"),
        ("loop", "cannot write"),
        ("/proc/x.json", "cannot write"),
        ("/dev/full/x.json", "cannot write"),
        ("socket", "expected a file"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(ConfigurationError, match=f"^--json: {words}"):
            OutputFile("--json", target, JSON)
    assert contents(tmp_path) == {"file": b"x"}


def test_an_unwritable_folder_is_told_before_the_work(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    if os.geteuid() == 0:  # root may write everywhere; the kernel's own folders are closed to it too
        folder = Path("/sys/kernel")
    with pytest.raises(ConfigurationError, match="cannot write"):
        OutputFile("--json", folder / "x.json", JSON)


@pytest.mark.parametrize("kind", [ANNOTATED_COPY, None])
@pytest.mark.parametrize("target", ["-", "/dev/null"])
def test_only_what_can_be_written_in_one_go_goes_to_a_stream(kind: FileKind | None, target: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a file"):
        OutputFile("--out", target, kind, force=True)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_devices_and_pipes_are_written_as_they_stand(tmp_path: Path) -> None:
    OutputFile("--json", "/dev/null", JSON).write(NEW)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    OutputFile("--json", pipe, JSON).write(NEW)
    reader.join()
    assert got == [NEW]
    with pytest.raises(ConfigurationError, match="No space left"):
        OutputFile("--json", "/dev/full", JSON).write(NEW)


def test_stdout_is_written_as_it_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    OutputFile("--json", "-", JSON).write(NEW)
    assert capfdbinary.readouterr().out == NEW


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_replaced_file_is_as_accessible_as_before(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "x.json"
    target.write_bytes(b"{}")
    target.chmod(mode)
    OutputFile("--json", target, JSON).write(NEW)
    assert stat.S_IMODE(target.stat().st_mode) == mode


def test_a_new_file_follows_the_umask_and_a_private_one_does_not(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        OutputFile("--json", tmp_path / "new", JSON).write(NEW)
        OutputFile("--out", tmp_path / "private", None, private=True).write(NEW)
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "private")] == [0o640, 0o600]


def test_a_pipe_that_nobody_reads_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError, match=r"--json: cannot write .*pipe: nobody reads this pipe"):
        OutputFile("--json", tmp_path / "pipe", JSON)
