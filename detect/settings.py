"""What every detector is asked for; imports no engine."""

from __future__ import annotations

from dataclasses import dataclass

from aforo.model import LOWEST_CONFIDENCE, LOWEST_MACHINE_CONFIDENCE


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """The wanted detector, whichever engine runs it.

    Attributes:
        model: the model's name or path as it was configured, for people and for what its ending tells.
        labels: the wanted labels of the model; all others come as `detect.limits.OTHER_LABEL`.
        unsure_labels: those of them whose boxes are told from `aforo.model.LOWEST_MACHINE_CONFIDENCE` on.
        image_size: longer side of the network's input, pixels.
        device: auto, cpu, or a device in the words of its engine: cuda:0, GPU, NPU, ...
    """

    model: str
    labels: tuple[str, ...]
    unsure_labels: frozenset[str]
    image_size: int
    device: str


def lowest_confidences(labels: tuple[str, ...], unsure_labels: frozenset[str]) -> tuple[float, ...]:
    """The lowest confidence, 0..1, from which the boxes of each label are told."""
    return tuple(LOWEST_MACHINE_CONFIDENCE if label in unsure_labels else LOWEST_CONFIDENCE for label in labels)
