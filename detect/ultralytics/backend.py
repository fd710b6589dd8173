"""Ultralytics as an engine: when it is taken, how it is opened, and what `aforo doctor` says of it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aforo.doctor_finding import Finding
from detect.settings import DetectorSettings
from detect.ultralytics.cuda import check_cuda, cuda_is_available

if TYPE_CHECKING:
    from detect.ultralytics.detector import UltralyticsYolo


class UltralyticsBackend:
    """A `DetectorBackend` on Ultralytics: every model and device that it supports.

    Args:
        settings: the wanted detector.
    """

    def __init__(self, settings: DetectorSettings) -> None:
        self._settings = settings

    def suits(self) -> bool:
        """For CUDA, for TensorRT's engines, and where no device was chosen and there is a GPU."""
        device = self._settings.device
        if device.startswith("cuda") or Path(self._settings.model).suffix == ".engine":
            return True
        return device == "auto" and cuda_is_available()

    def open(self, model: Path, first: tuple[int, int] | None = None) -> UltralyticsYolo:  # noqa: ARG002
        """Load a model; it needs nothing made ready for its first pictures.

        Raises:
            ModelError: it cannot be loaded, or the device is missing.
        """
        from detect.ultralytics.detector import UltralyticsYolo

        settings = self._settings
        return UltralyticsYolo(
            model,
            settings.labels,
            unsure_labels=settings.unsure_labels,
            image_size=settings.image_size,
            device=settings.device,
        )

    def check(self, *, needed: bool) -> Iterator[Finding]:
        """Whether torch and Ultralytics are installed, neither of which is loaded, and what the GPU's driver says."""
        for name in ("torch", "ultralytics"):
            try:
                yield Finding(name, True, importlib.metadata.version(name))
            except importlib.metadata.PackageNotFoundError:
                yield Finding(name, False if needed else None, "not installed", f"pip install {name}")
        yield check_cuda(needed=self._settings.device.startswith("cuda"))
