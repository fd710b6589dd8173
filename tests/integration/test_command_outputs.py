"""Every option of every command that names a file to write: nothing that is there is lost by it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from painted_video import write_video
from unit.test_output_file import contents, full_disk, hard_link, itself, symlink

from aforo.config.camera import CameraSection
from aforo.config.reading import load_site
from aforo.errors import AforoError, ConfigurationError
from aforo.model import Frame, TrackedFrame
from app import assemble
from app.annotated_copy import ANNOTATED_COPY, AnnotatedCopy
from app.cli.main import COMMANDS, app
from app.output_file import OutputFile
from app.recording import RecordingCounts
from app.validation.manual_count import COLUMNS
from ingest.capture import probe

SITE = """\
site: {id: test, timezone: Europe/Madrid}
cameras:
  - id: north
    source: other.avi
    lines:
      - {id: stop, points: [[0.5, 0.1], [0.5, 0.9]]}
store: sqlite:///counts.db
bus: kafka://127.0.0.1:1
"""
TRUTH = {"ground_truth": [{"clip": "street.avi", "line": [[80, 0], [80, 120]], "counts": {"right": {"car": 1}}}]}
MANUAL = f"{','.join(COLUMNS)}\nc,stop,,car,2026-03-05T07:00:00-05:00,2026-03-05T07:15:00-05:00,3,ana,video,\n"

COUNT = ("count", "street.avi", "-c", "site.yaml", "--line", "80,0,80,120")
EVALUATE = ("evaluate", "truth.json", "-c", "site.yaml", "--videos", ".")
OUTPUTS: dict[str, tuple[str, ...]] = {
    "count --json": (*COUNT, "--json"),
    "count --annotate": (*COUNT, "--annotate"),
    "tracks --mot": ("tracks", "street.avi", "-c", "site.yaml", "--mot"),
    "evaluate --json": (*EVALUATE, "--json"),
    "evaluate --html": (*EVALUATE, "--html"),
    "bench --json": ("bench", "street.avi", "-c", "site.yaml", "--json"),
    "report --out": ("report", "-c", "site.yaml", "--line", "stop", "--format", "csv", "--out"),
    "backup --out": ("backup", "-c", "site.yaml", "--out"),
    "validate --json": ("validate", "manual.csv", "-c", "site.yaml", "--json"),
    "simulate --expect": ("simulate", "-c", "site.yaml", "--expect"),
    "simulate --write-config": ("simulate", "-c", "site.yaml", "--write-config"),
}
"""Commands that end with the name of a file to write, by command and option."""

READ = {
    "count": ("street.avi", "site.yaml", "counts.db", "other.avi"),
    "tracks": ("street.avi", "site.yaml", "counts.db", "other.avi"),
    "evaluate": ("truth.json", "street.avi", "site.yaml", "counts.db"),
    "bench": ("street.avi", "site.yaml", "counts.db"),
    "report": ("counts.db", "counts.db-wal", "site.yaml"),
    "backup": ("counts.db", "counts.db-wal", "site.yaml", "other.avi"),
    "validate": ("manual.csv", "site.yaml", "counts.db"),
    "simulate": ("site.yaml", "counts.db"),
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    write_video(folder / "street.avi")
    write_video(folder / "other.avi", frames=5)
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "truth.json").write_text(json.dumps(TRUTH), encoding="utf-8")
    (folder / "manual.csv").write_text(MANUAL, encoding="utf-8")
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with all that the commands read, a database that is open included; they work in it."""
    folder = tmp_path / "place"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    with assemble.open_store(load_site(Path("site.yaml"))):
        yield folder


def kept(folder: Path) -> dict[str, bytes]:
    """What the folder holds, without SQLite's shared memory, which readers write too."""
    return {name: content for name, content in contents(folder).items() if not name.endswith("-shm")}


def refusal(*arguments: object) -> str:
    """The sentence with which a command ends."""
    with pytest.raises(AforoError) as error:
        app([str(argument) for argument in arguments], standalone_mode=False)
    assert isinstance(error.value, ConfigurationError)
    return str(error.value)


def test_every_option_that_names_a_file_to_write_is_tried_here() -> None:
    found = set()
    for entry in COMMANDS:
        loaded = entry.load()
        for name, command in getattr(loaded, "commands", {entry.name: loaded}).items():
            full = name if name == entry.name else f"{entry.name} {name}"
            for parameter in command.params:
                shown = parameter.metavar or ""
                if parameter.opts[0].startswith("--") and (shown == "FILE" or "." in shown):
                    found.add(f"{full} {parameter.opts[0]}")
            writes = any(option.startswith(f"{full} ") for option in OUTPUTS)
            assert writes == any("--force" in parameter.opts for parameter in command.params), full
    assert found == set(OUTPUTS)


