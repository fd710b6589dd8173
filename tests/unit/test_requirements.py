"""What tests say where something is absent: in CI they fail, at a desk they skip; no test skips by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from requirements import NOT_IN_CI, SHARED, absent, not_in_ci, program, shared_folder

SKIPS = re.compile(r"pytest\.(skip|importorskip)\(|mark\.skip")


@pytest.mark.parametrize("value", ["true", "1"])
def test_in_ci_a_test_that_lacks_something_fails(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    with pytest.raises(pytest.fail.Exception, match="no broker"):
        absent("no broker")


@pytest.mark.parametrize("value", ["", "false"])
def test_at_a_desk_it_skips_and_says_why(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    with pytest.raises(pytest.skip.Exception, match="no broker"):
        absent("no broker")


def test_what_cannot_be_had_in_ci_skips_there_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    for name, reason in NOT_IN_CI.items():
        with pytest.raises(pytest.skip.Exception) as skipped:
            not_in_ci(name)
        assert str(skipped.value) == reason


def test_an_absent_program_and_absent_recordings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setenv("AFORO_SHARED", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="no-such-program is not on this machine: to see"):
        program("no-such-program", "to see")
    for name in SHARED[1:]:
        (tmp_path / name).mkdir()
    with pytest.raises(pytest.fail.Exception, match=f"has no {SHARED[0]}; say in AFORO_SHARED"):
        shared_folder()


def test_one_module_decides_who_skips(repository: Path) -> None:
    tests = repository / "tests"
    found = [path.name for path in tests.rglob("*.py") if SKIPS.search(path.read_text(encoding="utf-8"))]
    assert found == ["requirements.py"]


def test_ci_asks_for_the_same_recordings(repository: Path) -> None:
    assert f"for needed in {' '.join(SHARED)}; do" in (repository / ".ci" / "run").read_text(encoding="utf-8")
