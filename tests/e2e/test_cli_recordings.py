"""count, tracks and evaluate as a person runs them, in processes of their own."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pytest
from command_line import COMMAND, aforo, environment, hear_interrupts
from painted_video import write_video

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]

FRAMES = 80


@pytest.fixture(scope="module")
def clip(sample_video: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of the sample video: two people pass its published line, frames 11 and 65."""
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    source = cv2.VideoCapture(str(sample_video))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (768, 576))
    for _ in range(FRAMES):
        writer.write(source.read()[1])
    writer.release()
    source.release()
    return path


@pytest.fixture(scope="module")
def document(clip: Path, default_model_path: Path) -> dict[str, Any]:
    said = aforo("count", clip, "--line", "340,120,340,576", "--line", "0,300,768,300",
                 "--zone", "200,200,600,200,600,500,200,500", "--json", "-")  # fmt: skip
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_the_document_says_what_was_looked_at(document: dict[str, Any], clip: Path) -> None:
    assert document["video"] == {"path": str(clip), "width": 768, "height": 576, "fps": 10.0, "frames": FRAMES}
    assert document["analysed_frames"] == FRAMES
    assert document["elapsed_s"] > 0
    assert document["complete"] is True


def test_the_document_has_every_line_with_its_counts(document: dict[str, Any]) -> None:
    upright, level = document["lines"]
    assert (upright["id"], upright["points_px"]) == ("line-1", [[340, 120], [340, 576]])
    assert (level["id"], level["points_px"]) == ("line-2", [[0, 300], [768, 300]])
    for count in upright["counts"] + level["counts"]:
        assert set(count) == {"direction", "road_user", "count", "class_confidence"}
        assert 0.5 < count["class_confidence"] < 1
        assert count["road_user"] == "pedestrian"
        assert count["count"] > 0
    assert {count["direction"]: count["count"] for count in upright["counts"]} == {"right": 1, "left": 1}
    assert {count["direction"] for count in level["counts"]} <= {"down", "up"}


def test_the_document_has_every_zone_with_its_visits(document: dict[str, Any]) -> None:
    (zone,) = document["zones"]
    assert zone["polygon_px"] == [[200, 200], [600, 200], [600, 500], [200, 500]]
    assert {visit["road_user"] for visit in zone["visits"]} == {"pedestrian"}
    assert 0 < zone["mean_dwell_s"] <= FRAMES / 10


def test_a_recording_in_two_files_is_counted_as_one(clip: Path, tmp_path: Path, document: dict[str, Any]) -> None:
    """Cut where somebody is on the line: each file alone sees only half of the crossing."""
    source = cv2.VideoCapture(str(clip))
    paths = [tmp_path / name for name in ("b_2026-03-05_07-30-01.avi", "a_2026-03-05_07-30-00.avi")]
    for path, frames in ((paths[1], 11), (paths[0], FRAMES - 11)):
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (768, 576))
        for _ in range(frames):
            writer.write(source.read()[1])
        writer.release()
    said = aforo("count", *paths, "--line", "340,120,340,576", "--json", "-")
    assert said.code == 0, said.err
    assert "One recording of 2 files, by their start times: a_" in said.err
    found = json.loads(said.out)
    assert found["lines"][0]["counts"] == document["lines"][0]["counts"]
    assert (found["video"]["frames"], found["video"]["path"]) == (FRAMES, str(paths[1]))
    assert found["video"]["files"] == [str(paths[1]), str(paths[0])]


