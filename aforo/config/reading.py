"""Reading a site file: one YAML document, errors with key and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aforo.config.geometry import FRACTIONS
from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError, shown
from aforo.plain_files import read_text
from aforo.yaml_text import MOST_BYTES, Steps, YamlDocument, key_of, parse_yaml

_MOST_PROBLEMS = 10
"""Of one file, in one sentence."""


def load_site(path: Path) -> SiteConfiguration:
    """Read and check a site file.

    Relative paths in `source` and `store` are taken as they are, from the working directory.

    >>> load_site(Path("nowhere.yaml"))
    Traceback (most recent call last):
    aforo.errors.ConfigurationError: cannot read the configuration nowhere.yaml: No such file or directory

    Raises:
        ConfigurationError: the file cannot be read, is not YAML, or is not a valid site; the message names the
            file, the line, the key and what was expected.
    """
    try:
        text = read_text(path, MOST_BYTES)
    except OSError as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {error.strerror}") from error
    return parse_site(text, str(path))


def parse_site(text: str, name: str) -> SiteConfiguration:
    """Check the text of a site file; `name` stands for it in errors.

    >>> parse_site("site: {id: calle-26, timezone: America/Bogota}", "site.yaml").site.id
    'calle-26'
    >>> parse_site("cameras: all", "site.yaml")
    Traceback (most recent call last):
    aforo.errors.ConfigurationError: site.yaml, line 1: cameras: Input should be a valid list

    Raises:
        ConfigurationError: as `load_site`.
    """
    try:
        document = parse_yaml(text)
    except ValueError as error:
        raise ConfigurationError(f"{name}, {error}") from None
    if not isinstance(document.value, dict):
        raise ConfigurationError(
            f"{name}: expected keys such as site, cameras and store, got {type(document.value).__name__}"
        )
    try:
        return SiteConfiguration.model_validate(document.value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = [_problem(document, each["loc"], each["type"], each["msg"]) for each in found[:_MOST_PROBLEMS]]
        if more := len(found) - len(problems):
            problems.append(f"and {more} more")
        raise ConfigurationError(f"{name}, " + "; ".join(problems)) from None


def _problem(document: YamlDocument, steps: Steps, kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        message = "unknown key"
    if kind == FRACTIONS:
        message = f"{_where(document.value, steps)}{message}"
    return f"line {document.line_of(steps)}: {key_of(steps)}: {shown(message.removeprefix('Value error, '), 300)}"


def _where(value: Any, steps: Steps) -> str:
    """Which camera, line or zone a problem is in, by their ids.

    >>> _where({"cameras": [{"id": "north", "lines": [{"id": "stop"}]}]}, ("cameras", 0, "lines", 0, "points"))
    'camera north, line stop: '
    """
    named, key = [], ""
    for step in steps:
        if isinstance(value, dict):
            key, value = str(step), value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
            if isinstance(value, dict) and "id" in value:
                named.append(f"{key.removesuffix('s')} {shown(str(value['id']))}")
    return f"{', '.join(named)}: " if named else ""
