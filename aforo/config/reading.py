"""Reading a site file: one YAML document, errors with key and line."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from aforo.config.site import SiteConfiguration
from aforo.errors import ConfigurationError


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
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the configuration {path}: {_reason(error)}") from error
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
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigurationError(f"{name}, line {line}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from error
    _refuse_repeated_keys(tree, name)
    if not isinstance(raw, dict):
        raise ConfigurationError(f"{name}: expected keys such as site, cameras and store, got {type(raw).__name__}")
    try:
        return SiteConfiguration.model_validate(raw)
    except ValidationError as error:
        problems = [_problem(tree, problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise ConfigurationError(f"{name}, " + "; ".join(problems)) from None


def _refuse_repeated_keys(node: yaml.Node | None, name: str) -> None:
    """YAML itself would silently take the last of two keys of the same name."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if first := seen.get(str(key.value)):
                raise ConfigurationError(
                    f"{name}, line {line}: {key.value}: already given in line {first}; join the two"
                )
            seen[str(key.value)] = line
            _refuse_repeated_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(value, name)


def _problem(tree: yaml.Node | None, loc: tuple[int | str, ...], kind: str, message: str) -> str:
    key = ".".join(str(part) for part in loc) or "the document"
    line = _line_of(tree, loc)
    if kind == "extra_forbidden":
        message = "unknown key"
    return f"line {line}: {key}: {message.removeprefix('Value error, ')}"


def _line_of(node: yaml.Node | None, loc: tuple[int | str, ...]) -> int:
    """The 1-based line of the deepest node that the path reaches."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == str(part)]
            if not found:
                return line
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
        else:
            return line
    return line


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8 text"
