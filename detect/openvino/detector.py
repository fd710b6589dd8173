"""YOLO on OpenVINO: the default engine on a CPU, without torch in the process.

Reads the folder or `.xml` that `detect.openvino.export` makes, or an `.onnx`. Several pictures are inferred at once,
each in a slot with its own memory; letterboxing runs in the caller's thread, reading of the output in OpenVINO's.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openvino as ov
import supervision as sv

from aforo.errors import ModelError
from aforo.model import Image
from detect.limits import NMS_IOU, OTHER_CONFIDENCE, OTHER_LABEL, one_line
from detect.openvino import boxes, end_to_end
from detect.openvino.boxes import Placement
from detect.openvino.end_to_end import EndToEndHead
from detect.openvino.letterbox import PAD_VALUE, Letterbox
from detect.openvino.model_files import is_quantised, label_names, model_file
from detect.openvino.network_head import Head, cut
from detect.settings import lowest_confidences

_MOST_CANDIDATES = 1000
_WATCH_EVERY_S = 1.0


class OpenVinoYolo:
    """A `Detector` on OpenVINO.

    Args:
        model: an OpenVINO model folder with one `.xml`, or the `.xml`, whose metadata.yaml names the labels; or an
            `.onnx`, whose metadata do.
        labels: the wanted labels; the best of these wins even if another one (boat, suitcase) has a higher score. All
            others together come last, as `OTHER_LABEL`.
        unsure_labels: see `DetectorSettings`.
        image_size: longer side of the network's input, pixels.
        device: OpenVINO device, such as CPU, GPU or NPU.
        precision: arithmetic of the layers in float: f32 or bf16; those of an INT8 model stay INT8.
        cache: folder for compiled models, which make the next start quick; None compiles anew.
        requests: most pictures in inference at once; 0 takes two per core, so that inference goes on while outputs are
            read.
        first: width and height of the first pictures, pixels; networks for other sizes are compiled when needed.

    Attributes:
        capacity: most pictures in inference at once.
        columns: for each wanted label, its column among the network's scores.

    Raises:
        ModelError: not an OpenVINO detection model, labels it does not have, or a device that is not there.
    """

    def __init__(
        self,
        model: Path,
        labels: tuple[str, ...],
        *,
        unsure_labels: frozenset[str] = frozenset(),
        image_size: int = 640,
        device: str = "CPU",
        precision: str = "f32",
        cache: Path | None = None,
        requests: int = 0,
        first: tuple[int, int] | None = None,
    ) -> None:
        self._file = model_file(model)
        self._core = ov.Core()
        names = label_names(self._core, self._file)
        self._rows = 4 + len(names)
        missing = [label for label in labels if label not in names]
        if missing:
            raise ModelError(
                f"the model {model} has no label {missing[0]!r}; it has: {', '.join(names)}; "
                "map its own labels under detector.road_users"
            )
        self._labels = labels
        self._lowest = lowest_confidences(labels, unsure_labels)
        self.columns = [names.index(label) for label in labels]
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
        self._engines: dict[tuple[int, int], _Engine] = {}
        self._lock = threading.Lock()
        with ThreadPoolExecutor(max_workers=1) as beside:
            if first is not None:
                beside.submit(self._engine, *first)  # an error is raised again by `submit`
            boxes.compile_all()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watch inference", daemon=True).start()
        self.description = (
            f"OpenVINO {ov.__version__.split('-')[0]} on {device}, {model.name}, {image_size} px, "
            f"{'int8' if is_quantised(self._file) else precision}"
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The label per class id."""
        return (*self._labels, OTHER_LABEL)

    def submit(self, image: Image) -> Future[sv.Detections]:
        """Start detection; see `aforo.ports.Detector`."""
        engine = self._engine(image.shape[1], image.shape[0])
        future: Future[sv.Detections] = Future()
        slot = engine.idle.get()
        try:
            engine.letterbox.write(image, slot.picture)
            slot.waiting = future
            slot.request.start_async(userdata=(engine, slot))
        except BaseException:
            slot.waiting = None
            engine.idle.put(slot)
            raise
        return future

    def detect_in_steps(self, image: Image, on_step: Callable[[str], None]) -> sv.Detections:
        """Detect in one picture, for benchmarks; `on_step` is called with the name of each step at its end."""
        engine = self._engine(image.shape[1], image.shape[0])
        slot = engine.idle.get()
        engine.letterbox.write(image, slot.picture)
        on_step("letterbox")
        slot.request.infer(share_outputs=True)
        on_step("infer")
        detections = engine.detections(slot)
        on_step("nms")
        engine.idle.put(slot)
        return detections

    def close(self) -> None:
        """Wait for all pictures in inference."""
        for engine in self._engines.values():
            for slot in [engine.idle.get() for _ in range(self.capacity)]:
                engine.idle.put(slot)
        self._closed.set()

    def _engine(self, width: int, height: int) -> _Engine:
        with self._lock:
            if (width, height) not in self._engines:
                self._engines[width, height] = self._compile(width, height)
            return self._engines[width, height]

    def network(self, width: int, height: int) -> tuple[Letterbox, ov.Model]:
        """The network for pictures of one size, as in its file, and the letterbox for these.

        Raises:
            ModelError: its output is not that of a YOLO detection model.
        """
        model = self._core.read_model(self._file)
        shape = model.input().partial_shape
        if shape.is_static:  # exported for one input only, whatever image_size asks for
            letterbox = Letterbox.into(width, height, shape[3].get_length(), shape[2].get_length())
        else:
            letterbox = Letterbox.fit(width, height, self._image_size)
            model.reshape([1, 3, *letterbox.input_wh[::-1]])
        output = model.outputs[0].partial_shape
        if not output.is_static or len(output) != 3 or not (self._is_raw(output) or _is_end_to_end(output)):  # noqa: PLR2004
            raise ModelError(
                f"the model {self._file} gives {output}, expected [1,{self._rows},…] or [1,…,{end_to_end.COLUMNS}], as "
                "YOLO detection models do; set detector.engine to ultralytics, which runs others too"
            )
        return letterbox, model

    def _is_raw(self, output: ov.PartialShape) -> bool:
        return bool(output[1].get_length() == self._rows)

    def _compile(self, width: int, height: int) -> _Engine:
        try:
            letterbox, model = self.network(width, height)
            head: Head | EndToEndHead
            if self._is_raw(model.outputs[0].partial_shape):
                model, head = cut(model, self.columns, self._lowest, OTHER_CONFIDENCE)
            else:
                head = EndToEndHead(self.columns, self._lowest, OTHER_CONFIDENCE)
            compiled = self._core.compile_model(
                with_picture_input(model),
                self._device,
                {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": self._precision},
            )
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot run {self._file} at {width}×{height} on {self._device}: {one_line(error)}"
            ) from error
        engine = _Engine(letterbox, letterbox.placement, head, compiled)
        for _ in range(self.capacity):
            engine.add_slot(self._on_result)
        return engine

    def _on_result(self, userdata: tuple[_Engine, _Slot]) -> None:
        engine, slot = userdata
        future, slot.waiting = slot.waiting, None
        assert future is not None  # noqa: S101 (set when the picture was submitted)
        try:
            detections = engine.detections(slot)
        except Exception as error:  # must reach the caller, who waits for the future
            engine.idle.put(slot)
            future.set_exception(ModelError(f"the output of {self._file} cannot be read: {error}"))
        else:
            engine.idle.put(slot)
            future.set_result(detections)

    def _watch(self) -> None:
        """Find inferences that failed: OpenVINO does not call back for these."""
        while not self._closed.wait(_WATCH_EVERY_S):
            for engine in tuple(self._engines.values()):
                for slot in tuple(engine.slots):
                    try:
                        slot.request.wait_for(0)
                    except RuntimeError as error:
                        self._fail(engine, slot, error)

    def _fail(self, engine: _Engine, slot: _Slot, error: RuntimeError) -> None:
        """Fail the future of a slot and replace the slot: its request would fail again."""
        future, slot.waiting = slot.waiting, None
        if future is None:
            return
        future.set_exception(ModelError(f"OpenVINO failed in {self._file} on {self._device}: {one_line(error)}"))
        try:
            engine.add_slot(self._on_result)
        except RuntimeError:  # the device is lost: the next picture in this slot fails, too
            engine.idle.put(slot)
        else:
            engine.slots.remove(slot)


