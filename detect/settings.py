"""What every detector is asked for; imports no engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The wanted detector, whichever engine runs it.

    Attributes:
        model: the model's name or path as it was configured, for people and for what its ending tells.
        labels: the wanted labels of the model; all others come as `detect.limits.OTHER_LABEL`.
        image_size: longer side of the network's input, pixels.
        device: auto, cpu, or a device in the words of its engine: cuda:0, GPU, NPU, ...
    """

    model: str
    labels: tuple[str, ...]
    image_size: int
    device: str
