"""The files of the page: safe under its content security policy, and saying the same as the live pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aforo.camera_state import SENTENCES
from api.drawing import COLOURS, DIRECTIONS, NAMES
from api.web.pages import STATIC

SCRIPTS = sorted(STATIC.glob("*.js"))


def read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def texts(language: str) -> dict[str, str]:
    """The texts of one language in texts.js."""
    block = re.search(rf"^  {language}: {{$(.*?)^  }},$", read("texts.js"), re.DOTALL | re.MULTILINE)
    assert block is not None
    return dict(re.findall(r'"?([\w-]+)"?: "([^"]*)"', block[1]))


def test_road_users_have_the_same_colours_on_the_page_and_on_the_pictures() -> None:
    assert {name: re.findall(rf"--{name}: (#\w+);", read("style.css")) for name in COLOURS} == {
        name: [colour] for name, colour in COLOURS.items()
    }


def test_both_languages_have_every_text() -> None:
    english, spanish = texts("en"), texts("es")
    assert english.keys() == spanish.keys()
    assert {key: sorted(re.findall(r"{\d}", text)) for key, text in english.items()} == {
        key: sorted(re.findall(r"{\d}", text)) for key, text in spanish.items()
    }


def test_every_reason_of_a_camera_is_said_in_spanish() -> None:
    block = re.search(r"^const REASONS = {$(.*?)^};$", read("texts.js"), re.DOTALL | re.MULTILINE)
    assert block is not None
    spanish = dict(re.findall(r'"([\w-]+)": "([^"]*)"', block[1]))
    assert {code: re.findall(r"{\d}", sentence) for code, sentence in spanish.items()} == {
        code: re.findall(r"{\d}", sentence) for code, sentence in SENTENCES.items()
    }


def test_every_text_that_is_asked_for_is_there() -> None:
    asked = {key for script in SCRIPTS for key in re.findall(r'\btext\("([\w-]+)"', script.read_text(encoding="utf-8"))}
    asked |= set(re.findall(r'data-(?:text|label)="(\w+)"', read("index.html")))
    assert asked
    assert asked <= texts("en").keys()


def test_names_in_spanish_are_the_same_on_the_page_and_on_the_pictures() -> None:
    spanish = texts("es")
    for key, name in {**NAMES["es"], **DIRECTIONS["es"]}.items():
        assert spanish[key] == name


def test_the_page_needs_nothing_from_elsewhere_and_nothing_inline() -> None:
    page = read("index.html")
    assert re.findall(r'(?:src|href)="(?!/static/|#)', page) == []
    assert not re.search(r"<style|<script[^>]*>[^<]|\son\w+=|\sstyle=", page)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_put_in_text_never_markup(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", source)
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", source) == []
