"""Writes docs/configuration.md from the descriptions in `aforo.config.site`; a test fails when the two differ.

Run with `make docs`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from aforo.address import Address
from aforo.config.site import SiteConfiguration

PAGE = Path(__file__).with_name("configuration.md")
EXAMPLE = Path(__file__).parents[1] / "configs" / "example.yaml"

INTRODUCTION = """\
# The configuration of a site

One YAML file describes a site: its cameras, what is counted in their pictures, the model, and where counts go. Unknown
keys are refused, and every problem is reported with the file, the line and the key. Points are fractions of the frame:
`[0, 0]` is its upper left corner, `[1, 1]` its lower right one, whatever the resolution.

Numbers are written in plain decimal digits, and what is text but looks like a number in quotes (`"010"`). Anchors,
aliases and `<<` are taken, tags are not. A file has at most 8 MB, 32 levels and 400,000 values, those that aliases
stand for included; a name has at most 200 characters, none of them a control character.

`aforo count` and `aforo demo` need no file. Try one with `aforo doctor -c FILE`.

This page is written by `make docs` from the descriptions in `aforo/config/`.
"""

TYPES = {"string": "text", "integer": "integer", "number": "number", "boolean": "true or false", "object": "mapping"}
BOUNDS = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "maximum": "at most",
    "multipleOf": "a multiple of",
    "maxLength": "length at most",
}


def page() -> str:
    """The whole page, Markdown."""
    schema = SiteConfiguration.model_json_schema()
    parts = [INTRODUCTION, _section("Top level", SiteConfiguration, schema)]
    done: dict[type[BaseModel], str] = {}
    for place, model in _sections(SiteConfiguration):
        if model not in done:
            done[model] = place
            parts.append(_section(f"`{place}`", model, schema["$defs"][model.__name__]))
    parts.append(f"## An example\n\n```yaml\n{EXAMPLE.read_text(encoding='utf-8')}```\n")
    return "\n".join(parts)


def _sections(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section below a model with its place in the file, such as `cameras[].lines[]`."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                here = f"{place}{key}{'' if part is field.annotation else '[]'}"
                yield here, part
                yield from _sections(part, f"{here}.")


def _section(title: str, model: type[BaseModel], schema: dict[str, Any]) -> str:
    rows = [f"## {title}", "", _first_paragraph(model), "", "| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        key = field.alias or name
        meaning = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{key}` | {_value(schema['properties'][key])} | {_default(field)} | {meaning} |")
    return "\n".join(rows) + "\n"


def _first_paragraph(model: type[BaseModel]) -> str:
    """What a section is; examples of Python, which come behind, are not for readers of this page."""
    return " ".join(inspect.cleandoc(model.__doc__ or "").split("\n\n")[0].split())


def _value(schema: dict[str, Any]) -> str:
    if choices := [choice for choice in schema.get("anyOf", []) if choice.get("type") != "null"]:
        return ", or ".join(_value(choice) for choice in choices)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "$ref" in schema:
        return "section"
    if schema["type"] == "array":
        if "$ref" in schema.get("items", {}):
            return "list of sections"
        few, many = schema.get("minItems", 0), schema.get("maxItems", "")
        parts = [schema.get("items", {}), *schema.get("prefixItems", [])]
        what = "points `[x, y]`" if any(part.get("type") == "array" for part in parts) else "names"
        return f"{few if few == many else f'{few} to {many}'} {what}"
    bounds = [f"{sign} {schema[name]}" for name, sign in BOUNDS.items() if name in schema]
    return ", ".join([TYPES[schema["type"]], *bounds])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Address):
        value = str(value)
    if value is None or value in ("", []) or isinstance(value, BaseModel):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
