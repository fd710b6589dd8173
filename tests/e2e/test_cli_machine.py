"""The commands about this machine, in processes of their own."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest
from command_line import aforo


def test_version_and_help_answer_without_a_command() -> None:
    said = aforo("--version")
    assert (said.code, said.out) == (0, f"aforo {version('aforo')}\n")
    said = aforo("--help")
    assert said.code == 0
    for command in ("demo", "count", "tracks", "evaluate", "run", "report", "models", "samples", "doctor"):
        assert f" {command} " in said.out


@pytest.mark.parametrize(("kind", "name"), [("models", "yolov8n"), ("samples", "vtest"), ("samples", "bikes")])
def test_lists(kind: str, name: str, tmp_path: Path) -> None:
    said = aforo(kind, "list")
    assert said.code == 0, said.err
    assert name in said.out
    empty = aforo(kind, "list", AFORO_CACHE=str(tmp_path))
    assert next(line for line in empty.out.splitlines() if name in line).rstrip(" │").endswith("no")


def test_verify_says_what_is_sound_and_what_is_not(default_model_path: Path, tmp_path: Path) -> None:
    said = aforo("models", "verify", "yolov8n")
    assert said.code == 0, said.err
    assert "yolov8n" in said.out
    damaged = bytearray(default_model_path.read_bytes())
    damaged[1000] ^= 1
    (tmp_path / default_model_path.name).write_bytes(damaged)
    said = aforo("models", "verify", "yolov8n", AFORO_CACHE=str(tmp_path))
    assert said.code == 4
    assert "SHA-256" in said.complaint


@pytest.mark.model
@pytest.mark.timeout(300)
def test_doctor_looks_at_everything(default_model_path: Path) -> None:
    said = aforo("doctor")
    assert "Traceback" not in said.err
    assert said.code == (1 if "FAILS" in said.out else 0), said.out
    for what in ("openvino", "ffmpeg", "yolov8n"):
        assert what in said.out.lower()
