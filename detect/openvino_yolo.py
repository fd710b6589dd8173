"""YOLO on OpenVINO: the default engine on a CPU, without torch in the process.

Reads the folder or `.xml` that `detect.export` makes, or an `.onnx`. Several pictures are inferred at once by
OpenVINO's own request queue; the letterbox runs in the caller's thread, decoding of the output in the engine's.
"""

from __future__ import annotations

import ast
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import openvino as ov
import supervision as sv
import yaml

from aforo.errors import ModelError
from aforo.model import Image
from detect.letterbox import Letterbox

LOWEST_CONFIDENCE = 0.05
"""Boxes below this are noise even to the tracker's second association."""

NMS_IOU = 0.7
"""Ultralytics' default for prediction."""

OTHER_LABEL = "anything else"
"""The label of boxes that are most like something that is no road user: they may continue a track, never start one.

Seen from straight above, the same car is a car in one frame and a mobile phone in the next.
"""

OTHER_CONFIDENCE = 0.25
"""Boxes of other labels below this are not even worth that."""

_MOST_CANDIDATES = 1000


class OpenVinoYolo:
    """A `Detector` on OpenVINO.

    Args:
        model: an OpenVINO model folder with one `.xml`, or the `.xml`, whose metadata.yaml names the labels; or an
            `.onnx`, whose metadata do.
        labels: the labels to look for; the best of these wins even where the network likes another one (a boat, a
            suitcase) better. All others together come last, as `OTHER_LABEL`.
        image_size: longer side of the network's input, pixels.
        device: OpenVINO device, such as CPU, GPU or NPU.
        precision: of the arithmetic: f32 or bf16. An INT8 model is INT8 by itself; this is for what it leaves in float.
        cache: folder for compiled models, which make the next start quick; None compiles anew.
        requests: pictures under way at once; 0 takes two per core, so that none waits while an answer is read.

    Attributes:
        capacity: pictures under way at once.

    Raises:
        ModelError: not an OpenVINO detection model, labels it does not have, or a device that is not there.
    """

    def __init__(
        self,
        model: Path,
        labels: tuple[str, ...],
        *,
        image_size: int = 640,
        device: str = "CPU",
        precision: str = "f32",
        cache: Path | None = None,
        requests: int = 0,
    ) -> None:
        self._file = model_file(model)
        self._core = ov.Core()
        names = _label_names(self._core, self._file)
        self._rows = 4 + len(names)
        missing = [label for label in labels if label not in names]
        if missing:
            raise ModelError(
                f"the model {model} has no label {missing[0]!r}; it has: {', '.join(names)}; "
                "map its own labels under detector.road_users"
            )
        self._labels = labels
        self._columns = np.array([4 + names.index(label) for label in labels])
        self._other_columns = np.array([4 + i for i, name in enumerate(names) if name not in labels], dtype=int)
        self._image_size = image_size
        self._device = device
        self._precision = precision
        self.capacity = requests or 2 * (os.cpu_count() or 1)
        if cache is not None:
            self._core.set_property({"CACHE_DIR": str(cache)})
        if device.split(".")[0] not in {name.split(".")[0] for name in self._core.available_devices}:
            raise ModelError(
                f"OpenVINO finds no device {device!r} here; it has: {', '.join(self._core.available_devices)}; "
                "set detector.device to one of these or to auto"
            )
        self._engines: dict[tuple[int, int], tuple[Letterbox, ov.AsyncInferQueue]] = {}
        self._lock = threading.Lock()
        self._starting = threading.Lock()
        self.description = (
            f"OpenVINO {ov.__version__.split('-')[0]} on {device}, {model.name}, {image_size} px, "
            f"{'int8' if is_quantised(self._file) else precision}"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The label per class id."""
        return (*self._labels, OTHER_LABEL)

    def submit(self, image: Image) -> Future[sv.Detections]:
        """Start detection; see `aforo.protocols.Detector`."""
        letterbox, queue = self._engine(image.shape[1], image.shape[0])
        future: Future[sv.Detections] = Future()
        picture = letterbox.apply(image)[None]
        with self._starting:  # two threads that wait in the queue of OpenVINO's binding may be given the same request
            queue.start_async(picture, userdata=(future, letterbox))
        return future

    def detect_in_steps(self, image: Image, over: Callable[[str], None]) -> sv.Detections:
        """Detection of one picture, step after step, for benchmarks; `over` is told the name of each when it ends."""
        letterbox, queue = self._engine(image.shape[1], image.shape[0])
        picture = letterbox.apply(image)[None]
        over("letterbox")
        output = queue[0].get_compiled_model()(picture)[0]
        over("infer")
        detections = self._decode(output[0], letterbox)
        over("nms")
        return detections

    def close(self) -> None:
        """Wait for what is under way."""
        for _, queue in self._engines.values():
            queue.wait_all()

    def _engine(self, width: int, height: int) -> tuple[Letterbox, ov.AsyncInferQueue]:
        with self._lock:
            if (width, height) not in self._engines:
                self._engines[width, height] = self._compile(width, height)
            return self._engines[width, height]

    def _compile(self, width: int, height: int) -> tuple[Letterbox, ov.AsyncInferQueue]:
        try:
            model = self._core.read_model(self._file)
            shape = model.input().partial_shape
            if shape.is_static:  # exported for one input only, whatever image_size asks for
                letterbox = Letterbox.into(width, height, shape[3].get_length(), shape[2].get_length())
            else:
                letterbox = Letterbox.fit(width, height, self._image_size)
                model.reshape([1, 3, *letterbox.input_wh[::-1]])
            steps = ov.preprocess.PrePostProcessor(model)
            steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(
                ov.preprocess.ColorFormat.BGR
            )
            steps.input().model().set_layout(ov.Layout("NCHW"))
            steps.input().preprocess().convert_element_type(ov.Type.f32).convert_color(
                ov.preprocess.ColorFormat.RGB
            ).scale(255.0)
            compiled = self._core.compile_model(
                steps.build(),
                self._device,
                {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": self._precision},
            )
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot run {self._file} at {width}×{height} on {self._device}: {one_line(error)}"
            ) from error
        output = compiled.output(0).partial_shape
        if not (output.rank.get_length() == 3 and output[1].is_static and output[1].get_length() == self._rows):  # noqa: PLR2004
            raise ModelError(
                f"the model {self._file} gives {output}, expected [1,{self._rows},…] as a YOLO detection model without "
                "built-in suppression does; set detector.engine to ultralytics, which runs others too"
            )
        queue = ov.AsyncInferQueue(compiled, self.capacity)
        queue.set_callback(self._on_result)
        return letterbox, queue

    def _on_result(self, request: Any, userdata: tuple[Future[sv.Detections], Letterbox]) -> None:
        future, letterbox = userdata
        try:
            future.set_result(self._decode(request.get_output_tensor(0).data[0], letterbox))
        except Exception as error:  # a failure must reach whoever waits for the future, or they wait for ever
            future.set_exception(ModelError(f"the output of {self._file} cannot be read: {error}"))

    def _decode(self, output: npt.NDArray[np.float32], letterbox: Letterbox) -> sv.Detections:
        """Boxes of one output, shape (4 + classes, anchors): centre x, centre y, width, height, score per class."""
        seen = np.flatnonzero(output[4:].max(axis=0) > LOWEST_CONFIDENCE)  # most anchors see nothing at all
        output = output[:, seen]
        scores = output[self._columns]
        best, confidence = scores.argmax(axis=0), scores.max(axis=0)
        if len(self._other_columns):
            other = output[self._other_columns].max(axis=0)
            weak = (confidence <= LOWEST_CONFIDENCE) & (other > OTHER_CONFIDENCE)
            confidence, best = np.where(weak, other, confidence), np.where(weak, len(self._columns), best)
        keep = np.flatnonzero(confidence > LOWEST_CONFIDENCE)
        if len(keep) > _MOST_CANDIDATES:
            keep = keep[np.argsort(-confidence[keep])[:_MOST_CANDIDATES]]
        if not len(keep):
            return empty_detections()
        confidence, best = confidence[keep], best[keep]
        centre, size = output[:2, keep].T, output[2:4, keep].T
        xywh = np.hstack([centre - size / 2, size])
        chosen = np.asarray(
            cv2.dnn.NMSBoxesBatched(xywh.tolist(), confidence, best.astype(np.int32), LOWEST_CONFIDENCE, NMS_IOU),
            dtype=int,
        ).reshape(-1)
        xyxy = np.hstack([xywh[chosen, :2], xywh[chosen, :2] + xywh[chosen, 2:]]).astype(np.float32)
        return sv.Detections(
            xyxy=letterbox.restore(xyxy),
            confidence=confidence[chosen].astype(np.float32),
            class_id=best[chosen].astype(int),
        )


def empty_detections() -> sv.Detections:
    """No detections, with all columns present."""
    return sv.Detections(
        xyxy=np.empty((0, 4), np.float32), confidence=np.empty(0, np.float32), class_id=np.empty(0, int)
    )


def is_quantised(model: Path) -> bool:
    """Whether an OpenVINO model (folder or file) was made by `detect.quantise`, or by NNCF elsewhere."""
    file = model if model.is_file() else next(iter(model.glob("*.xml")), model)
    if file.suffix != ".xml" or not file.is_file():
        return False
    return b'type="FakeQuantize"' in file.read_bytes()


def metadata_of(file: Path) -> Path:
    """Where Ultralytics' export keeps the labels of an OpenVINO model file."""
    return file.parent / "metadata.yaml"


def model_file(model: Path) -> Path:
    """The file of an OpenVINO model: of a folder its one `.xml`.

    Raises:
        ModelError: there is none, or several.
    """
    found = [model] if model.suffix in (".xml", ".onnx") else sorted(model.glob("*.xml"))
    if len(found) != 1 or not found[0].is_file():
        raise ModelError(
            f"{model} is not an OpenVINO model: expected a folder with one .xml file in it, that file, or an .onnx file"
        )
    return found[0]


def _label_names(core: ov.Core, file: Path) -> list[str]:
    """The model's labels, as Ultralytics' export writes them beside or into it."""
    where = file if file.suffix == ".onnx" else metadata_of(file)
    try:
        if file.suffix == ".onnx":
            names = ast.literal_eval(core.read_model(file).get_rt_info(["framework", "names"]).astype(str))
        else:
            names = yaml.safe_load(where.read_text(encoding="utf-8"))["names"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, RuntimeError, ValueError, SyntaxError) as error:
        raise ModelError(
            f"{where} must name the model's labels as Ultralytics' export does: {one_line(error)}"
        ) from error
    return [str(names[index]) for index in sorted(names)] if isinstance(names, Mapping) else [str(n) for n in names]


def one_line(error: Exception) -> str:
    """What a library had to say, without line ends."""
    return " ".join(str(error).split()) or type(error).__name__
