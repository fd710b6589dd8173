"""The documentation says what the program does."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from aforo.config.site import Site


def test_the_configuration_page_is_what_make_docs_writes(repository: Path) -> None:
    written = runpy.run_path(str(repository / "docs" / "write_configuration.py"))["page"]()
    assert (repository / "docs" / "configuration.md").read_text(encoding="utf-8") == written


def test_the_configuration_page_has_every_key(repository: Path) -> None:
    page = (repository / "docs" / "configuration.md").read_text(encoding="utf-8")
    schema = Site.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for key in section["properties"]:
            assert f"\n| `{key}` | " in page


def test_no_video_and_no_model_is_committed(repository: Path) -> None:
    ignored = (repository / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/sample_videos/*.avi" in ignored
    assert "/sample_videos/*.mp4" in ignored


@pytest.mark.parametrize("heading", ["# Changelog", "## [Unreleased]", "### Added"])
def test_the_changelog_has_the_headings_of_its_form(repository: Path, heading: str) -> None:
    assert heading in (repository / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