@pytest.mark.parametrize(
    ("output", "read"), [(output, read) for output in OUTPUTS for read in READ[output.partition(" ")[0]]]
)
def test_what_a_command_reads_is_never_written_over(place: Path, output: str, read: str) -> None:
    targets = [name(place / read) for name in (itself, symlink, hard_link)]
    before = kept(place)
    for target in targets:
        for force in ((), ("--force",)):
            assert "is not to be written over" in refusal(*OUTPUTS[output], target, *force)
    assert kept(place) == before


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_file_of_another_kind_is_kept(place: Path, output: str) -> None:
    for other in ("picture.jpg", "holiday.mp4", "thesis.db"):
        target = place / other
        if target.suffix == ".mp4":
            write_video(target)
        else:
            target.write_bytes(b"\xff\xd8\xff\xe0" if target.suffix == ".jpg" else b"SQLite format 3\0")
        before = kept(place)
        assert "--force to replace it" in refusal(*OUTPUTS[output], target)
        assert kept(place) == before


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_folder_that_cannot_be_written_is_told_before_the_work(place: Path, output: str) -> None:
    before = kept(place)
    for target in ("/proc/out.x", "no/such/folder/x", "street.avi/x"):
        assert refusal(*OUTPUTS[output], target).startswith(f"{output.split()[1]}: cannot write {target}")
    assert kept(place) == before


@pytest.mark.parametrize("output", ["report --out", "backup --out", "simulate --write-config"])
def test_a_full_disk_leaves_nothing(place: Path, output: str) -> None:
    """Of commands that need no network; the others write by the same means."""
    before = kept(place)
    with full_disk(100), pytest.raises(AforoError) as error:
        app([*OUTPUTS[output], "new"], standalone_mode=False)
    assert error.value.exit_code != 0
    assert kept(place) == before


@pytest.mark.parametrize("output", ["report --out", "simulate --write-config"])
def test_the_same_kind_is_replaced(place: Path, output: str) -> None:
    target = place / ("x.csv" if output.startswith("report") else "x.yaml")
    for _ in range(2):
        app([*OUTPUTS[output], str(target)], standalone_mode=False)
    assert target.stat().st_size > 0
    assert list(place.glob(".aforo*")) == []


def test_two_options_never_name_one_file(place: Path) -> None:
    assert "the same file" in refusal(*COUNT, "--json", "x", "--annotate", "./x")
    assert "the same file" in refusal(*EVALUATE, "--json", "x", "--html", place / "x")


@pytest.mark.parametrize("arguments", [COUNT, EVALUATE, ("bench", "street.avi"), (*COUNT, "--json", "-")])
def test_force_without_a_file_is_refused(place: Path, arguments: tuple[str, ...]) -> None:
    assert refusal(*arguments, "--force").startswith("--force: no option names a file")


def test_a_report_has_the_format_of_its_name(place: Path) -> None:
    report = ("report", "-c", "site.yaml", "--line", "stop")
    app([*report, "--out", "x.pdf"], standalone_mode=False)
    assert (place / "x.pdf").read_bytes().startswith(b"%PDF")
    assert "does not fit" in refusal(*report, "--out", "y.pdf", "--format", "csv")
    assert not (place / "y.pdf").exists()


def annotated(target: Path, frames: int = 20) -> None:
    """An annotated copy, as `aforo count --annotate` writes it, of pictures without anybody."""
    video = Path("street.avi")
    image = np.zeros((120, 160, 3), np.uint8)
    with (
        OutputFile("--annotate", target, ANNOTATED_COPY, inputs=(video,)).writing() as scratch,
        AnnotatedCopy(scratch, CameraSection.of_recording(video), probe(video), 10.0, ZoneInfo("UTC")) as copy,
    ):
        for index in range(frames):
            frame = Frame("video", "s", index, index * 100_000, image, 0)
            tracked = TrackedFrame("video", "s", index, index * 100_000, 100_000, 160, 120, ())
            copy.add(frame, tracked, RecordingCounts(probe(video)))
        copy.finish()


def test_an_annotated_copy_is_replaced_by_a_newer_one_and_plays_to_its_end(place: Path) -> None:
    for _ in range(2):
        annotated(place / "copy.mp4")
    capture = cv2.VideoCapture(str(place / "copy.mp4"))
    frames = 0
    while capture.grab():
        frames += 1
    capture.release()
    assert frames == 20


def test_a_full_disk_leaves_no_half_of_an_annotated_copy(place: Path) -> None:
    before = kept(place)
    with full_disk(3000), pytest.raises(ConfigurationError, match="annotated copy is not whole"):
        annotated(place / "copy.mp4")
    assert kept(place) == before
