"""What the reader of YAML takes, what it refuses, and that no text costs it more than its bound."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from aforo.plain_files import check_plain, read_text
from aforo.yaml_text import parse_yaml


def complaint(text: str) -> str:
    with pytest.raises(ValueError, match=r"^line \d+: ") as caught:
        parse_yaml(text)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 200
    return message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0", 0),
        ("999999999999999999", 10**18 - 1),
        ("0.25", 0.25),
        ("-1.5e-3", -0.0015),
        (".5", 0.5),
        ("1e3", "1e3"),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("", None),
        ("'0x_'", "0x_"),
        ('"\\u00e9 \\t"', "é \t"),
        ("2026-03-05", "2026-03-05"),
        ("2026-02-30", "2026-02-30"),
        ("2026-03-05T07:30:00-05:00", "2026-03-05T07:30:00-05:00"),
        ("9999-99-99 99:99:99", "9999-99-99 99:99:99"),
        ("=", "="),
        ("|\n  a\n  b\n", "a\nb\n"),
        ("{1: a, null: b, yes: c}", {"1": "a", "null": "b", "yes": "c"}),
        ("[&a [1, 2], *a]", [[1, 2], [1, 2]]),
        ("{a: &a {x: 1, y: 2}, b: {<<: *a, y: 3}}", {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}),
        ("{a: &a {x: 1}, b: &b {x: 2, z: 3}, c: {<<: [*a, *b]}}",
         {"a": {"x": 1}, "b": {"x": 2, "z": 3}, "c": {"x": 1, "z": 3}}),
    ],
)  # fmt: skip
def test_values(text: str, value: Any) -> None:
    found = parse_yaml(text).value
    assert found == value
    assert type(found) is type(value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        *(
            (f"a:\n- {number}", "line 2: a.0: expected a number in plain decimal digits")
            for number in ("0x_", "0x1F", "010", "0b1", "1_000", "1:30", "1:30.5", ".inf", "-.INF", ".nan", "9" * 5000,
                           "0" * 5000, "1." + "9" * 5000, "1.0e+999", "190:20:30", "017", "+0x_")
        ),
        (BOMB, "line 6: expected at most 400,000 values in all, those that aliases stand for included"),
        ("a: &a [*a]", "line 1: an alias stands inside of what it stands for"),
        ("a: &a\n  b: {c: *a}", "line 2: an alias stands inside of what it stands for"),
        ("a: *a", "line 1: an alias, a word that begins with *, has no anchor before it"),
        ("a: {<<: 1}", "line 1: <<: expected an alias of a mapping"),
        ("[" * 100_000, "line 1: nested too deep"),
        ("{a: " * 100_000, "line 1: nested too deep"),
        ("- " * 100_000, "line 1: nested too deep"),
        ("? " * 100_000, "line 1: "),
        ("\n".join(" " * depth + "a:" for depth in range(2000)), "line 33: nested too deep"),
        ("- !!python/object/apply:os.system [ls]", "line 1: tags, words that begin with !, are not taken"),
        ("!!binary aGk=", "line 1: tags"),
        ("a: !!str 1", "line 1: tags"),
        ("? [a]\n: 1", "line 1: expected a key that is a word"),
        ("a: &a 1\n*a : 2", "line 2: expected a key that is a word"),
        ("a: 1\nb: 2\na: 3", "line 3: a: already given in line 1; join the two"),
        ("a: 1\n---\nb: 2", "line 2: expected one document"),
        ("%TAG ! tag:x\n---\na: 1", "line 1: directives"),
        ("a: 1\nb: \x07", "line 2: not valid YAML: a control character"),
        ('a: "\\0"', "line 1: a: control characters are not taken"),
        ('a: "\\e[2J"', "line 1: a: control characters are not taken"),
        ('"\\a": 1', "line 1: control characters are not taken"),
        ("a: \ud800", "line 1: not valid YAML: a control character"),
        ("a:\n\t- 1", "line 2: not valid YAML: a tab where only spaces may be"),
        ("a: 'b", "line 1: not valid YAML: "),
        ("a" * 9_000_000, "line 1: expected at most 8 MB of text"),
        ("- a\n" * 400_001, "line 400000: expected at most 400,000 values"),
    ],
    ids=lambda text: ascii(text)[:40],
)  # fmt: skip
def test_what_is_refused_is_told_in_one_sentence_with_its_line(text: str, message: str) -> None:
    assert complaint(text).startswith(message)


@pytest.mark.parametrize("secret", ["!hunter2", "*hunter2", "{hunter2 hunter2", "'hunter2"])
def test_a_complaint_quotes_no_value(secret: str) -> None:
    assert "hunter2" not in complaint(f"password: {secret}\n\t")


def test_aliases_cost_no_memory_before_they_are_refused() -> None:
    tracemalloc.start()
    try:
        complaint(BOMB)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_only_plain_files_of_a_bounded_size_are_read(tmp_path: Path) -> None:
    pipe, text = tmp_path / "pipe", tmp_path / "text"
    os.mkfifo(pipe)
    for path, reason in ((pipe, "a named pipe"), (Path("/dev/zero"), "a device")):
        with pytest.raises(OSError, match=f"it is {reason}, expected a plain file"):
            read_text(path, 10)
    with pytest.raises(OSError, match="impossible"):
        check_plain(tmp_path / "a\0b")
    text.write_bytes("\ufeffaño".encode())
    assert read_text(text, 10) == "año"
    with pytest.raises(OSError, match="too large"):
        read_text(text, 5)
    text.write_bytes("año".encode("utf-16"))
    with pytest.raises(OSError, match="it is UTF-16, expected UTF-8 text"):
        read_text(text, 100)
    text.write_bytes(b"\xff")
    with pytest.raises(OSError, match="it is not UTF-8 text"):
        read_text(text, 100)
