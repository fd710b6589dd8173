"""What `aforo doctor` says of OpenVINO."""

from __future__ import annotations

from collections.abc import Iterator

from aforo.doctor_finding import Finding


def check(*, needed: bool) -> Iterator[Finding]:
    """Whether OpenVINO can be loaded, and on which devices of this machine it runs.

    Args:
        needed: whether the configuration asks for it.
    """
    try:
        import openvino  # here, because it may be broken: that is found, not raised
    except ImportError as error:
        yield Finding("openvino", False if needed else None, f"not usable: {error}", "pip install openvino")
        return
    core = openvino.Core()
    devices = [f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')})" for device in core.available_devices]
    yield Finding("openvino", bool(devices), f"{openvino.__version__}; {', '.join(devices) or 'no device'}")
