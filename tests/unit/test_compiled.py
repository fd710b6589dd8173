"""Where kernels are compiled, and what is said when that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from aforo.errors import ConfigurationError
from aforo.kernel_cache import compiled, compiling


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
