"""Any text at all as a site file: a site, or one sentence that names file and line; and loading grows with the text."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aforo.config.reading import parse_site
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError

VALID = [path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))]

ODD_VALUES = [
    "0x_", "0x1F", "010", "0b_", "1_0", "1:30", "-1", "1e999", "1.0e+400", ".inf", "-.inf", ".nan", "nan", "9" * 5000,
    "'" + "9" * 5000 + "'", "2026-02-30", "0000-00-00", "9999-12-31T25:61:61Z", "2026-03-05T07:30:00+99:99", "yes",
    "~", "''", '"\\0"', '"\\ud800"', '"\\x1b[2J"', "a" * 5000, "é" * 5000, "ф\u202eя", "[]", "{}", "[[[]]]",
    "!!python/name:os.system", "!!binary aGk=", "! a", "&a [*a]", "*a", "&a 1", "<<", "=", "? a", "|", ">-", "%TAG",
    "---", "...", "\t", "\ufeff", "[" * 3000, "{a: " * 3000, "- " * 3000, "1" * 400, "..", "../" * 2000, "\u2028",
    "١٢", "0" * 5000, "[0x_, 0x_]", "{id: a}", "1970-01-01", "2026-03-05 7:5", "infinity", "1e400", "true", "#",
]  # fmt: skip
ODD = st.sampled_from(ODD_VALUES)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A valid site file with pieces of it exchanged, repeated, left out, or put in the place of something odd."""
    words = draw(st.sampled_from(VALID)).split(" ")
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(words) - 1))
        match draw(st.sampled_from(["odd", "value", "move", "copy", "drop", "line"])):
            case "odd":
                words[at] = draw(ODD)
            case "value":  # in the place of what stands after a key, where the odd reaches the checks of that key
                ends = [i for i, word in enumerate(words[:-1]) if word.endswith(":")] or [0]
                words[draw(st.sampled_from(ends)) + 1] = draw(ODD) + "\n"
            case "move":
                words.insert(draw(st.integers(0, len(words) - 1)), words.pop(at))
            case "copy":
                words[at:at] = words[at : at + draw(st.integers(1, 30))]
            case "drop":
                del words[at : at + draw(st.integers(1, 10))]
                words = words or [""]
            case "line":
                words.insert(at, f"\n{draw(ODD)}: {draw(ODD)}\n")
    return " ".join(words)


def sentence(text: str) -> str | None:
    """What is said against a text, None where it is a site."""
    try:
        parse_site(text, "site.yaml")
    except ConfigurationError as error:
        return str(error)
    return None


def check(text: str) -> None:
    told = sentence(text)
    if told is not None:
        assert told.startswith(("site.yaml, line ", "site.yaml: expected keys")), told
        assert told.isprintable(), told
        assert len(told) < 5000, told


@given(mutated())
@settings(max_examples=150)
def test_a_site_file_gone_wrong_is_a_site_or_one_sentence(text: str) -> None:
    check(text)


@given(st.text(max_size=200))
@example("\x85a: 1")
@settings(max_examples=100)
def test_any_text_is_a_site_or_one_sentence(text: str) -> None:
    check(text)


def keys_of(section: Any, steps: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The steps to every key of the configuration."""
    found: list[tuple[str, ...]] = []
    for name, part in section.items():
        found.append((*steps, name))
        if isinstance(part, dict):
            found += keys_of(part, (*steps, name))
    return found


def every_key(schema: dict[str, Any], at: dict[str, Any] | None = None) -> dict[str, Any]:
    """The configuration's keys as nested dicts, `[]` in the place of an element of a list."""
    at = schema if at is None else at
    if "$ref" in at:
        return every_key(schema, schema["$defs"][at["$ref"].split("/")[-1]])
    if "properties" in at:
        return {name: every_key(schema, part) for name, part in at["properties"].items()}
    return {"[]": every_key(schema, at["items"])} if "$ref" in at.get("items", {}) else {}


@pytest.mark.parametrize("steps", keys_of(every_key(SiteConfiguration.model_json_schema(by_alias=True))), ids=".".join)
def test_every_key_takes_or_refuses_every_odd_value(steps: tuple[str, ...]) -> None:
    for text in ODD_VALUES:
        for step in reversed(steps):
            text = f"[{text}]" if step == "[]" else f"{{{step}: {text}}}"
        check(text)


def one_camera(places: int) -> str:
    """One camera with so many lines, zones and movements."""
    numbers = range(places)
    return "\n".join(
        [
            "cameras:\n- id: c\n  source: a.mp4\n  lines:",
            *(f"  - {{id: l{n}, points: [[0, 0.5], [1, 0.5]]}}" for n in numbers),
            "  zones:",
            *(f"  - {{id: z{n}, polygon: [[0, 0], [1, 0], [1, 1]]}}" for n in numbers),
            "  movements:",
            *(f"  - {{id: m{n}, from: {{line: l{n}}}, to: {{zone: z{n}}}}}" for n in numbers),
        ]
    )


def many_cameras(cameras: int) -> str:
    return "cameras:\n" + "".join(
        f"- {{id: c{n}, source: '{n}', lines: [{{id: l{n}, points: [[0, 0.5], [1, 0.5]]}}]}}\n" for n in range(cameras)
    )


def steps_of(text: str) -> int:
    """The steps of Python's own code that loading takes: iterations of a loop are seen, wherever it stands."""
    number = 0

    def each(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal number
        frame.f_trace_opcodes = True
        number += event == "opcode"
        return each

    before = sys.gettrace()
    sys.settrace(each)
    try:
        sentence(text)
    finally:
        sys.settrace(before)
    return number


@pytest.mark.parametrize(
    "site",
    [one_camera, many_cameras, lambda n: "a: 1\n" * n, lambda n: many_cameras(n) + "x: 1"],
    ids=["one camera", "many cameras", "repeated keys", "a wrong site"],
)
def test_loading_takes_work_in_proportion_to_the_text(site: Callable[[int], str]) -> None:
    sentence(site(1))  # what is made once is made
    few, many = steps_of(site(20)), steps_of(site(160))
    assert many <= 9 * few
