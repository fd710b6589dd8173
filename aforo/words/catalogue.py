"""The words that people read, in English and Spanish: on pictures, pages and reports, and of cameras with a problem.

They stand in `en.json` and `es.json` beside this file, with the same keys. A new language is one more such file and its
code in `Language`. Identifiers, such as the keys of JSON and CSV answers, are the same in every language and not here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from aforo.errors import QueryError

Language = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

PAGE_TOPICS = (
    "numbers",
    "road_users",
    "directions",
    "camera_states",
    "problems",
    "problem_reasons",
    "intervals",
    "page",
)
"""The parts of the catalogue that the operators' page shows."""


@dataclass(frozen=True, slots=True)
class RoadUserWords:
    """How a class of road users is called.

    Attributes:
        one: a single one, as on its box in the picture.
        many: several, after a number.
        heading: of a column of counts.
        short: few letters, for narrow tables.

    >>> words_of("es").road_user("truck")
    RoadUserWords(one='camión', many='camiones', heading='Camiones', short='cam.')
    """

    one: str
    many: str
    heading: str
    short: str


@dataclass(frozen=True, slots=True)
class DirectionWords:
    """How a direction is called: beside a count, and as the heading of its columns.

    >>> words_of("es").direction("left")
    DirectionWords(label='izquierda', heading='Izquierda')
    """

    label: str
    heading: str


@dataclass(frozen=True, slots=True)
class NumberMarks:
    """What stands between thousands, and before decimals.

    >>> words_of("es").marks
    NumberMarks(thousands='.', decimal=',')
    """

    thousands: str
    decimal: str


@dataclass(frozen=True, slots=True)
class PictureWords:
    """What stands on a picture whose camera sends no more.

    >>> words_of("en").picture.no_picture_since.format(time="12:30:00")
    'no picture since 12:30:00'
    """

    no_picture_since: str
    recording_over: str


@dataclass(frozen=True, slots=True)
class ReportWords:
    """Titles, headings, observations and notes of reports; words in braces are filled in.

    >>> words_of("es").report.peak_hour
    'Hora pico'
    """

    title: str
    site: str
    camera: str
    line: str
    zone: str
    period: str
    timezone: str
    total: str
    volume: str
    peak_hour: str
    peak_clock_hour: str
    factor: str
    peak_flow_rate: str
    coverage: str
    observation: str
    complete: str
    incomplete: str
    unobserved: str
    date: str
    hour: str
    day_total: str
    summary_sheet: str
    hours_sheet: str
    days_sheet: str
    of_incomplete: str
    page: str
    note_incomplete: str
    note_marks: str
    note_provisional: str
    note_factor: str
    none: str


@dataclass(frozen=True, slots=True)
class ValidationWords:
    """What is said of counts beside those that people made; `{0}` is filled in.

    >>> words_of("es").validation.states["with_reservations"]
    'con reservas'
    """

    place: str
    direction: str
    road_user: str
    all: str
    intervals: str
    left_out: str
    manual: str
    counted: str
    bias: str
    ratio: str
    state: str
    together: str
    insufficient: str
    observers_differ: str
    clock_later: str
    clock_earlier: str
    provisional: str
    factor_offered: str
    states: Mapping[str, str]


class Words:
    """The words of one language, and how numbers and days are written in it; see `words_of`.

    Attributes:
        language: its code.
        picture: of live and annotated pictures.
        report: of the hourly report.
        problems: sentences by code of the problem; `{0}`, `{1}` … are filled in.
        validation: of counts beside those that people made.
        marks: of its numbers.
        page: what the operators' page shows, by topic (`PAGE_TOPICS`).

    >>> words_of("en").problems["frozen"].format(4)
    'connected, but no new picture for 4 s'
    """

    def __init__(self, language: Language, catalogue: Mapping[str, Any]) -> None:
        self.language = language
        self.picture = PictureWords(**catalogue["picture"])
        self.report = ReportWords(**catalogue["report"])
        self.problems: Mapping[str, str] = catalogue["problems"]
        self.validation = ValidationWords(**catalogue["validation"])
        self.page: Mapping[str, Any] = {topic: catalogue[topic] for topic in PAGE_TOPICS}
        self._road_users = {key: RoadUserWords(**words) for key, words in catalogue["road_users"].items()}
        self._directions = {key: DirectionWords(**words) for key, words in catalogue["directions"].items()}
        self.marks = NumberMarks(**catalogue["numbers"])
        self._weekdays: list[str] = catalogue["weekdays"]

    def road_user(self, name: str) -> RoadUserWords:
        """How a class is called; one of the site's own goes by its own name.

        >>> words_of("es").road_user("car").heading
        'Autos'
        """
        return self._road_users.get(name) or RoadUserWords(name, name, name, name)

    def direction(self, name: str) -> DirectionWords:
        """How a direction is called; one that the site named goes by that name.

        >>> words_of("es").direction("al centro").label
        'al centro'
        """
        return self._directions.get(name) or DirectionWords(name, name)

    def number(self, value: int) -> str:
        """A whole number with its thousands apart.

        >>> words_of("es").number(1234567)
        '1.234.567'
        """
        return self._with_marks(f"{value:,}")

    def decimal(self, value: float, places: int) -> str:
        """A number with so many decimals.

        >>> words_of("es").decimal(1234.5, 2)
        '1.234,50'
        """
        return self._with_marks(f"{value:,.{places}f}")

    def percent(self, share: float) -> str:
        """A share 0..1 in percent, with one decimal where it has any; only the whole is called 100 %.

        >>> words_of("en").percent(0.9999)
        '99.9 %'
        """
        shown = min(share, 0.999) if share < 1 else share
        return f"{self.decimal(100 * shown, 1).removesuffix(self._with_marks('.0'))} %"

    def day(self, day: date) -> str:
        """A date with its weekday.

        >>> words_of("es").day(date(2025, 5, 7))
        'mié 2025-05-07'
        """
        return f"{self._weekdays[day.weekday()]} {day:%Y-%m-%d}"

    def _with_marks(self, number: str) -> str:
        """A number as Python writes it, with the marks of this language."""
        return number.translate({ord(","): self.marks.thousands, ord("."): self.marks.decimal})


def words_of(language: str) -> Words:
    """The words of one language.

    Args:
        language: "en" or "es".

    Raises:
        QueryError: another language.

    >>> words_of("es").language
    'es'
    """
    for known in LANGUAGES:
        if language == known:
            return _read(known)
    raise QueryError(f"lang: expected {' or '.join(LANGUAGES)}, got {language[:40]!r}")


@cache
def _read(language: Language) -> Words:
    return Words(language, json.loads(catalogue_file(language).read_text(encoding="utf-8")))


def catalogue_file(language: Language) -> Path:
    """Where the words of a language stand.

    >>> catalogue_file("es").name
    'es.json'
    """
    return Path(__file__).with_name(f"{language}.json")
