"""The documentation says what the program does."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path

from requirements import absent, program

from aforo.config.server import ApiSection
from aforo.config.site import SiteConfiguration

VIDEOS = {".avi", ".mp4", ".mkv", ".mov", ".webm", ".ts", ".mpg"}
MODELS = {".pt", ".pth", ".onnx", ".engine", ".safetensors", ".bin", ".xml"}
LARGEST = 2_000_000
"""Bytes of any committed file."""

KINDS_OF_CHANGE = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def test_the_configuration_page_is_what_make_docs_writes(repository: Path) -> None:
    written = runpy.run_path(str(repository / "docs" / "write_configuration.py"))["page"]()
    assert (repository / "docs" / "configuration.md").read_text(encoding="utf-8") == written


def test_the_configuration_page_has_every_key(repository: Path) -> None:
    page = (repository / "docs" / "configuration.md").read_text(encoding="utf-8")
    schema = SiteConfiguration.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for key in section["properties"]:
            assert f"\n| `{key}` | " in page


def test_no_video_and_no_model_is_committed(repository: Path) -> None:
    git = program("git", "it says what is committed")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=repository, capture_output=True, text=True, check=False)
    if listed.returncode:
        absent(f"{repository} is no work tree of git, which says what is committed")
    committed = [repository / name for name in listed.stdout.split("\0") if name]
    assert [path.name for path in committed if path.suffix.lower() in VIDEOS | MODELS] == []
    large = [path.name for path in committed if path.is_file() and path.stat().st_size > LARGEST]
    assert large == []


def test_the_changelog_has_the_form_of_keep_a_changelog(repository: Path) -> None:
    title, *versions = re.split(r"^## ", (repository / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert title.startswith("# Changelog\n")
    assert versions[0].startswith("[Unreleased]\n")
    for version in versions:
        head, *changes = re.split(r"^### ", version, flags=re.MULTILINE)
        name = head.splitlines()[0]
        assert re.fullmatch(r"\[Unreleased\]|\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", name), name
        kinds = [change.splitlines()[0] for change in changes]
        assert kinds == [kind for kind in KINDS_OF_CHANGE if kind in kinds], f"{name}: {kinds}"
        for change in changes:
            entries = [line for line in change.splitlines()[1:] if line]
            assert entries, f"{name}: an empty section"
            assert all(line.startswith(("- ", "  ")) for line in entries), name


def test_the_tree_names_what_is_there_and_every_package(repository: Path) -> None:
    tree = (repository / "ARCHITECTURE.md").read_text(encoding="utf-8").split("## The tree")[1].split("```")[1]
    rooms = [path.parent for path in repository.glob("*/__init__.py")]
    packages = {path.parent.name for room in rooms for path in room.rglob("__init__.py")}
    assert {name for name in packages if f"{name}/" not in tree} == set()
    room = repository
    for line in tree.strip().splitlines():
        if not line.startswith(" "):
            room = repository / line.split("/")[0]
        for name in re.findall(r"[\w/]+\.py\b|\b\w+/(?=\s)", line):
            assert (repository / name).exists() or any(room.rglob(name)), f"{name} is not in {room.name}/"


def documents(repository: Path) -> list[Path]:
    """Those that tell what is; decision records and the changelog tell of what was, and may name what is gone."""
    pages = [*repository.glob("*.md"), *(repository / "docs").glob("*.md")]
    return [page for page in pages if page.name != "CHANGELOG.md"]


def test_documents_name_files_that_are_there(repository: Path) -> None:
    path = re.compile(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|yml|toml|sql|json|js))\b[^`]*`")
    gone = [
        f"{page.name}: {name}"
        for page in documents(repository)
        for name in path.findall(page.read_text(encoding="utf-8"))
        if "NAME" not in name and not (repository / name).exists()
    ]
    assert gone == []


def test_docstrings_and_documents_name_modules_that_are_there(repository: Path) -> None:
    rooms = [path.parent.name for path in repository.glob("*/__init__.py")]
    dotted = re.compile(rf"`((?:{'|'.join(rooms)})(?:\.\w+)+)`")
    keys = {f"api.{name}" for name in ApiSection.model_fields}  # of the configuration, which has a room's name
    sources = [path for room in [*rooms, "tests", "benchmarks"] for path in (repository / room).rglob("*.py")]
    gone = [
        f"{path.relative_to(repository)}: {name}"
        for path in [*sources, *documents(repository)]
        for name in dotted.findall(path.read_text(encoding="utf-8"))
        if name not in keys and not is_there(repository, name.split("."))
    ]
    assert gone == []


def is_there(repository: Path, parts: list[str]) -> bool:
    """Whether the parts of a dotted name lead to a package or module, or to a name that such a module's text has."""
    for length in range(len(parts), 0, -1):
        place = repository.joinpath(*parts[:length])
        if (place / "__init__.py").exists():
            return length == len(parts)
        if place.with_suffix(".py").exists():
            text = place.with_suffix(".py").read_text(encoding="utf-8")
            return all(re.search(rf"\b{part}\b", text) for part in parts[length:])
    return False
