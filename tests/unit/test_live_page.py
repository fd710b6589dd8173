"""The files of the page, as they are written: safe under its content security policy, without words of their own."""

from __future__ import annotations

import re
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from requirements import program

from aforo.local_time import HOUR_US, clock_span, to_us
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


SPANS = """
globalThis.localStorage = { getItem: () => null };
globalThis.navigator ??= { language: "en" };
const { clockSpan, setTimeZone } = await import("./texts.js");
const [zone, ...starts] = process.argv.slice(2);
setTimeZone(zone);
for (const start of starts.map((text) => new Date(text))) console.log(clockSpan(start, new Date(+start + 3_600_000)));
"""


@pytest.mark.parametrize(
    ("zone", "starts"),
    [
        ("America/New_York", ["2025-11-02T05:00Z", "2025-11-02T06:00Z", "2025-03-09T06:00Z", "2025-03-09T07:00Z"]),
        ("Europe/Madrid", ["2025-10-26T00:00Z", "2025-10-26T01:00Z", "2025-10-25T12:00Z", "2025-10-25T21:00Z"]),
        ("America/Bogota", ["2025-03-09T04:00Z", "2025-11-02T05:00Z"]),
        ("UTC", ["2025-03-09T23:00Z"]),
    ],
)
def test_the_page_names_hours_as_the_reports_do(tmp_path: Path, zone: str, starts: list[str]) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    (tmp_path / "words.js").write_text("export const WORDS = { en: {}, es: {} };", encoding="utf-8")
    (tmp_path / "texts.js").write_text(read("texts.js"), encoding="utf-8")
    (tmp_path / "spans.js").write_text(SPANS, encoding="utf-8")
    command = [program("node", "it runs the page's own code"), "spans.js", zone, *starts]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout
    begin_us = [to_us(datetime.fromisoformat(start)) for start in starts]
    assert shown.splitlines() == [clock_span(at_us, at_us + HOUR_US, ZoneInfo(zone)) for at_us in begin_us]
