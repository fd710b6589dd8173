"""The ground floor explains itself: each public type and function of `aforo/` shows an example, and each is true."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import aforo

MODULES = [module.name for module in pkgutil.walk_packages(aforo.__path__, "aforo.")]


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The types and functions that the module itself defines, by name."""
    for name, value in vars(module).items():
        own = callable(value) and getattr(value, "__module__", None) == module.__name__
        if own and not name.startswith("_"):
            yield name, value


def is_exempt(value: Any) -> bool:
    """Whether an example could show nothing: all that may go without one is here.

    - A `Protocol` does nothing itself; the contract tests (`test_*_contract.py`) show what each implementation does.
    - What is made with the address of Kafka needs a broker to do anything; `tests/integration/` starts one.
    """
    if not inspect.isclass(value):
        return False
    is_protocol = getattr(value, "_is_protocol", False)
    needs_broker = "KafkaAddress" in inspect.get_annotations(value.__init__).values()
    return is_protocol or needs_broker


def without_example(module: ModuleType) -> list[str]:
    find = doctest.DocTestFinder(recurse=False).find
    return [
        name
        for name, value in public(module)
        if not is_exempt(value) and not any(test.examples for test in find(value, name, module))
    ]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_every_public_type_and_function_shows_an_example(name: str) -> None:
    assert without_example(importlib.import_module(name)) == []


def test_a_type_and_a_function_without_an_example_are_found_and_what_can_show_none_is_not() -> None:
    module = ModuleType("sample")
    source = """
from __future__ import annotations
from typing import Protocol

class Shown:
    '''One.

    >>> Shown.__name__
    'Shown'
    '''

class Bare:
    '''One without.'''

def bare():
    '''One without.'''

def _own():
    '''Nobody asks.'''

class Seam(Protocol):
    '''Does nothing itself.'''

class Client:
    '''Speaks to a broker.'''

    def __init__(self, address: KafkaAddress) -> None: ...
"""
    exec(source, vars(module))
    assert without_example(module) == ["Bare", "bare"]
