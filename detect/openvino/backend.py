"""OpenVINO as an engine: how it is opened, in which arithmetic, and what `aforo doctor` says of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aforo.doctor_finding import Finding
from aforo.errors import ModelError
from detect.settings import DetectorSettings

if TYPE_CHECKING:
    from detect.openvino.detector import OpenVinoYolo


class OpenVinoBackend:
    """A `DetectorBackend` on OpenVINO.

    Args:
        settings: the wanted detector.
        precision: auto, f32, bf16 or int8; auto takes what was chosen for the model on this machine's CPU, else f32.
        cache: folder for what is made of models; made where it is missing.

    Attributes:
        folder: where the forms of models and the choices of their precision are kept.
    """

    def __init__(self, settings: DetectorSettings, precision: str, cache: Path) -> None:
        self._settings = settings
        self._precision = precision
        self._compiled = cache / "compiled"
        self.folder = cache / "openvino"

    def suits(self) -> bool:
        """Always: it runs on every processor."""
        return True

    def open(self, model: Path, first: tuple[int, int] | None = None) -> OpenVinoYolo:
        """Load a model, exporting it where that is still to do.

        Raises:
            ModelError: it cannot be exported or run, or has no int8 form although that is wanted.
        """
        from detect.openvino.precision_choice import int8_folder

        file = self.float_model(model)
        precision = self._precision
        if precision == "auto":
            precision = (self._on_cpu and self.chosen_precision(model)) or "f32"
        if precision == "int8":
            file = int8_folder(file, self.folder)
            if not file.is_dir():
                raise ModelError(
                    f"there is no int8 form of {self._settings.model} whose counts were accepted; make one with "
                    "`aforo models quantise`, or set detector.precision to auto"
                )
        return self.open_form(file, precision, first=first)

    def open_form(
        self, file: Path, precision: str, *, cached: bool = True, first: tuple[int, int] | None = None
    ) -> OpenVinoYolo:
        """Load one form of a model; `cached` keeps what OpenVINO compiles for the next start, `first` is as in `open`.

        Raises:
            ModelError: it cannot be run.
        """
        import cv2

        from detect.openvino.detector import OpenVinoYolo

        cv2.setNumThreads(1)  # pictures are worked on side by side; several threads in one of them only get in the way
        return OpenVinoYolo(
            file,
            self._settings.labels,
            unsure_labels=self._settings.unsure_labels,
            image_size=self._settings.image_size,
            device="CPU" if self._settings.device in ("auto", "cpu") else self._settings.device,
            precision="bf16" if precision == "bf16" else "f32",
            cache=self._compiled if cached else None,
            first=first,
        )

    def float_model(self, model: Path) -> Path:
        """A model in OpenVINO's form, exported where that is still to do.

        Raises:
            ModelError: it cannot be exported.
        """
        from detect.openvino.export import openvino_model

        return openvino_model(model, self.folder)

    @property
    def may_choose_precision(self) -> bool:
        """Whether the precision of a model is this machine's own choice: only on its CPU are counts compared."""
        return self._precision == "auto" and self._on_cpu

    def chosen_precision(self, model: Path) -> str | None:
        """The precision chosen for a model on this machine's CPU, None when none was chosen yet.

        Raises:
            ModelError: it cannot be exported.
        """
        from detect.openvino.precision_choice import load_choice

        choice = load_choice(self.float_model(model), self._settings.image_size, self.folder)
        return None if choice is None else choice.precision

    def check(self, *, needed: bool) -> Iterator[Finding]:
        """Whether OpenVINO can be loaded, and on which devices of this machine it runs."""
        try:
            import openvino  # here, because it may be broken: that is found, not raised
        except ImportError as error:
            yield Finding("openvino", False if needed else None, f"not usable: {error}", "pip install openvino")
            return
        core = openvino.Core()
        devices = [f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})" for device in core.available_devices]
        yield Finding("openvino", bool(devices), f"{openvino.__version__}; {', '.join(devices) or 'no device'}")

    @property
    def _on_cpu(self) -> bool:
        return self._settings.device in ("auto", "cpu", "CPU")
