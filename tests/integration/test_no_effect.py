"""Keys and options that would have no effect, or contradict each other, are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from painted_video import write_video
from pydantic import ValidationError

from aforo.config.site import SiteConfiguration
from aforo.errors import AforoError
from app.cli.main import app

SITE = """\
site: {id: test}
cameras: []
bus: kafka://127.0.0.1:1
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_video(folder / "street.avi")
    (folder / "site.yaml").write_text(SITE, encoding="utf-8")
    (folder / "ultralytics.yaml").write_text("detector: {engine: ultralytics}\n", encoding="utf-8")
    (folder / "int8.yaml").write_text("detector: {precision: int8}\n", encoding="utf-8")
    return folder


SIMULATE = ("simulate", "-c", "site.yaml", "--write-config", "new.yaml")
TRACKS = ("tracks", "street.avi", "--mot", "x.txt")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*TRACKS, "--all", "--road-user", "car"), "--road-user: has no effect with --all"),
        ((*TRACKS, "--road-user", "pedestrain"), "--road-user: expected one of .*pedestrian.*, got 'pedestrain'"),
        ((*TRACKS, "-c", "int8.yaml", "--engine", "ultralytics"), "detector: precision int8 is of OpenVINO"),
        ((*SIMULATE, "--fps", "5"), "--fps: has no effect with --write-config"),
        ((*SIMULATE, "--road-users", "8"), "--road-users: has no effect"),
        ((*SIMULATE, "--seconds", "60"), "--seconds: has no effect"),
        ((*SIMULATE, "--seed", "1"), "--seed: has no effect"),
        ((*SIMULATE, "--fast"), "--pace: has no effect"),
        ((*SIMULATE, "--expect", "x.json"), "--expect: has no effect"),
        (("models", "quantise", "--seconds", "60"), "--seconds: is for the cameras of CONFIG"),
        (("models", "fetch", "vtest"), "vtest is no model but a sample; see `aforo samples`"),
        (("models", "verify", "vtest"), "vtest is no model"),
        (("samples", "fetch", "yolov8n"), "yolov8n is no sample but a model"),
        (("samples", "verify", "yolov8n"), "yolov8n is no sample"),
        (("bench", "street.avi", "-c", "ultralytics.yaml"), "OpenVINO only, and detector.engine is ultralytics"),
        (("run", "-c", "site.yaml", "--input-fps", "10"), "--input-fps: this site has no recording"),
        (("report", "-c", "site.yaml", "--line", "a", "--zone", "b"), "either --line ID or --zone ID"),
        (("report", "-c", "site.yaml", "--line", "a", "--out", "x.pdf", "--format", "xlsx"), "xlsx does not fit"),
        (("recount", "-c", "site.yaml", "--line", "a", "--zone", "b"), "either --line ID or --zone ID"),
    ],
)  # fmt: skip
def test_an_option_without_effect_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(place)
    before = sorted(path.name for path in place.iterdir())
    with pytest.raises(AforoError, match=words):
        app(list(arguments), standalone_mode=False)
    assert sorted(path.name for path in place.iterdir()) == before


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"kafka": {"partitions": 3}}, "kafka has no effect with bus: memory"),
        ({"timescale": {"keep_rows_days": 90}}, "timescale has no effect on a store in SQLite"),
        ({"detector": {"engine": "ultralytics", "precision": "int8"}}, "precision int8 is of OpenVINO"),
        ({"detector": {"device": "cuda:0", "precision": "bf16"}}, "precision bf16 is of OpenVINO"),
        *(
            ({"bus": "kafka://h:1", "kafka": {"security": security, key: "x"}}, f"{key} has no effect with security")
            for security, keys in {
                "PLAINTEXT": ("username", "password", "password_file", "ca_file", "certificate_file", "key_file"),
                "SSL": ("username", "password", "password_file"),
            }.items()
            for key in keys
        ),
        ({"bus": "kafka://h:1", "kafka": {"sasl_mechanism": "PLAIN"}}, "sasl_mechanism has no effect"),
    ],
)
def test_a_key_without_effect_is_named(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SiteConfiguration.model_validate(keys)
