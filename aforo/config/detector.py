"""The configuration of the detection model and of the engine that runs it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from aforo.config.base import Section, Word

DEFAULT_ROAD_USERS = {
    "person": "pedestrian",
    "bicycle": "cyclist",
    "motorcycle": "motorcyclist",
    "car": "car",
    "bus": "bus",
    "truck": "truck",
}
"""The labels of models trained on COCO. What a bicycle alone counts as is decided in `track.riders`."""


class DetectorSection(Section):
    """The model and the engine that runs it.

    >>> section = DetectorSection(road_users={"person": "pedestrian"})
    >>> section.model, section.image_size, section.road_users["person"]
    ('yolov8n', 640, 'pedestrian')
    """

    model: str = Field(
        default="yolov8n", description="A known model's name, or the path of a .pt, .onnx or OpenVINO model."
    )
    trusted_sha256: list[Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$")]] = Field(
        default_factory=list,
        description="SHA-256 of own models that may be loaded: a .pt runs whatever program its maker put into it. "
        "Known models, ONNX and OpenVINO need none; see `sha256sum FILE`.",
    )
    image_size: int = Field(
        default=640, ge=64, le=4096, multiple_of=32, description="Longer side of the network's input, pixels."
    )
    engine: Literal["auto", "openvino", "ultralytics"] = Field(
        default="auto", description="auto: OpenVINO on a CPU, Ultralytics where it finds a GPU."
    )
    device: str = Field(default="auto", description="auto, cpu, cuda:0 (Ultralytics), GPU or NPU (OpenVINO).")
    precision: Literal["auto", "f32", "bf16", "int8"] = Field(
        default="auto",
        description="Arithmetic of OpenVINO. auto: the fastest on this machine whose counts were found to agree with "
        "f32, looked for on the sample videos at the first use of a known model (about a minute), and on your own "
        "cameras by `aforo models quantise`; f32 while that is not known.",
    )
    motion_gate: bool = Field(
        default=False,
        description="Where a picture shows nothing new, take the network's last answer again instead of asking it: "
        "for streets that are empty for long. Such time counts as observed.",
    )
    road_users: dict[Word, Word] = Field(
        default_factory=lambda: dict(DEFAULT_ROAD_USERS),
        min_length=1,
        description="Which road user each label of the model is. Labels not named here are ignored.",
    )

    @model_validator(mode="after")
    def _arithmetic_of_openvino(self) -> DetectorSection:
        ultralytics = self.engine == "ultralytics" or (self.engine == "auto" and self.device.startswith("cuda"))
        if ultralytics and self.precision != "auto":
            raise ValueError(f"precision {self.precision} is of OpenVINO, and the engine is Ultralytics; leave it out")
        return self
