"""YAML from people: read strictly, in bounded time and memory, and with the line of every value.

A number is written in plain decimal digits; what YAML would quietly make of `0x10`, `010`, `1_000`, `1:30` or `.inf` is
refused. A date stays the text that it is. An alias stands for what its anchor is on, within the limit of values; tags
and directives are refused, and so are repeated keys, of which YAML itself would take the last.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

MOST_BYTES = 8_000_000
_MOST_VALUES = 400_000
"""Keys not counted, what aliases stand for included: twice the 5,000 cameras of a city, with all that they count."""
_DEEPEST = 32

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same answers, ten times as fast
_RESOLVER = yaml.resolver.Resolver()
_KIND = "tag:yaml.org,2002:"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_REAL = re.compile(r"[-+]?[0-9]{0,18}\.[0-9]{0,40}([eE][-+][0-9]{1,3})?")

_WORD = re.compile(r"[\w-]{1,40}")

Steps = tuple[str | int, ...]
"""The way to a value: keys and positions, from the root."""


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """What a text says, as dicts with text keys, lists, text, numbers, booleans and None.

    >>> YamlDocument({"a": 1}, {(): 1, ("a",): 1}).value["a"]
    1

    Attributes:
        value: the root.
        lines: the 1-based line of each value, or of its key; what an alias stands for has none of its own.
    """

    value: Any
    lines: dict[Steps, int]

    def line_of(self, steps: Steps) -> int:
        r"""The line of the deepest value that the steps reach.

        >>> parse_yaml("a:\n  - b: 1\n").line_of(("a", 0, "b", "none"))
        2
        """
        return next((self.lines[steps[:n]] for n in range(len(steps), -1, -1) if steps[:n] in self.lines), 1)


def parse_yaml(text: str) -> YamlDocument:
    """Read one YAML document.

    >>> parse_yaml("{id: a, at: 2026-02-30, ports: [1, 2.5]}").value
    {'id': 'a', 'at': '2026-02-30', 'ports': [1, 2.5]}
    >>> parse_yaml("a: 0x_").value
    Traceback (most recent call last):
    ValueError: line 1: a: expected a number in plain decimal digits; put it in quotes if it is text

    Raises:
        ValueError: it is not YAML, or of a kind that is refused; the message begins with the line, and quotes no value,
            which could be a secret.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"line 1: expected at most {MOST_BYTES / 1e6:g} MB of text")
    for found, complaint in (
        (_CONTROL.search(text), "not valid YAML: a control character"),
        (_DIRECTIVE.search(text), "directives, lines that begin with %, are not taken"),
    ):
        if found:
            raise ValueError(f"line {text.count(chr(10), 0, found.start()) + 1}: {complaint}")
    reading = _Reading()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reading.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        is_tab = mark is not None and text[mark.index : mark.index + 1] == "\t"
        problem = "a tab where only spaces may be" if is_tab else _without_quotes(error.problem)
        raise ValueError(f"line {mark.line + 1 if mark else 1}: not valid YAML: {problem}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"line 1: not valid YAML: {type(error).__name__}") from None
    return YamlDocument(reading.root, reading.lines)


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come yet; `before` values were there when it began."""

    value: dict[str, Any] | list[Any]
    steps: Steps
    anchor: str | None
    before: int
    key: str | None = None
    bases: list[Any] = field(default_factory=list)


class _Reading:
    """Makes values of the parser's events, one after the other: no depth of nesting is a depth of calls."""

    def __init__(self) -> None:
        self.root: Any = None
        self.lines: dict[Steps, int] = {}
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event.

        Raises:
            ValueError: what it stands for is refused.
        """
        try:
            if isinstance(event, yaml.NodeEvent):
                self._node(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end()
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise ValueError("expected one document, got a second one after ---")
        except ValueError as error:
            raise ValueError(f"line {event.start_mark.line + 1}: {error}") from None

    def _node(self, event: Any) -> None:
        if not isinstance(event, yaml.AliasEvent) and event.tag is not None:
            raise ValueError("tags, words that begin with !, are not taken; put it in quotes if it is text")
        top = self._open[-1] if self._open else None
        line = event.start_mark.line + 1
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, event, line)
            return
        steps: Steps = () if top is None else (*top.steps, len(top.value) if top.key is None else top.key)
        self.lines.setdefault(steps, line)
        self._count(1)
        if isinstance(event, yaml.ScalarEvent):
            try:
                value = _scalar(event)
            except ValueError as error:
                raise ValueError(f"{key_of(steps)}: {error}") from None
            self._add(value, event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            value, size = self._anchored(str(event.anchor))
            self._count(size - 1)
            self._add(value, None, size)
        else:
            if len(self._open) == _DEEPEST:
                raise ValueError(f"nested too deep, expected at most {_DEEPEST} levels")
            empty: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
            self._open.append(_Open(empty, steps, event.anchor, self._values - 1))

    def _key(self, top: _Open, event: Any, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise ValueError("expected a key that is a word, got a list, a mapping or an alias")
        steps = (*top.steps, event.value)
        if event.value in top.value:
            raise ValueError(f"{key_of((event.value,))}: already given in line {self.lines[steps]}; join the two")
        _refuse_control(event.value)
        top.key = event.value
        self.lines[steps] = line

    def _anchored(self, name: str) -> tuple[Any, int]:
        if any(each.anchor == name for each in self._open):
            raise ValueError("an alias stands inside of what it stands for")
        if name not in self._anchors:
            raise ValueError("an alias, a word that begins with *, has no anchor before it; quote it if it is text")
        return self._anchors[name]

    def _count(self, values: int) -> None:
        self._values += values
        if self._values > _MOST_VALUES:
            raise ValueError(f"expected at most {_MOST_VALUES:,} values in all, those that aliases stand for included")

    def _add(self, value: Any, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = value, size
        if not self._open:
            self.root = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key == "<<":
            top.bases += value if isinstance(value, list) else [value]
            top.key = None
        else:
            top.value[str(top.key)] = value
            top.key = None

    def _end(self) -> None:
        ended = self._open.pop()
        for base in ended.bases:
            if not isinstance(base, dict) or not isinstance(ended.value, dict):
                raise ValueError("<<: expected an alias of a mapping, or a list of such")
            ended.value = base | ended.value
        self._add(ended.value, ended.anchor, self._values - ended.before)


def _scalar(event: Any) -> Any:
    """The value of a scalar; in quotes, or as a block, it is text."""
    text: str = event.value
    _refuse_control(text)
    kind: str = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False)) if event.implicit[0] else ""  # type: ignore[no-untyped-call]
    match kind.removeprefix(_KIND):
        case "null":
            return None
        case "bool":
            return yaml.constructor.SafeConstructor.bool_values[text.lower()]
        case "int" if _INTEGER.fullmatch(text):
            return int(text)
        case "float" if _REAL.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        case "int" | "float":
            raise ValueError("expected a number in plain decimal digits; put it in quotes if it is text")
    return text


def _refuse_control(text: str) -> None:
    if found := _CONTROL.search(text):
        raise ValueError(f"control characters are not taken, got {found[0]!r}")


def _without_quotes(problem: str | None) -> str:
    """What YAML finds wrong, without the piece of the text that it quotes; single characters stay."""
    return re.sub(r"(['\"]).{2,}\1", "…", problem or "it cannot be read")


def key_of(steps: Steps) -> str:
    """Where a value stands, for people; what is no word may be a value in the wrong place, with a secret in it.

    >>> key_of(("cameras", 0, "id")), key_of(("kafka", "user: hunter2"))
    ('cameras.0.id', 'kafka.this key')
    """
    return ".".join(str(step) if _WORD.fullmatch(str(step)) else "this key" for step in steps) or "the document"
