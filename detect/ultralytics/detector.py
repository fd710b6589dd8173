"""YOLO on Ultralytics: any model and device it supports (CUDA, TensorRT engines, Apple, CPU)."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv

from aforo.errors import ModelError
from aforo.model import Image
from detect.limits import NMS_IOU, OTHER_CONFIDENCE, OTHER_LABEL, one_line
from detect.settings import lowest_confidences

_TASKS = {
    "classify": "classification",
    "obb": "rotated boxes (OBB)",
    "pose": "poses",
    "segment": "segmentation",
}


def _task(model: Any) -> str:
    """What a loaded model finds; an exported one tells only its back-end, not Ultralytics' own class."""
    if model.task != "detect":
        return str(model.task)
    backend = getattr(model.predictor, "model", None)
    return str(getattr(backend, "task", None) or "detect")


class UltralyticsYolo:
    """A `Detector` on Ultralytics.

    Args:
        model: a model that Ultralytics loads: `.pt`, `.engine`, `.onnx`, a folder.
        labels: the wanted labels; all others come as `OTHER_LABEL`.
        unsure_labels: see `DetectorSettings`.
        image_size: longer side of the network's input, pixels.
        device: auto, cpu, cuda:0, ...

    Raises:
        ModelError: the model cannot be loaded or lacks a label, or the device is missing.
    """

    capacity = 1

    def __init__(
        self,
        model: Path,
        labels: tuple[str, ...],
        *,
        unsure_labels: frozenset[str] = frozenset(),
        image_size: int = 640,
        device: str = "auto",
    ) -> None:
        import torch
        import ultralytics

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ModelError(f"there is no CUDA device here for detector.device {device!r}; set it to auto or cpu")
        if model.suffix == ".engine" and not torch.cuda.is_available():
            raise ModelError(
                f"{model} is a TensorRT engine and there is no CUDA device here; use the .pt it was made of"
            )
        self._device = ("cuda:0" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self._image_size = image_size
        try:
            self._model = ultralytics.YOLO(str(model), task="detect")
            names: dict[int, str] = self._model.names
        except Exception as error:  # Ultralytics passes on the errors of its many back-ends
            raise ModelError(f"Ultralytics cannot load the model {model}: {one_line(error)}") from error
        if (task := _task(self._model)) != "detect":
            raise ModelError(f"{model}: expected a detection model, got one for {_TASKS.get(task, task)}")
        missing = [label for label in labels if label not in names.values()]
        if missing:
            raise ModelError(f"the model {model} has no label {missing[0]!r}; it has: {', '.join(names.values())}")
        self._labels = labels
        self._lowest = np.array([*lowest_confidences(labels, unsure_labels), OTHER_CONFIDENCE], np.float32)
        self._class_of = np.array(
            [labels.index(names[i]) if names[i] in labels else len(labels) for i in sorted(names)]
        )
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ultralytics")
        self.description = f"Ultralytics {ultralytics.__version__} on {self._device}, {model.name}, {image_size} px"

    @property
    def labels(self) -> tuple[str, ...]:
        """The label per class id."""
        return (*self._labels, OTHER_LABEL)

    def submit(self, image: Image) -> Future[sv.Detections]:
        """Start detection; see `aforo.ports.Detector`."""
        return self._executor.submit(self._detect, image)

    def close(self) -> None:
        """Wait for all pictures in inference."""
        self._executor.shutdown(wait=True)

    def _detect(self, image: Image) -> sv.Detections:
        try:
            result = self._model.predict(
                image,
                imgsz=self._image_size,
                conf=float(self._lowest.min()),
                iou=NMS_IOU,
                device=self._device,
                verbose=False,
            )[0]
        except Exception as error:  # as above
            raise ModelError(f"Ultralytics failed on {self._device}: {one_line(error)}") from error
        boxes = result.boxes
        class_id = self._class_of[boxes.cls.cpu().numpy().astype(int)]
        confidence = boxes.conf.cpu().numpy().astype(np.float32)
        keep = confidence > self._lowest[class_id]
        return sv.Detections(
            xyxy=boxes.xyxy.cpu().numpy().astype(np.float32)[keep], confidence=confidence[keep], class_id=class_id[keep]
        )
