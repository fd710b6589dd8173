"""Why a camera is not well: text for people, and in parts for pages in other languages."""

from __future__ import annotations

import re
from typing import get_args

import orjson
import pytest

from aforo.camera_state import Problem, ProblemCode, in_parts
from aforo.words.catalogue import words_of


def test_a_problem_reads_as_its_english_sentence() -> None:
    problem = Problem.of("silent", "rtsp://10.0.0.5/stream", 10)
    assert str(problem) == "rtsp://10.0.0.5/stream does not answer within 10 s"
    assert (problem.code, problem.values) == ("silent", ("rtsp://10.0.0.5/stream", "10"))


def test_what_is_filled_in_is_not_filled_in_itself() -> None:
    assert str(Problem.of("no-file", "{0}{1}.mp4")) == "no such video: {0}{1}.mp4"


def test_answers_have_it_in_parts_and_empty_where_all_is_well() -> None:
    assert orjson.loads(orjson.dumps(in_parts(Problem.of("frozen", 4)))) == {
        "reason": "connected, but no new picture for 4 s",
        "reason_code": "frozen",
        "reason_values": ["4"],
    }
    assert in_parts(None) == {"reason": "", "reason_code": None, "reason_values": []}


def test_every_problem_has_a_sentence_and_every_sentence_a_problem() -> None:
    assert words_of("en").problems.keys() == set(get_args(ProblemCode))


@pytest.mark.parametrize("code", get_args(ProblemCode))
def test_values_are_numbered_from_zero_without_a_gap(code: str) -> None:
    numbers = [int(number) for number in re.findall(r"{(\d)}", words_of("en").problems[code])]
    assert numbers == list(range(len(numbers)))