def _is_end_to_end(output: ov.PartialShape) -> bool:
    return bool(output[2].get_length() == end_to_end.COLUMNS)


@dataclass(slots=True, eq=False)
class _Slot:
    """An inference request, and OpenVINO's memory for its input and outputs.

    Attributes:
        request: of OpenVINO.
        picture: the network's input, (height, width, 3) BGR, 0..255.
        outputs: as `Head.read` takes them.
        waiting: the future of the picture in inference; None while idle.
    """

    request: ov.InferRequest
    picture: Image
    outputs: tuple[Any, ...]
    waiting: Future[sv.Detections] | None = None


@dataclass(frozen=True, slots=True)
class _Engine:
    """The compiled network for pictures of one size, with all its slots and the idle ones."""

    letterbox: Letterbox
    placement: Placement
    head: Head | EndToEndHead
    compiled: ov.CompiledModel
    slots: list[_Slot] = field(default_factory=list)
    idle: queue.SimpleQueue[_Slot] = field(default_factory=queue.SimpleQueue)

    def add_slot(self, on_result: Callable[[tuple[_Engine, _Slot]], None]) -> None:
        """Add an idle slot; `on_result` is called with the engine and the slot at the end of each inference."""
        request = self.compiled.create_infer_request()
        request.set_callback(on_result, None)
        picture, *outputs = (tensor.data[0] for tensor in (*request.input_tensors, *request.output_tensors))
        picture[:] = PAD_VALUE
        slot = _Slot(request, picture, self.head.arrange(outputs))
        self.slots.append(slot)
        self.idle.put(slot)

    def detections(self, slot: _Slot) -> sv.Detections:
        """The detections of a slot whose inference has ended."""
        seen = self.head.read(slot.outputs, self.placement, NMS_IOU, _MOST_CANDIDATES)
        return sv.Detections(xyxy=seen.xyxy, confidence=seen.confidence, class_id=seen.class_id)


def with_picture_input(model: ov.Model) -> ov.Model:
    """The network with uint8 input (1, height, width, 3) BGR and float32 outputs."""
    steps = ov.preprocess.PrePostProcessor(model)
    for at in range(len(model.outputs)):
        steps.output(at).tensor().set_element_type(ov.Type.f32)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC")).set_color_format(
        ov.preprocess.ColorFormat.BGR
    )
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).convert_color(ov.preprocess.ColorFormat.RGB).scale(
        255.0
    )
    return steps.build()
