"""Why a camera is not well: text for people, and in parts for pages in other languages."""

from __future__ import annotations

import copy
import re

import orjson
import pytest

from aforo.camera_state import SENTENCES, Reason, in_parts


def test_a_reason_is_its_english_sentence() -> None:
    reason = Reason("silent", "rtsp://10.0.0.5/stream", 10)
    assert reason == "rtsp://10.0.0.5/stream does not answer within 10 s"
    assert (reason.code, reason.values) == ("silent", ("rtsp://10.0.0.5/stream", "10"))


def test_what_is_filled_in_is_not_filled_in_itself() -> None:
    assert Reason("no-file", "{0}{1}.mp4") == "no such video: {0}{1}.mp4"


def test_answers_have_it_in_parts_also_where_it_is_no_known_sentence() -> None:
    assert orjson.loads(orjson.dumps(in_parts(Reason("frozen", 4)))) == {
        "reason": "connected, but no new picture for 4 s",
        "reason_code": "frozen",
        "reason_values": ["4"],
    }
    assert in_parts("") == {"reason": "", "reason_code": None, "reason_values": []}


@pytest.mark.parametrize("code", SENTENCES)
def test_values_are_numbered_from_zero_without_a_gap(code: str) -> None:
    numbers = [int(number) for number in re.findall(r"{(\d)}", SENTENCES[code])]
    assert numbers == list(range(len(numbers)))


def test_a_copy_is_the_same_reason() -> None:
    reason = Reason("frozen", "3")
    copied = copy.deepcopy(reason)
    assert (copied, copied.code, copied.values) == (reason, "frozen", ("3",))
