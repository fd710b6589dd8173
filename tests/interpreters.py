"""The same program compiled by numba and interpreted by Python."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def outputs_compiled_and_interpreted(program: str) -> set[str]:
    """The outputs of a program with its kernels compiled and with them interpreted; one text if they are equal."""
    here = Path(__file__).parent
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"NUMBA_DISABLE_JIT": disabled, "PYTHONPATH": f"{here.parent}{os.pathsep}{here}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for disabled in ("0", "1")
    }
