"""Where kernels are compiled, and what is said when that fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aforo.errors import ConfigurationError
from aforo.kernel_cache import FOLDERS_KEPT, compiled, compiling

PACKAGE = {
    "callee.py": "from aforo.kernel_cache import compiled\n@compiled\ndef raised(x):\n    return x + 1\n",
    "constants.py": "STEP = 10\n",
    "caller.py": "from aforo.kernel_cache import compiled\nfrom tiny.callee import raised\n"
    "from tiny.constants import STEP\n"
    "@compiled\ndef called(x):\n    return raised(x) * STEP\n",
}
CALL = "from tiny.caller import called; print(called(4), sum(called.stats.cache_hits.values()))"


class Package:
    """Two files of kernels and one of constants, called by processes of their own."""

    def __init__(self, folder: Path, repository: Path) -> None:
        self.folder = folder / "tiny"
        self.folder.mkdir()
        for name, text in PACKAGE.items():
            (self.folder / name).write_text(text)
        python_path = f"{folder}{os.pathsep}{repository}"
        self.environment = os.environ | {"PYTHONPATH": python_path, "XDG_CACHE_HOME": str(folder / "own")}
        self.environment.pop("NUMBA_CACHE_DIR", None)

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.folder / name
        file.write_text(file.read_text().replace(old, new))

    def call(self) -> tuple[int, int]:
        """What the kernel returns, and how often a kept result was used."""
        command = [sys.executable, "-B", "-c", CALL]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        result, hits = done.stdout.split()
        return int(result), int(hits)


@pytest.fixture
def package(tmp_path: Path, repository: Path) -> Package:
    return Package(tmp_path, repository)


@compiled
def doubled(number: float) -> float:
    return number * 2


def test_a_function_is_compiled_when_it_is_called_first() -> None:
    assert doubled(1.5) == 3.0


@pytest.mark.parametrize("error", [EOFError(), OSError("disk full"), ValueError("bad marshal data")])
def test_a_damaged_cache_is_told_with_its_folder(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (str(tmp_path), None):
        if folder is None:
            monkeypatch.delenv("NUMBA_CACHE_DIR")
        else:
            monkeypatch.setenv("NUMBA_CACHE_DIR", folder)
        with pytest.raises(ConfigurationError, match="NUMBA_CACHE_DIR") as told, compiling(__file__):
            raise error
        assert (folder or str(Path(__file__).parent / "__pycache__")) in str(told.value)
        assert (str(error) or "EOFError") in str(told.value)


@pytest.mark.parametrize("place", ["chosen", "beside the source", "own cache"])
def test_a_kernel_follows_a_change_of_what_it_calls_in_another_file(
    package: Package, place: str, tmp_path: Path
) -> None:
    folder = {"chosen": tmp_path / "chosen", "own cache": tmp_path / "own"}.get(place, package.folder / "__pycache__")
    if place == "chosen":
        package.environment["NUMBA_CACHE_DIR"] = str(folder)
    elif place == "own cache":
        (package.folder / "__pycache__").write_text("no folder can be made here")
    assert package.call() == (50, 0)
    assert list(folder.rglob("*.nbi"))
    assert package.call() == (50, 1)
    package.edit("callee.py", "x + 1", "x + 2")
    assert package.call() == (60, 0)
    package.edit("constants.py", "10", "20")
    assert package.call() == (120, 0)


def test_where_nothing_can_be_kept_it_is_compiled_each_time(package: Package, tmp_path: Path) -> None:
    for path in (package.folder / "__pycache__", tmp_path / "own", tmp_path / "chosen"):
        path.write_text("no folder can be made here")
    package.environment["NUMBA_CACHE_DIR"] = str(tmp_path / "chosen")
    assert package.call() == (50, 0)
    assert package.call() == (50, 0)


def test_results_of_states_long_gone_are_removed(package: Package, tmp_path: Path) -> None:
    package.environment["NUMBA_CACHE_DIR"] = str(tmp_path)
    package.call()
    (folder,) = tmp_path.glob("tiny-*/caller/*")
    for number in range(9):
        old = folder.with_name(f"old{number}")
        old.mkdir()
        os.utime(old, (number, number))
    package.edit("callee.py", "x + 1", "x + 2")
    package.call()
    left = {path.name for path in folder.parent.iterdir()}
    assert len(left) == FOLDERS_KEPT
    assert {folder.name, "old8"} < left
