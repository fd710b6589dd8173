"""What tests need and a machine may lack: a server, a browser, a database, a broker, recordings.

In CI (the environment variable CI is set) nothing of that may be absent, and a test that lacks it fails. At a desk it
skips and says why. No other module of the tests skips by itself; `tests/unit/test_requirements.py` sees to it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

NOT_IN_CI = {
    "timescaledb": "TimescaleDB is not installed beside PostgreSQL; Debian has no package of it, so that CI tests its "
    "build in WebAssembly",
    "root": "only root can become another user, and CI may run as any",
}
"""What cannot be had in CI, and why; tests that need it skip there, too, on purpose."""

SHARED = ("groundtruth.json", "groundtruth-streets.json", "clips", "counts", "mot")
"""What the folder of shared recordings has to contain."""


def in_ci() -> bool:
    """Whether these tests run in CI: CI=true, as every service sets it."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def absent(reason: str) -> NoReturn:
    """End a test that lacks something: failed in CI, skipped elsewhere.

    Args:
        reason: what is absent, and how to get it.
    """
    if in_ci():
        pytest.fail(f"{reason} (in CI, nothing that tests need may be absent)", pytrace=False)
    pytest.skip(reason)


def not_in_ci(name: str) -> NoReturn:
    """Skip a test that lacks something which cannot be had in CI either.

    Args:
        name: of its reason in `NOT_IN_CI`.
    """
    pytest.skip(NOT_IN_CI[name])


def pointless(reason: str) -> NoReturn:
    """Skip a test that can show nothing here, although nothing is absent: the machine has more than it supposes."""
    pytest.skip(reason)


def program(name: str, reason: str) -> str:
    """The path of a program of this machine; ends the test where it is absent.

    Args:
        name: of the program, as in a shell.
        reason: what it is needed for, and how to get it.
    """
    found = shutil.which(name)
    if found is None:
        absent(f"{name} is not on this machine: {reason}")
    return found


def shared_folder() -> Path:
    """The folder of shared recordings: AFORO_SHARED, else `shared` beside the repository; ends the test without it."""
    path = Path(os.environ.get("AFORO_SHARED", Path(__file__).parents[2] / "shared"))
    if missing := [name for name in SHARED if not (path / name).exists()]:
        absent(f"{path} has no {', '.join(missing)}; say in AFORO_SHARED where the test recordings are")
    return path
