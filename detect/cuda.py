"""Whether there is a GPU that Ultralytics can use."""

from __future__ import annotations

import shutil


def cuda_is_available() -> bool:
    """Whether this machine has an NVIDIA GPU that works; without its driver's tools torch is not even loaded."""
    if shutil.which("nvidia-smi") is None:
        return False
    import torch  # heavy: only where there may be a GPU

    return bool(torch.cuda.is_available())