def test_the_engine_works_without_torch(clip: Path, default_model_path: Path, tmp_path: Path) -> None:
    """Half a gigabyte of memory and seconds of start: the counting process never loads it."""
    code = (
        "import sys; from app.cli.main import app\n"
        "try: app()\n"
        "finally:\n"
        "    heavy = [name for name in ('torch', 'torchvision', 'ultralytics') if name in sys.modules]\n"
        "    assert not heavy, heavy\n"
    )
    arguments = ["count", str(clip), "--line", "340,120,340,576", "--fps", "1", "--json", str(tmp_path / "x.json")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(), capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "AssertionError" not in done.stderr
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["analysed_frames"] < 10


def test_the_table_for_people_and_an_annotated_copy(clip: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.mp4"
    said = aforo("count", clip, "--line", "340,120,340,576", "--annotate", copy, "--fps", "5")
    assert said.code == 0, said.err
    assert "line-1" in said.out
    assert re.search(r"total\s*│\s*│\s*\d", said.out)
    assert "40 of 80 frames" in said.err
    capture = cv2.VideoCapture(str(copy))
    frames = 0
    while capture.grab():
        frames += 1
    assert (frames, capture.get(cv2.CAP_PROP_FRAME_WIDTH)) == (40, 768)
    capture.release()


def test_lines_of_a_configured_camera(clip: Path, tmp_path: Path, document: dict[str, Any]) -> None:
    """The same line, in fractions and with names of its own."""
    x, top = 340 / 768, 120 / 576
    (tmp_path / "site.yaml").write_text(
        "cameras: [{id: plaza, source: x.avi, lines: [{id: gate, points: "
        f"[[{x}, {top}], [{x}, 1.0]], directions: [out, in]}}]}}]\n",
        encoding="utf-8",
    )
    said = aforo("count", clip, "-c", tmp_path / "site.yaml", "--camera", "plaza", "--json", "-")
    assert said.code == 0, said.err
    (line,) = json.loads(said.out)["lines"]
    assert line["id"] == "gate"
    assert {count["direction"]: count["count"] for count in line["counts"]} == {"in": 1, "out": 1}


def test_a_truncated_video_counts_what_is_there_and_says_so(clip: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.avi"
    content = clip.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    said = aforo("count", cut, "--line", "340,120,340,576", "--json", "-")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert 20 < document["analysed_frames"] < 60
    assert document["complete"] is False
    assert document["problem"]
    assert document["problem"] in " ".join(said.err.split())


def test_a_video_of_nobody_counts_zero(tmp_path: Path) -> None:
    said = aforo("count", write_video(tmp_path / "empty.avi"), "--line", "80,0,80,120", "--json", "-")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert (document["analysed_frames"], document["lines"][0]["counts"]) == (20, [])


def test_tracks_in_mot_form(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "tracks.txt"
    said = aforo("tracks", clip, "--mot", out, "--road-user", "pedestrian")
    assert said.code == 0, said.err
    rows = [[float(part) for part in line.split(",")] for line in out.read_text(encoding="ascii").splitlines()]
    assert all(len(row) == 10 for row in rows)
    assert [row[7:] for row in rows] == [[-1, -1, -1]] * len(rows)
    frames = [row[0] for row in rows]
    assert frames == sorted(frames)
    assert min(frames) == 1
    assert max(frames) == FRAMES
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
    assert all(row[4] > 0 and row[5] > 0 and 0 < row[6] <= 1 for row in rows)
    assert f"{len({row[1] for row in rows})} tracks" in said.err


@pytest.fixture
def truth(clip: Path, tmp_path: Path) -> Path:
    """What passes in the clip; one of the two to the left may be called either class."""
    shutil.copy(clip, tmp_path)
    entry = {
        "clip": "clip.avi",
        "line": [[340, 120], [340, 576]],
        "counts": {"right": {"pedestrian": 1}, "left": {}},
        "total": {"right": 1, "left": 1},
    }
    path = tmp_path / "truth.json"
    path.write_text(json.dumps({"ground_truth": [entry]}), encoding="utf-8")
    return path


def test_evaluate(truth: Path) -> None:
    said = aforo("evaluate", truth, "--videos", truth.parent, "--json", "-")
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert (document["wape"], document["true"], document["error"], document["missing_clips"]) == (0, 2, 0, [])
    (line,) = document["lines"]
    assert (line["clip"], line["line_px"], line["true"]) == ("clip.avi", [[340, 120], [340, 576]], 2)
    assert {(c["direction"], c["true"], c["counted"]) for c in line["counts"]} == {("right", 1, 1), ("left", 0, 1)}


def test_evaluate_names_the_clips_that_it_did_not_find(truth: Path) -> None:
    entries = json.loads(truth.read_text(encoding="utf-8"))
    entries["ground_truth"].append({"clip": "lost.avi", "line": [[0, 0], [9, 9]], "counts": {"up": {"car": 5}}})
    truth.write_text(json.dumps(entries), encoding="utf-8")
    said = aforo("evaluate", truth, "--videos", truth.parent)
    assert said.code == 3, said.err
    assert "lost.avi" in said.err
    assert "WAPE 0.0 % (0 of 2)" in said.out
    (truth.parent / "clip.avi").unlink()
    said = aforo("evaluate", truth, "--videos", truth.parent)
    assert said.code == 3
    assert "none of the 2 clips" in said.complaint


def test_an_interrupted_count_ends_with_130(sample_video: Path, tmp_path: Path) -> None:
    log = tmp_path / "stderr.txt"
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [*COMMAND, "count", str(sample_video), "--line", "340,120,340,576"],
            env=environment(), stderr=stderr, stdout=subprocess.DEVNULL, preexec_fn=hear_interrupts,
        )  # fmt: skip
        try:
            while "Detector:" not in log.read_text(encoding="utf-8"):
                assert process.poll() is None
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text(encoding="utf-8")
