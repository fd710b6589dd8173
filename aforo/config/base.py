"""What every part of the configuration has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema

from aforo.address import Address
from aforo.names import LONGEST_ID, LONGEST_NAME, check_direction, check_id, check_label, check_name

Identifier = Annotated[str, AfterValidator(check_id), WithJsonSchema({"type": "string", "maxLength": LONGEST_ID})]
"""An id."""

Name = Annotated[str, AfterValidator(check_name), WithJsonSchema({"type": "string", "maxLength": LONGEST_NAME})]
"""A name for people."""

Direction = Annotated[str, AfterValidator(check_direction)]
"""A direction of a line."""

Word = Annotated[str, AfterValidator(check_label)]
"""A model's label, or a class of road users."""


MOST_FILES = 1000
"""Of one recording."""


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a text: an address or a file")
    return Address(value.strip())


AddressField = Annotated[
    Address, PlainValidator(_address), PlainSerializer(str, return_type=str), WithJsonSchema({"type": "string"})
]
"""A key whose value may hold a secret: it is shown and written as scheme and hosts alone."""


def _sources(value: object) -> tuple[Address, ...]:
    listed = value if isinstance(value, list | tuple) else [value]
    if not 1 <= len(listed) <= MOST_FILES:
        raise ValueError(f"expected a file or an address, or a list of 1 to {MOST_FILES} files of one recording")
    addresses = tuple(_address(str(each) if type(each) is int else each) for each in listed)
    if len(addresses) > 1 and (camera := next((each for each in addresses if not each.is_file), None)) is not None:
        raise ValueError(f"a list is of the files of one recording, and {camera} is none; give it a section of its own")
    return addresses


def _shown_sources(addresses: tuple[Address, ...]) -> str | list[str]:
    return str(addresses[0]) if len(addresses) == 1 else [str(each) for each in addresses]


SourcesField = Annotated[
    tuple[Address, ...],
    PlainValidator(_sources),
    PlainSerializer(_shown_sources, return_type=str | list[str]),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST_FILES},
            ]
        }
    ),
]
"""Where the pictures of a camera come from: an address, a device, or the files of one recording."""


class Section(BaseModel):
    """A part of the configuration: immutable, no unknown keys.

    >>> Section.model_validate({"colour": "red"})  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    pydantic_core._pydantic_core.ValidationError: 1 validation error for Section
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True, allow_inf_nan=False
    )
