"""NVIDIA GPUs: whether one can be used, and what `aforo doctor` says of them."""

from __future__ import annotations

import shutil
import subprocess

from aforo.doctor_finding import Finding

_TIMEOUT_S = 10


def cuda_is_available() -> bool:
    """Whether this machine has an NVIDIA GPU that works; without its driver's tools torch is not even loaded."""
    if shutil.which("nvidia-smi") is None:
        return False
    import torch  # heavy: only where there may be a GPU

    return bool(torch.cuda.is_available())


def check_cuda(*, needed: bool) -> Finding:
    """What NVIDIA's driver says of its GPUs; loads no torch.

    Args:
        needed: whether the configuration asks for such a GPU.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        hint = "install NVIDIA's driver, or set detector.device to auto" if needed else ""
        return Finding("cuda", False if needed else None, "no nvidia-smi on this machine", hint)
    try:
        done = subprocess.run(  # noqa: S603
            [program, "--query-gpu=name,driver_version", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("cuda", False, f"{type(error).__name__}: {error}")
    works = done.returncode == 0
    text = (done.stdout if works else done.stderr or done.stdout).strip()
    return Finding("cuda", works, "; ".join(text.splitlines()), "" if works else "check NVIDIA's driver")
