"""What every part of the configuration has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema

from aforo.address import Address

Identifier = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="Letters, digits, dot, dash, underscore; at most 64."
    ),
]

Name = Annotated[
    str, Field(max_length=200, pattern=r"^[^\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]*$", description="For people.")
]
"""A name for people: one line, without characters that control how a screen shows the rest."""

Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\p{Cc}\u2028\u2029]*$")]
"""A label or direction."""


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


class Section(BaseModel):
    """A part of the configuration: immutable, no unknown keys.

    >>> Section.model_validate({"colour": "red"})  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    pydantic_core._pydantic_core.ValidationError: 1 validation error for Section
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True, allow_inf_nan=False
    )
