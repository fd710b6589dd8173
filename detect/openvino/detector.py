"""YOLO on OpenVINO: the default engine on a CPU, without torch in the process.

Reads the folder or `.xml` that `detect.openvino.export` makes, or an `.onnx`. Several pictures are inferred at once,
each in a slot with memory of its own; the letterbox runs in the caller's thread, decoding of the output in the
engine's.
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
from aforo.model import LOWEST_CONFIDENCE, Image
from detect.limits import NMS_IOU, OTHER_CONFIDENCE, OTHER_LABEL, one_line
from detect.openvino import boxes
from detect.openvino.boxes import Fit
from detect.openvino.letterbox import PAD_VALUE, Letterbox
from detect.openvino.model_files import _label_names, is_quantised, model_file
from detect.openvino.network_head import Head, cut

_MOST_CANDIDATES = 1000
_WATCH_EVERY_S = 1.0


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
        first: width and height of the pictures that will come first; the network for other sizes is compiled when
            they come.

    Attributes:
        capacity: pictures under way at once.
        columns: number of each label in the network.

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
        first: tuple[int, int] | None = None,
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
                beside.submit(self._engine, *first)  # what it raises is raised again when such a picture comes
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

    def detect_in_steps(self, image: Image, over: Callable[[str], None]) -> sv.Detections:
        """Detection of one picture, step after step, for benchmarks; `over` is told the name of each when it ends."""
        engine = self._engine(image.shape[1], image.shape[0])
        slot = engine.idle.get()
        engine.letterbox.write(image, slot.picture)
        over("letterbox")
        slot.request.infer(share_outputs=True)
        over("infer")
        detections = engine.detections(slot)
        over("nms")
        engine.idle.put(slot)
        return detections

    def close(self) -> None:
        """Wait for what is under way."""
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
        """The network for pictures of one size, as it is in its file, and how they are fitted into it.

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
        if not output.is_static or len(output) != 3 or output[1].get_length() != self._rows:  # noqa: PLR2004
            raise ModelError(
                f"the model {self._file} gives {output}, expected [1,{self._rows},…] as a YOLO detection model "
                "without built-in suppression does; set detector.engine to ultralytics, which runs others too"
            )
        return letterbox, model

    def _compile(self, width: int, height: int) -> _Engine:
        try:
            letterbox, model = self.network(width, height)
            model, head = cut(model, self.columns, LOWEST_CONFIDENCE, OTHER_CONFIDENCE)
            compiled = self._core.compile_model(
                with_pictures(model),
                self._device,
                {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": self._precision},
            )
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot run {self._file} at {width}×{height} on {self._device}: {one_line(error)}"
            ) from error
        engine = _Engine(letterbox, letterbox.way_back, head, compiled)
        for _ in range(self.capacity):
            engine.add_slot(self._on_result)
        return engine

    def _on_result(self, userdata: tuple[_Engine, _Slot]) -> None:
        engine, slot = userdata
        future, slot.waiting = slot.waiting, None
        assert future is not None  # noqa: S101 (it waits since the picture was handed over)
        try:
            detections = engine.detections(slot)
        except Exception as error:  # a failure must reach whoever waits for the future, or they wait for ever
            engine.idle.put(slot)
            future.set_exception(ModelError(f"the output of {self._file} cannot be read: {error}"))
        else:
            engine.idle.put(slot)
            future.set_result(detections)

    def _watch(self) -> None:
        """Tell whoever waits for an inference that failed: OpenVINO itself tells nobody."""
        while not self._closed.wait(_WATCH_EVERY_S):
            for engine in tuple(self._engines.values()):
                for slot in tuple(engine.slots):
                    try:
                        slot.request.wait_for(0)
                    except RuntimeError as error:
                        self._fail(engine, slot, error)

    def _fail(self, engine: _Engine, slot: _Slot, error: RuntimeError) -> None:
        """Tell whoever waits for a slot that failed, and put another in its place: its request would fail on."""
        future, slot.waiting = slot.waiting, None
        if future is None:
            return
        future.set_exception(ModelError(f"OpenVINO failed in {self._file} on {self._device}: {one_line(error)}"))
        try:
            engine.add_slot(self._on_result)
        except RuntimeError:  # the device is lost: who takes this slot is told the same
            engine.idle.put(slot)
        else:
            engine.slots.remove(slot)


@dataclass(slots=True, eq=False)
class _Slot:
    """One picture under way at a time, and the memory of OpenVINO's that it and its answers stand in.

    Attributes:
        request: of OpenVINO.
        picture: the network's input.
        outputs: its answers, as `Head.read` takes them.
        waiting: who waits for the answer; None while nothing is under way.
    """

    request: ov.InferRequest
    picture: Image
    outputs: tuple[Any, ...]
    waiting: Future[sv.Detections] | None = None


@dataclass(frozen=True, slots=True)
class _Engine:
    """The network for pictures of one size, its slots, and those that are idle."""

    letterbox: Letterbox
    way_back: Fit
    head: Head
    compiled: ov.CompiledModel
    slots: list[_Slot] = field(default_factory=list)
    idle: queue.SimpleQueue[_Slot] = field(default_factory=queue.SimpleQueue)

    def add_slot(self, on_result: Callable[[tuple[_Engine, _Slot]], None]) -> None:
        """One more, whose answers are given to `on_result`, with the engine."""
        request = self.compiled.create_infer_request()
        request.set_callback(on_result, None)
        picture, *outputs = (tensor.data[0] for tensor in (*request.input_tensors, *request.output_tensors))
        picture[:] = PAD_VALUE
        slot = _Slot(request, picture, self.head.arranged(outputs))
        self.slots.append(slot)
        self.idle.put(slot)

    def detections(self, slot: _Slot) -> sv.Detections:
        """What was found, in a slot that is done."""
        found = self.head.read(slot.outputs, self.way_back, NMS_IOU, _MOST_CANDIDATES)
        return sv.Detections(xyxy=found.xyxy, confidence=found.confidence, class_id=found.class_id)


def with_pictures(model: ov.Model) -> ov.Model:
    """The network with pictures of bytes, (1, height, width, 3) BGR, for its input, and outputs of 32-bit floats."""
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
