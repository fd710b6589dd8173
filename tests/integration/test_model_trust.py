"""Weights are programs: one that nobody vouches for is loaded by no command and in no engine."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from command_line import aforo
from painted_video import write_video
from requirements import absent, not_in_ci

from aforo.config.detector import DetectorSection
from aforo.config.site import SiteConfiguration
from aforo.errors import ModelError
from app.assemble import open_detector
from app.assets import manifest
from app.assets.model_trust import check_trusted, fingerprint, published_weights, reason_for_trust
from app.machine.doctor import examine
from detect.openvino.confinement import NOBODY, can_be_nobody
from detect.openvino.export import openvino_model
from detect.ultralytics.detector import UltralyticsYolo


class _Touch:
    """Pickled, this is a program: reading it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self._path}",)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What the malicious model makes when it is loaded."""
    return tmp_path / "it-ran"


@pytest.fixture
def malicious(tmp_path: Path, trace: Path) -> Path:
    model = tmp_path / "own.pt"
    torch.save({"model": _Touch(trace)}, model)
    return model


def test_the_malicious_model_of_these_tests_does_run_when_it_is_read(malicious: Path, trace: Path) -> None:
    torch.load(malicious, weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize("engine", ["openvino", "ultralytics"])
def test_no_engine_loads_a_model_that_nobody_vouches_for(malicious: Path, trace: Path, engine: str) -> None:
    section = DetectorSection(model=str(malicious), engine=engine)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=r"own\.pt is not a model that Aforo knows.*--trust-model") as caught:
        open_detector(section)
    assert fingerprint(malicious) in str(caught.value)
    assert not trace.exists()


@pytest.mark.timeout(300)
def test_no_command_loads_it_and_each_can_be_told_to(malicious: Path, trace: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "street.avi", 5)
    commands: tuple[tuple[object, ...], ...] = (
        ("count", video, "--line", "0,10,20,10", "--model", malicious),
        ("tracks", video, "--mot", tmp_path / "out.txt", "--model", malicious),
        ("bench", video, "--model", malicious),
        ("models", "export", malicious),
        ("models", "quantise", "--model", malicious),
    )
    for command in commands:
        said = aforo(*command)
        assert said.code == ModelError.exit_code, (command, said)
        assert "own.pt is not a model that Aforo knows" in said.err, (command, said)
        assert not trace.exists(), command
    assert "--trust-model" in aforo("evaluate", "--help").out
    said = aforo("models", "export", malicious, "--trust-model", AFORO_CACHE=str(tmp_path / "cache"))
    assert said.code == ModelError.exit_code
    assert "cannot export" in said.err  # it was read now, and is no model
    assert trace.exists()


def test_the_sha256_in_the_configuration_vouches_for_one_file(malicious: Path, tmp_path: Path) -> None:
    trusted = [fingerprint(malicious).upper()]
    check_trusted(malicious, trusted)
    malicious.write_bytes(malicious.read_bytes() + b"!")
    with pytest.raises(ModelError, match="not a model that Aforo knows"):
        check_trusted(malicious, trusted)


def test_numbers_need_no_trust_and_a_name_cannot_pass_for_numbers(tmp_path: Path) -> None:
    for name in ("a.onnx", "a.v2.onnx", "a.xml", "a.safetensors"):
        (tmp_path / name).write_bytes(b"numbers")
        assert reason_for_trust(tmp_path / name, []), name
    for name in ("a.pt", "a.PT", "a", "a.engine", "a.torchscript", "a.pt.onnx", "a.torchscript.xml", "a.yaml"):
        (tmp_path / name).write_bytes(b"a program")
        assert reason_for_trust(tmp_path / name, []) is None, name


