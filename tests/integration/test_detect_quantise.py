"""INT8: made from real pictures, finds what float finds, and is used only where its counts were accepted."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
import supervision as sv

from aforo.clock import SystemClock
from aforo.config.camera import CameraSection
from aforo.config.detector import DetectorSection
from aforo.errors import ModelError
from app.assemble import float_model, open_detector, openvino_backend, wants_calibration
from app.assets import manifest
from app.machine.precision import BOUND, Clip, calibrate, calibrate_at_first_use, difference
from detect.openvino.letterbox import Letterbox
from detect.openvino.model_files import is_quantised
from detect.openvino.precision_choice import Choice, int8_folder, load_choice, save_choice
from detect.openvino.quantise import quantise
from ingest.file_source import RecordedSource

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

SIZE = 320


@pytest.fixture
def exported(default_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default model in float; everything else that is kept goes to a cache of the test's own."""
    model = float_model(DetectorSection(model=str(default_model_path)))
    monkeypatch.setenv("AFORO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "openvino").mkdir(parents=True)
    return model


@pytest.fixture
def clip(sample_video: Path) -> Iterator[Clip]:
    source = RecordedSource(sample_video, "short", timezone=ZoneInfo("UTC"), clock=SystemClock())
    with closing(source):
        yield Clip.record(CameraSection.of_recording(sample_video), source, 10.0, 3.0, SIZE)


def choice(precision: str) -> Choice:
    return Choice(precision, "measured", {"f32": 10.0, "int8": 30.0}, {"int8": 0.01}, 100, ["north"])  # type: ignore[arg-type]


def test_the_int8_form_finds_what_float_finds(exported: Path, clip: Clip, tmp_path: Path) -> None:
    pictures = [Letterbox.fit(640, 480, SIZE).apply(clip.image(i)) for i in range(0, 30, 5)]
    backend = openvino_backend(DetectorSection(image_size=SIZE))
    made = quantise(exported, pictures, tmp_path / "int8")
    assert is_quantised(made)
    assert not is_quantised(exported)
    with (
        closing(backend.open_form(exported, "f32", cached=False)) as exact,
        closing(backend.open_form(made, "int8", cached=False)) as quick,
    ):
        assert "int8" in quick.description
        a, b = (detector.submit(clip.image(20)).result() for detector in (exact, quick))
    sure = a[a.confidence > 0.5]
    assert isinstance(sure, sv.Detections)
    assert len(sure) >= 3
    overlaps = np.asarray(sv.box_iou_batch(sure.xyxy, b.xyxy))
    assert (overlaps.max(axis=1) > 0.7).all()
    assert (b.class_id[overlaps.argmax(axis=1)] == sure.class_id).all()


def test_too_few_passages_prove_nothing(exported: Path, clip: Clip) -> None:
    section = DetectorSection(model=str(exported), image_size=SIZE)
    steps: list[str] = []
    made = calibrate(section, [clip], steps.append)
    assert made.precision == "f32"
    assert "passages were seen" in made.reason or "nothing is faster" in made.reason
    cache = manifest.cache_directory() / "openvino"
    assert not int8_folder(exported, cache).exists()
    assert load_choice(exported, SIZE, cache) == made
    assert not [path for path in cache.rglob("*") if path.suffix in (".jpg", ".png", ".npy")]


def test_a_model_that_cannot_be_quantised_is_told(clip: Clip, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<net/>")
    with pytest.raises(ModelError, match=r"cannot quantise .*broken\.xml"):
        quantise(broken, [clip.image(0)], tmp_path / "int8")


def test_int8_that_was_never_accepted_is_refused(exported: Path) -> None:
    with pytest.raises(ModelError, match=r"no int8 form .*aforo models quantise"):
        open_detector(DetectorSection(model=str(exported), precision="int8"))


def test_auto_stays_with_f32_while_nothing_is_known(exported: Path) -> None:
    with closing(open_detector(DetectorSection(model=str(exported)))) as detector:
        assert detector.description.endswith("f32")


def test_a_choice_holds_for_its_input_size_and_while_its_model_is_there(exported: Path, tmp_path: Path) -> None:
    cache = manifest.cache_directory() / "openvino"
    save_choice(choice("int8"), exported, 640, cache)
    assert load_choice(exported, 640, cache) is None
    int8_folder(exported, cache).mkdir()
    assert load_choice(exported, 640, cache) == choice("int8")
    assert load_choice(exported, SIZE, cache) is None


def test_a_first_use_that_cannot_quantise_goes_on_in_f32(
    default_model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    float_form = float_model(DetectorSection())
    cache = tmp_path / "cache"
    shutil.copytree(float_form, cache / "openvino" / float_form.name)
    shutil.copy2(default_model_path, cache)
    monkeypatch.setenv("AFORO_CACHE", str(cache))

    def broken(*_: object) -> Choice:
        raise ModelError("cannot quantise yolov8n: NNCF is not installed")

    said: list[str] = []
    calibrate_at_first_use(DetectorSection(), said.append, calibration=broken)
    assert said[-1] == "f32 is used for now: cannot quantise yolov8n: NNCF is not installed"
    with closing(open_detector(DetectorSection())) as detector:
        assert detector.description.endswith("f32")


def test_only_models_that_aforo_knows_are_calibrated_unasked(exported: Path) -> None:
    assert not wants_calibration(DetectorSection(model=str(exported)))
    assert not wants_calibration(DetectorSection(precision="f32"))
    assert not wants_calibration(DetectorSection(device="cuda:0"))


@pytest.mark.parametrize(
    ("reference", "counted", "expected"),
    [
        ({"car": 10, "bus": 10}, {"car": 10, "bus": 10}, 0.0),
        ({"car": 10, "bus": 10}, {"car": 11, "bus": 9}, 0.1),  # never by errors that cancel
        ({"car": 20}, {"car": 20, "bus": 1}, 0.05),
        ({}, {"car": 1}, math.inf),
        ({}, {}, 0.0),
    ],
)
def test_the_difference_does_not_cancel(reference: dict[str, int], counted: dict[str, int], expected: float) -> None:
    as_counts = [
        Counter({("camera", "line", "right", name): n for name, n in each.items()}) for each in (reference, counted)
    ]
    assert difference(*as_counts) == pytest.approx(expected)
    assert 0 < BOUND < 0.1
