"""The examples in docstrings of the ground floor are true; its small modules have one for each public name."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import aforo
from aforo import clock, geometry, local_time, measures, redaction, site, volume_series
from aforo.words import catalogue

WITH_EXAMPLES = [catalogue, clock, geometry, local_time, measures, redaction, site, volume_series]
MODULES = [module.name for module in pkgutil.walk_packages(aforo.__path__, "aforo.") if not module.ispkg]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.__name__)
def test_every_public_type_and_function_shows_an_example(module: ModuleType) -> None:
    without = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == module.__name__
        and not any(test.examples for test in doctest.DocTestFinder(recurse=False).find(value, name, module))
    ]
    assert without == []
