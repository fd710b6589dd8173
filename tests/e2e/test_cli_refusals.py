"""What a person may get wrong at the command line: one clear sentence, the documented exit code, no traceback."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest
from command_line import aforo
from painted_video import write_video

LINE = ("--line", "80,0,80,120")

SITE = """\
site: {id: test, timezone: Europe/Madrid}
cameras:
  - id: north
    source: street.avi
    lines:
      - {id: stop, points: [[0.5, 0.1], [0.5, 0.9]]}
store: sqlite:///counts.db
api: {port: 0}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that a person may point at by mistake."""
    folder = tmp_path_factory.mktemp("place")
    write_video(folder / "street.avi")
    (folder / "notes.txt").write_text("Calle 26, 7:00: many\n" * 50, encoding="utf-8")
    (folder / "notes.mp4").write_text("Calle 26, 7:00: many\n" * 50, encoding="utf-8")
    (folder / "empty.mp4").touch()
    (folder / "folder.mp4").mkdir()
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "piped.yaml").write_text(SITE.replace("counts.db", "pipe"), encoding="utf-8")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(("none.mp4", *LINE), 3, ("no such video", "none.mp4"), id="missing file"),
        pytest.param(("notes.txt", *LINE), 3, ("notes.txt", "not a video"), id="text file"),
        pytest.param(("notes.mp4", *LINE), 3, ("notes.mp4", "not a video"), id="text file that calls itself video"),
        pytest.param(("empty.mp4", *LINE), 3, ("empty.mp4", "0 bytes"), id="empty file"),
        pytest.param(("folder.mp4", *LINE), 3, ("folder.mp4", "directory"), id="directory"),
        pytest.param(("street.avi",), 2, ("nothing to count", "160×120", "--line 0,60,160,60"), id="no line at all"),
        pytest.param(("street.avi", "--line", "80,0,80"), 2, ("--line", "x1,y1,x2,y2", "'80,0,80'"),
                     id="three numbers"),
        pytest.param(("street.avi", "--line", "a,b,c,d"), 2, ("--line", "'a,b,c,d'"), id="letters"),
        pytest.param(("street.avi", "--line", "nan,0,80,80"), 2, ("--line", "'nan,0,80,80'"), id="not a number"),
        pytest.param(("street.avi", "--line", "inf,0,80,80"), 2, ("--line", "'inf,0,80,80'"), id="infinite"),
        pytest.param(("street.avi", "--line", ""), 2, ("--line", "''"), id="empty line"),
        pytest.param(("street.avi", "--line", "80,5,80,5"), 2, ("80,5,80,5", "no length"), id="line without length"),
        pytest.param(("street.avi", "--line", "80,0,80,121"), 2, ("leaves the picture", "0 to 120", "80,121"),
                     id="line outside the picture"),
        pytest.param(("street.avi", "--zone", "0,0,50,50"), 2, ("--zone", "x3,y3"), id="zone of two points"),
        pytest.param(("street.avi", "--zone", "0,0,50,50,50,0,0,50"), 2, ("crosses itself",), id="zone like a bow tie"),
        pytest.param(("street.avi", "--zone", "0,0,50,50,100,100"), 2, ("no area",), id="zone without area"),
        pytest.param(("street.avi", *LINE, "--model", "yolo-none.onnx"), 4, ("yolo-none.onnx", "yolov8n"),
                     id="missing model file"),
        pytest.param(("street.avi", *LINE, "--model", "notes.txt"), 4, ("notes.txt", "trusted_sha256"),
                     id="text file as model"),
        pytest.param(("street.avi", *LINE, "--model", "notes.txt", "--trust-model"), 4, ("notes.txt", "detection"),
                     id="text file as trusted model"),
        pytest.param(("street.avi", *LINE, "--engine", "gpu"), 2, ("--engine", "'gpu'", "openvino"), id="engine"),
        pytest.param(("street.avi", *LINE, "--image-size", "641"), 2, ("--image-size", "641", "32"), id="image size"),
        pytest.param(("street.avi", "--camera", "south", "-c", "site.yaml"), 2, ("'south'", "north"), id="camera"),
        pytest.param(("street.avi", "--camera", "south"), 2, ("'south'", "none"), id="camera without configuration"),
        pytest.param(("street.avi", *LINE, "-c", "none.yaml"), 2, ("none.yaml", "No such file"), id="configuration"),
        pytest.param(("street.avi", *LINE, "--json", "no/such/folder/x.json"), 2, ("no/such/folder/x.json",),
                     id="JSON into a missing folder"),
        pytest.param(("street.avi", *LINE, "--annotate", "no/such/x.mp4"), 2, ("no/such/x.mp4",),
                     id="annotated copy into a missing folder"),
    ],
)  # fmt: skip
def test_count(place: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    said = aforo("count", *arguments, cwd=place)
    assert said.code == code, said.err
    for word in words:
        assert word in said.complaint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(SITE.replace("points:", "pionts:"), ("line 6", "pionts", "unknown key"), id="unknown key"),
        pytest.param(SITE.replace("]]}", "]"), ("site.yaml", "not valid YAML"), id="broken YAML"),
        pytest.param(SITE.replace("Europe/Madrid", "Europe/Madird"), ("line 1", "site.timezone", "'Europe/Madird'"),
                     id="time zone"),
        pytest.param(SITE.replace("[0.5, 0.9]", "[0.5, 1.9]"), ("line 6", "cameras.0.lines.0.points"), id="point"),
        pytest.param(SITE.replace("[0.5, 0.9]", "[0.5, 0.1]"), ("line 6", "no length"), id="line without length"),
        pytest.param("- a\n- b\n", ("expected keys", "list"), id="a list"),
        pytest.param("", ("expected keys",), id="an empty file"),
        pytest.param(SITE.split("cameras")[0], ("no cameras",), id="no cameras"),
        pytest.param(SITE.replace("sqlite:///counts.db", "mongodb://x"), ("store",), id="store of another kind"),
        pytest.param(SITE.replace("sqlite:///counts.db", "sqlite:///no/such/folder/counts.db"),
                     ("no/such/folder", "make it first"), id="store in a missing folder"),
        pytest.param(SITE.replace("sqlite:///counts.db", "sqlite:///notes.txt/counts.db"), ("notes.txt",),
                     id="store below a file"),
        pytest.param(SITE.replace("sqlite:///counts.db", "sqlite:///notes.txt"), ("notes.txt",), id="text as store"),
        pytest.param(SITE.replace("sqlite:///counts.db", "sqlite:////proc/counts.db"), ("/proc/counts.db",),
                     id="store where nothing can be written"),
        pytest.param(SITE.replace("street.avi", "ftp://10.0.0.5/x"), ("ftp://10.0.0.5",),
                     id="source of another kind"),
    ],
)  # fmt: skip
def test_run(place: Path, tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    shutil.copytree(place, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("pipe"))
    (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    said = aforo("run", "-c", "site.yaml", cwd=tmp_path)
    assert said.code in (2, 3, 5), said.err
    for word in words:
        assert word in _last(said.err)


def _last(err: str) -> str:
    """The sentence; the detector may have introduced itself before it."""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.startswith("aforo: ")]
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize("command", ["run", "demo"])
def test_a_port_in_use(place: Path, command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ("-c", "site.yaml") if command == "run" else ("--once",)
        said = aforo(command, *options, "--port", port, cwd=place)
    assert said.code == 2
    assert str(port) in _last(said.err)


def test_a_password_is_never_shown(place: Path) -> None:
    (place / "secret.yaml").write_text(SITE.replace("street.avi", "ftp://admin:hunter2@10.0.0.5/x"), encoding="utf-8")
    said = aforo("run", "-c", "secret.yaml", cwd=place)
    assert said.code == 2
    assert "hunter2" not in said.err + said.out
    assert "10.0.0.5" in _last(said.err)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("count", "pipe", *LINE), 3, ("pipe", "a named pipe")),
        (("count", "a" * 5000, *LINE), 3, ("no such video",)),
        (("count", "street.avi", *LINE, "--model", "pipe"), 4, ("pipe", "a named pipe")),
        (("count", "street.avi", *LINE, "-c", "pipe"), 2, ("pipe", "a named pipe")),
        (("count", "street.avi", *LINE, "--json", "pipe"), 2, ("--json", "pipe")),
        (("evaluate", "pipe", "--videos", "."), 2, ("pipe", "a named pipe")),
        (("report", "-c", "piped.yaml", "--line", "stop"), 5, ("pipe", "a named pipe")),
        (("models", "export", "pipe"), 4, ("pipe", "a named pipe")),
        (("models", "export", "~nobody/x.pt"), 4, ("~nobody/x.pt",)),
        (("evaluate", "none.json", "--videos", "."), 2, ("none.json",)),
        (("evaluate", "notes.txt", "--videos", "."), 2, ("notes.txt", "not a ground-truth file")),
        (("tracks", "none.mp4", "--mot", "out.txt"), 3, ("none.mp4",)),
        (("tracks", "street.avi", "--mot", "no/such/out.txt"), 2, ("no/such/out.txt",)),
        (("models", "fetch", "yolo none"), 4, ("yolo none", "yolov8n")),
        (("samples", "fetch", "none"), 4, ("'none'", "vtest")),
        (("models", "verify", "none"), 4, ("'none'", "yolov8n")),
        (("--log", "loud", "samples", "list"), 2, ("'loud'", "debug, info, warning, error")),
        (("doctor", "-c", "none.yaml"), 2, ("none.yaml",)),
        (("recount", "-c", "site.yaml", "--line", "stop", "--from", "2025-05-07", "--to", "2025-05-06"), 2,
         ("from", "before `to`")),
        (("recount", "-c", "site.yaml", "--line", "stop", "--from", "2025-05-07", "--to", "2025-05-07"), 2,
         ("from", "before `to`")),
        (("report", "-c", "site.yaml", "--line", "stop", "--day", "2025-05-07", "--to", "2025-05-06"), 2,
         ("to: ", "2025-05-06")),
        (("report", "-c", "site.yaml", "--line", "stop", "--day", "2025-05-07T07:30"), 2, ("day: ", "T07:30")),
    ],
)  # fmt: skip
def test_other_commands(place: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]) -> None:
    said = aforo(*arguments, cwd=place)
    assert said.code == code, said.err
    for word in words:
        assert word in _last(said.err)


@pytest.mark.parametrize(
    "arguments", [("count",), ("cuont",), ("count", "--lines", "x"), ("run",), ("tracks", "x.mp4")]
)
def test_wrong_usage_says_how_it_is_used(arguments: tuple[str, ...]) -> None:
    said = aforo(*arguments)
    assert said.code == 2
    assert "Usage: " in said.err
    assert "Traceback" not in said.err
