from __future__ import annotations

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def shipped(path: Path) -> bool:
    given = PROJECT["tool"]["setuptools"]["package-data"]
    return any(
        fnmatch(str(path.relative_to(ROOT / package.replace(".", "/"))), pattern)
        for package, patterns in given.items()
        for pattern in patterns
        if path.is_relative_to(ROOT / package.replace(".", "/"))
    )


def test_every_file_of_a_package_that_is_no_python_is_installed_with_it() -> None:
    rooms = [pattern.removesuffix("*") for pattern in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]]
    files = [path for room in rooms for path in (ROOT / room).rglob("*") if path.is_file()]
    others = [path for path in files if path.suffix not in (".py", ".pyc") and "__pycache__" not in path.parts]
    assert len(others) > 10
    assert [str(path) for path in others if not shipped(path)] == []


def test_the_font_of_the_reports_has_its_licence_beside_it() -> None:
    licence = (ROOT / "api/reports/fonts/LICENSE_DEJAVU").read_text(encoding="utf-8")
    assert "Bitstream Vera" in licence
