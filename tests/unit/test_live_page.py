"""The files of the page, as they are written: safe under its content security policy, without words of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aforo.words.catalogue import words_of
from api.web.pages import STATIC

SCRIPTS = sorted(STATIC.glob("*.js"))
FILES = [path.read_text(encoding="utf-8") for path in (*SCRIPTS, STATIC / "index.html")]


def read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def test_every_text_that_is_asked_for_is_in_the_catalogue_and_no_other() -> None:
    """Those of rare moments too; what a browser asks for in vain ends the test that opened it."""
    asked = {key for script in SCRIPTS for key in re.findall(r'\btext\("([\w-]+)"', script.read_text(encoding="utf-8"))}
    asked |= {key for file in FILES for key in re.findall(r'data-(?:text|label)"?[=:] ?"(\w+)"', file)}
    assert asked == words_of("en").page["page"].keys()


def test_no_script_has_a_text_of_its_own() -> None:
    """Sentences in quotation marks; code has none of two words and more, but for errors that developers read."""
    found = {
        script.name: [
            text for text in re.findall(r'[">`]([A-Z][\w’]+ [\w ]+)["<`]', script.read_text(encoding="utf-8"))
        ]
        for script in SCRIPTS
    }
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline() -> None:
    page = read("index.html")
    assert re.findall(r'(?:src|href)="(?!/static/|#)', page) == []
    assert not re.search(r"<style|<script[^>]*>[^<]|\son\w+=|\sstyle=", page)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_put_in_text_never_markup(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", source)
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", source) == []
