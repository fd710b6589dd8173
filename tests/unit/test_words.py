"""The catalogue of words: complete in both languages, and how each writes numbers and days."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aforo.camera_state import CameraState
from aforo.errors import QueryError
from aforo.words import catalogue
from aforo.words.catalogue import LANGUAGES, Words, catalogue_file, words_of
from api.drawing import COLOURS


def texts(words: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Where each text stands, and the text."""
    if isinstance(words, str):
        yield place, words
        return
    for key, below in words.items() if isinstance(words, dict) else enumerate(words):
        yield from texts(below, f"{place}/{key}")


def read(language: Any) -> Any:
    return json.loads(catalogue_file(language).read_text(encoding="utf-8"))


def test_the_languages_are_the_files_beside_the_catalogue() -> None:
    folder = Path(catalogue.__file__).parent
    assert sorted(path.stem for path in folder.glob("*.json")) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_another_language_has_the_same_texts_with_the_same_gaps_to_fill(language: str) -> None:
    def gaps(language: str) -> dict[str, list[str]]:
        return {place: sorted(re.findall(r"{\w+}", text)) for place, text in texts(read(language))}

    assert gaps(language) == gaps("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_has_blanks_around_it(language: str) -> None:
    assert [place for place, text in texts(read(language)) if not text or text != text.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_too_many_or_too_few_is_an_error(language: Any) -> None:
    whole = read(language)
    for report in ({**whole["report"], "subtitle": "x"}, {"title": "x"}):
        with pytest.raises(TypeError):
            Words(language, {**whole, "report": report})


def test_road_users_with_a_colour_have_words_and_no_others() -> None:
    assert read("en")["road_users"].keys() == COLOURS.keys()


def test_a_name_of_the_sites_own_is_its_own_word() -> None:
    spanish = words_of("es")
    assert set(asdict(spanish.road_user("scooter")).values()) == {"scooter"}
    assert set(asdict(spanish.direction("hacia el centro")).values()) == {"hacia el centro"}


def test_picture_page_and_report_call_a_road_user_by_one_word() -> None:
    assert asdict(words_of("es").road_user("car")) == {
        "one": "auto",
        "many": "autos",
        "heading": "Autos",
        "short": "auto",
    }
    for language in LANGUAGES:
        for name in COLOURS:
            words = words_of(language).road_user(name)
            assert words.heading.lower() == words.many


def test_every_state_of_a_camera_has_a_word() -> None:
    assert words_of("en").page["camera_states"].keys() == set(CameraState)


def test_another_language_is_refused() -> None:
    with pytest.raises(QueryError, match="lang: expected en or es, got 'fr'"):
        words_of("fr")


def test_each_language_writes_numbers_in_its_own_form() -> None:
    english, spanish = words_of("en"), words_of("es")
    assert (english.number(1234567), spanish.number(1234567)) == ("1,234,567", "1.234.567")
    assert (english.decimal(1234.5, 2), spanish.decimal(1234.5, 2)) == ("1,234.50", "1.234,50")
    assert [spanish.percent(share) for share in (0.0, 0.5, 0.942, 0.99999, 1.0)] == [
        "0 %",
        "50 %",
        "94,2 %",
        "99,9 %",
        "100 %",
    ]
    assert spanish.day(date(2025, 5, 7)) == "mié 2025-05-07"