def test_an_openvino_folder_needs_no_trust_and_one_with_a_program_in_it_does(tmp_path: Path) -> None:
    folder = tmp_path / "own_openvino_model"
    folder.mkdir()
    for name in ("own.xml", "own.bin", "metadata.yaml"):
        (folder / name).write_bytes(b"numbers")
    check_trusted(folder, [])
    (folder / "own.pt").write_bytes(b"a program")
    with pytest.raises(ModelError, match="not a model that Aforo knows"):
        check_trusted(folder, [])
    check_trusted(folder, [fingerprint(folder)])


def test_published_weights_are_hashes_and_do_not_repeat_the_manifest() -> None:
    for name, sha256 in published_weights().items():
        assert len(bytes.fromhex(sha256)) == hashlib.sha256().digest_size
        assert name not in manifest.manifest()


def test_the_doctor_says_what_is_trusted_and_why(malicious: Path, trace: Path, tmp_path: Path) -> None:
    def found(**detector: object) -> tuple[bool | None, str]:
        (finding,) = (
            f for f in examine(SiteConfiguration.model_validate({"detector": detector})) if f.name == "model trust"
        )
        return finding.ok, finding.detail

    assert found(model=str(malicious))[0] is False
    assert fingerprint(malicious) in found(model=str(malicious))[1]
    ok, detail = found(model=str(malicious), trusted_sha256=[fingerprint(malicious)])
    assert ok
    assert "detector.trusted_sha256" in detail
    (tmp_path / "own.onnx").write_bytes(b"numbers")
    assert found(model=str(tmp_path / "own.onnx"))[0]
    assert not trace.exists()


@pytest.mark.model
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("kind", "shown"), [("pose", "poses"), ("cls", "classification"), ("obb", "rotated boxes")])
def test_a_model_that_finds_no_boxes_is_refused_in_one_sentence(tmp_path: Path, kind: str, shown: str) -> None:
    command = f"from ultralytics import YOLO; YOLO('yolov8n-{kind}.yaml').save('other.pt')"
    environment = os.environ | {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    with pytest.raises(ModelError, match=rf"other\.pt: expected a detection model, got one for {shown}"):
        UltralyticsYolo(tmp_path / "other.pt", ("person",), device="cpu")


_CONFINED = """
import os, socket, sys
from detect.openvino.confinement import confine
kept = confine(nobody=sys.argv[1] == "nobody")
try:
    with socket.socket() as probe:
        probe.connect(("127.0.0.1", int(sys.argv[2])))
    reached = True
except OSError:
    reached = False
open("made", "w").close()
print(os.getuid(), os.geteuid(), reached, any("network" in part for part in kept))
"""


@pytest.mark.parametrize("who", ["nobody", "myself"])
def test_a_confined_process_reaches_no_network_and_is_who_it_should_be(
    tmp_path: Path, who: str, repository: Path
) -> None:
    if sys.platform != "linux":
        absent("namespaces are Linux's")
    if who == "nobody":
        if os.geteuid() != 0:
            not_in_ci("root")
        os.chown(tmp_path, NOBODY, NOBODY)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [sys.executable, "-c", _CONFINED, who, str(server.getsockname()[1])],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(repository)},
            capture_output=True,
            text=True,
            check=True,
        )
    real, effective, reached, told = done.stdout.split()
    assert real == effective == str(NOBODY if who == "nobody" else os.getuid())
    assert reached == told  # where the network could not be given up, that was said
    assert (tmp_path / "made").exists()


@pytest.mark.timeout(300)
def test_an_export_sees_no_secret_of_the_environment_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "seen"

    class Spy:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"env > {seen}; sleep 86397 &",)

    torch.save({"model": Spy()}, tmp_path / "own.pt")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(ModelError, match="cannot export"):
        openvino_model(tmp_path / "own.pt", tmp_path / "cache")
    if not can_be_nobody():  # who cannot write here, neither
        assert "YOLO_OFFLINE=true" in seen.read_text()
        assert "hunter2" not in seen.read_text()
    assert list((tmp_path / "cache").iterdir()) == []
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert b"sleep\x0086397\0" not in commands
