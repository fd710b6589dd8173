"""The OpenVINO engine against Ultralytics itself, on real frames; and what it refuses."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import openvino as ov
import pytest
import supervision as sv

from aforo.config.detector import DEFAULT_ROAD_USERS
from aforo.errors import ModelError
from aforo.model import Image
from detect.limits import OTHER_LABEL
from detect.openvino.detector import OpenVinoYolo
from detect.openvino.export import openvino_model
from detect.openvino.letterbox import Letterbox
from detect.ultralytics.detector import UltralyticsYolo

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]

LABELS = tuple(DEFAULT_ROAD_USERS)
CONFIDENCE = 0.25


@pytest.fixture(scope="module")
def exported(default_model_path: Path) -> Path:
    from app.assets import manifest

    return openvino_model(default_model_path, manifest.cache_directory() / "openvino")


@pytest.fixture(scope="module")
def ours(exported: Path) -> Iterator[OpenVinoYolo]:
    with closing(OpenVinoYolo(exported, LABELS)) as detector:
        yield detector


@pytest.fixture(scope="module")
def theirs(default_model_path: Path) -> Iterator[UltralyticsYolo]:
    with closing(UltralyticsYolo(default_model_path, LABELS, device="cpu")) as detector:
        yield detector


def frames_of(path: Path, *numbers: int) -> list[Image]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    for i in range(max(numbers) + 1):
        decoded, image = capture.read()
        assert decoded
        if i in numbers:
            frames.append(np.asarray(image, np.uint8))
    capture.release()
    return frames


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(sv.box_iou_batch(a, b))


def same(
    one: sv.Detections, other: sv.Detections, pixels: float, confidence: float, lowest: float = CONFIDENCE
) -> None:
    """Everything that either finds with confidence to spare, the other finds too: same class, box and confidence."""
    for a, b in ((one, other), (other, one)):
        for box, score, label in zip(a.xyxy, a.confidence, a.class_id, strict=True):
            if score < lowest + confidence:
                continue
            alike = [
                i
                for i in range(len(b))
                if b.class_id[i] == label
                and np.abs(b.xyxy[i] - box).max() <= pixels
                and abs(b.confidence[i] - score) <= confidence
            ]
            assert alike, f"{label} {score:.3f} {box} is not among {b.xyxy} {b.confidence} {b.class_id}"


def road_users(found: sv.Detections) -> sv.Detections:
    kept = found[(found.class_id < len(LABELS)) & (found.confidence >= CONFIDENCE - 0.02)]
    assert isinstance(kept, sv.Detections)
    return kept


def ultralytics_boxes(model_path: Path, images: list[Image]) -> list[sv.Detections]:
    """What `yolo predict` gives: all labels compete, suppression per class; here only the boxes of road users."""
    from ultralytics import YOLO

    model = YOLO(model_path, task="detect")
    found = []
    for image in images:
        boxes = model.predict(image, imgsz=640, conf=CONFIDENCE - 0.02, iou=0.7, device="cpu", verbose=False)[0].boxes
        labels = [model.names[int(i)] for i in boxes.cls]
        keep = [i for i, label in enumerate(labels) if label in LABELS]
        found.append(
            sv.Detections(
                xyxy=boxes.xyxy.numpy()[keep].reshape(-1, 4),
                confidence=boxes.conf.numpy()[keep],
                class_id=np.array([LABELS.index(labels[i]) for i in keep], int),
            )
        )
    return found


def without_contested(found: sv.Detections, reference: sv.Detections) -> sv.Detections:
    """Our boxes, without those where Ultralytics saw something that is no road user: we take its second choice."""
    if not len(found) or not len(reference):
        return found
    kept = found[iou(found.xyxy, reference.xyxy).max(axis=1) > 0.5]
    assert isinstance(kept, sv.Detections)
    return kept


def compare(ours: OpenVinoYolo, model_path: Path, images: list[Image]) -> int:
    found = 0
    for image, reference in zip(images, ultralytics_boxes(model_path, images), strict=True):
        mine = road_users(ours.submit(image).result())
        same(without_contested(mine, reference), reference, pixels=1.0, confidence=0.02)
        found += len(reference)
    return found


def test_the_sample_video_gives_what_ultralytics_gives(
    ours: OpenVinoYolo, default_model_path: Path, sample_video: Path
) -> None:
    assert compare(ours, default_model_path, frames_of(sample_video, 0, 60, 150, 311)) > 15


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("clip", "frame", "least"),
    [
        ("bgs_avenue.avi", 150, 1),
        ("nl_motorway.mp4", 60, 3),
        ("otc_cars-cyclist.mp4", 40, 2),
        ("TUD-Stadtmitte.mp4", 30, 4),
        ("intel_pbc.mp4", 20, 0),
    ],
)
def test_other_recordings_give_what_ultralytics_gives(
    ours: OpenVinoYolo, default_model_path: Path, shared_data: Path, clip: str, frame: int, least: int
) -> None:
    assert compare(ours, default_model_path, frames_of(shared_data / "clips" / clip, frame)) >= least


@pytest.mark.parametrize(
    ("top", "bottom", "left", "right"),
    [(0, 576, 0, 333), (200, 301, 0, 768), (0, 576, 100, 401), (3, 574, 5, 762), (150, 350, 200, 400)],
)
def test_pictures_of_any_shape(
    ours: OpenVinoYolo, default_model_path: Path, sample_video: Path, top: int, bottom: int, left: int, right: int
) -> None:
    (image,) = frames_of(sample_video, 60)
    compare(ours, default_model_path, [np.ascontiguousarray(image[top:bottom, left:right])])


def test_both_engines_of_ours_are_alike(ours: OpenVinoYolo, theirs: UltralyticsYolo, sample_video: Path) -> None:
    assert ours.labels == theirs.labels == (*LABELS, OTHER_LABEL)
    for image in frames_of(sample_video, 60, 150):
        mine, reference = (road_users(detector.submit(image).result()) for detector in (ours, theirs))
        same(without_contested(mine, reference), reference, pixels=1.0, confidence=0.02)


def test_an_empty_picture_holds_nobody(ours: OpenVinoYolo) -> None:
    found = ours.submit(np.full((480, 640, 3), 114, np.uint8)).result()
    assert len(found) == 0
    assert found.xyxy.shape == (0, 4)
    assert found.confidence is not None
    assert found.class_id is not None


def test_answers_belong_to_their_pictures(ours: OpenVinoYolo, sample_video: Path) -> None:
    """Many at once, of two sizes: every future holds what its picture alone gives."""
    images = frames_of(sample_video, 0, 60, 150, 311)
    images += [np.ascontiguousarray(image[::2, ::2]) for image in images]
    alone = [ours.submit(image).result() for image in images]
    futures = [ours.submit(image) for image in images * 3]
    for i, future in enumerate(futures):
        expected = alone[i % len(images)]
        assert np.allclose(future.result().xyxy, expected.xyxy, atol=1e-2)


@pytest.mark.parametrize("size", [(768, 576), (640, 480), (640, 400)])
def test_a_caller_may_use_its_picture_again(ours: OpenVinoYolo, sample_video: Path, size: tuple[int, int]) -> None:
    """The picture is copied by `submit`, so the next frame may be decoded into the same memory."""
    (image,) = frames_of(sample_video, 60)
    image = np.asarray(cv2.resize(image, size), np.uint8)
    expected = ours.submit(image.copy()).result()
    reused = image.copy()
    future = ours.submit(reused)
    reused[:] = 0
    assert np.allclose(future.result().xyxy, expected.xyxy, atol=1e-2)


def test_the_export_is_made_once_and_kept(default_model_path: Path, exported: Path) -> None:
    before = (exported / "yolov8n.xml").stat().st_mtime_ns
    assert openvino_model(default_model_path, exported.parent) == exported
    assert (exported / "yolov8n.xml").stat().st_mtime_ns == before
    assert openvino_model(exported, exported.parent) == exported  # an OpenVINO model is taken as it is
    assert not [path for path in exported.parent.iterdir() if path.name.startswith("tmp")]


def test_an_openvino_file_is_as_good_as_its_folder(exported: Path, ours: OpenVinoYolo, sample_video: Path) -> None:
    (image,) = frames_of(sample_video, 60)
    with closing(OpenVinoYolo(exported / "yolov8n.xml", LABELS)) as detector:
        assert np.allclose(detector.submit(image).result().xyxy, ours.submit(image).result().xyxy, atol=1e-2)


@pytest.fixture(scope="module")
def fixed(default_model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as Ultralytics exports it by default: for one input size only."""
    folder = tmp_path_factory.mktemp("fixed")
    shutil.copy(default_model_path, folder)
    command = "from ultralytics import YOLO; YOLO('yolov8n.pt').export(format='openvino', imgsz=(480, 640))"
    environment = os.environ | {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", command], cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "yolov8n_openvino_model"


def test_a_model_exported_for_one_size_takes_every_picture(
    fixed: Path, default_model_path: Path, sample_video: Path
) -> None:
    """Of a 4:3 picture it sees what the flexible model sees; one of another shape it sees smaller."""
    images = frames_of(sample_video, 60, 150)
    with closing(OpenVinoYolo(fixed, LABELS)) as detector:
        assert compare(detector, default_model_path, images) > 5
        wide = detector.submit(np.ascontiguousarray(images[0][100:400])).result()
        assert len(road_users(wide)) > 2
        assert wide.xyxy[:, 3].max() <= 300


def message_of(action: object) -> str:
    with pytest.raises(ModelError) as refused:
        action()  # type: ignore[operator]
    text = str(refused.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


FIRST = """
import sys
from pathlib import Path
import numpy as np
from detect.openvino import boxes
from detect.openvino.detector import OpenVinoYolo

detector = OpenVinoYolo(Path(sys.argv[1]), ("person",), first=(320, 240))
before = len(boxes.detections_of.signatures)
detector.submit(np.zeros((240, 320, 3), np.uint8)).result()
print(before, len(boxes.detections_of.signatures))
"""


def test_nothing_is_left_to_compile_when_the_first_picture_comes(exported: Path, repository: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FIRST, str(exported)], cwd=repository, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["1", "1"], told.stderr


class Fuse(ov.Op):  # type: ignore[misc]
    """Passes on what it gets, but fails where that is a white picture."""

    def __init__(self, inputs: list[Any]) -> None:
        super().__init__(self, inputs)

    def validate_and_infer_types(self) -> None:
        self.set_output_type(0, self.get_input_element_type(0), self.get_input_partial_shape(0))

    def clone_with_new_inputs(self, inputs: list[Any]) -> Fuse:
        return Fuse(inputs)

    def has_evaluate(self) -> bool:
        return True

    def evaluate(self, outputs: list[ov.Tensor], inputs: list[ov.Tensor]) -> bool:
        if inputs[0].data.min() > 0.99:
            raise RuntimeError("blown")
        inputs[0].copy_to(outputs[0])
        return True


def test_who_waits_for_an_inference_that_fails_is_told_and_the_next_one_works(
    exported: Path, sample_video: Path
) -> None:
    """OpenVINO calls nobody back then."""
    (image,) = frames_of(sample_video, 60)

    class WithFuse(OpenVinoYolo):
        def network(self, width: int, height: int) -> tuple[Letterbox, ov.Model]:
            letterbox, model = super().network(width, height)
            (parameter,) = model.get_parameters()
            readers = parameter.output(0).get_target_inputs()
            fuse = Fuse([parameter.output(0)])
            for reader in readers:
                reader.replace_source_output(fuse.output(0))
            return letterbox, model

    with closing(WithFuse(exported, LABELS, requests=2)) as detector:
        expected = detector.submit(image).result()
        assert len(expected) > 5
        for _ in range(3):
            failed = detector.submit(np.full_like(image, 255))
            assert "blown" in message_of(lambda failed=failed: failed.result(timeout=60))
            assert np.array_equal(detector.submit(image).result(timeout=60).xyxy, expected.xyxy)


def test_a_label_that_the_model_does_not_have(exported: Path) -> None:
    text = message_of(lambda: OpenVinoYolo(exported, (*LABELS, "scooter")))
    assert "no label 'scooter'" in text
    assert "bicycle" in text  # it says what there is
    assert "detector.road_users" in text


def test_a_device_that_is_not_there(exported: Path) -> None:
    text = message_of(lambda: OpenVinoYolo(exported, LABELS, device="XPU"))
    assert "'XPU'" in text
    assert "CPU" in text


def test_things_that_are_no_model(tmp_path: Path, exported: Path) -> None:
    assert "not an OpenVINO model" in message_of(lambda: OpenVinoYolo(tmp_path, LABELS))
    assert "not an OpenVINO model" in message_of(lambda: OpenVinoYolo(tmp_path / "no.xml", LABELS))
    broken = tmp_path / "broken_openvino_model"
    shutil.copytree(exported, broken)
    (broken / "yolov8n.xml").write_text("<net>", encoding="utf-8")
    with closing(OpenVinoYolo(broken, LABELS)) as detector:
        assert "cannot run" in message_of(lambda: detector.submit(np.zeros((64, 64, 3), np.uint8)))
    (broken / "metadata.yaml").unlink()
    assert "metadata.yaml" in message_of(lambda: OpenVinoYolo(broken, LABELS))


def test_a_text_file_is_no_model(tmp_path: Path) -> None:
    weights = tmp_path / "notes.pt"
    weights.write_text("these are not weights", encoding="utf-8")
    text = message_of(lambda: openvino_model(weights, tmp_path / "cache"))
    assert "notes.pt" in text
    assert "expected an Ultralytics detection model" in text
    assert list((tmp_path / "cache").iterdir()) == []
    assert "cannot load the model" in message_of(lambda: UltralyticsYolo(weights, LABELS, device="cpu"))


def test_weights_that_are_not_there(tmp_path: Path) -> None:
    assert "cannot read the model" in message_of(lambda: openvino_model(tmp_path / "none.pt", tmp_path))


def test_a_model_of_another_kind_is_refused(tmp_path: Path) -> None:
    """One that also segments gives another kind of output; taking it for boxes and scores would count nonsense."""
    command = (
        "from ultralytics import YOLO; YOLO('yolov8n-seg.yaml').save('other.pt');"
        "YOLO('other.pt').export(format='openvino', dynamic=True, imgsz=320)"
    )
    environment = os.environ | {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true", "YOLO_CONFIG_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, env=environment, check=True, capture_output=True)
    with closing(OpenVinoYolo(tmp_path / "other_openvino_model", ("0", "2"))) as detector:
        text = message_of(lambda: detector.submit(np.zeros((320, 320, 3), np.uint8)))
    assert "engine to ultralytics" in text
    assert "expected a detection model" in message_of(lambda: openvino_model(tmp_path / "other.pt", tmp_path / "cache"))


def test_onnx_weights_give_the_same_boxes(
    default_model_path: Path, tmp_path: Path, ours: OpenVinoYolo, sample_video: Path
) -> None:
    shutil.copy(default_model_path, tmp_path)
    command = "from ultralytics import YOLO; YOLO('yolov8n.pt').export(format='onnx', dynamic=True, simplify=False)"
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=True, capture_output=True)
    model = openvino_model(tmp_path / "yolov8n.onnx", tmp_path / "cache")
    (image,) = frames_of(sample_video, 60)
    with closing(OpenVinoYolo(model, LABELS)) as detector:
        same(road_users(detector.submit(image).result()), road_users(ours.submit(image).result()), 1.0, 0.02)


def test_an_onnx_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "notes.onnx"
    file.write_text("these are not weights", encoding="utf-8")
    assert str(file) in message_of(lambda: OpenVinoYolo(openvino_model(file, tmp_path), LABELS))
