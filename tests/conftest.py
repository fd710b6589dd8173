"""What several test modules need: the recordings, the default model, the sample video."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from postgresql_server import TIMESCALE_OPTIONS, has_timescale, running_postgresql
from requirements import absent, in_ci, not_in_ci, shared_folder

from aforo.config.detector import DetectorSection
from aforo.errors import AssetError
from app.assets import manifest
from app.machine.precision import calibrate_at_first_use

# No deadline: how long an example takes is the machine's affair, and the first one may have to compile.
# In CI the same examples each time: a new counterexample is found at a desk, not in somebody else's change.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if in_ci() else "desk")

if TYPE_CHECKING:
    from kafka_broker import Broker

BROKER = pytest.StashKey[str]()
SLOW_LEFT_OUT = pytest.StashKey[int]()
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test recordings: AFORO_SHARED, else `shared` beside the repository."""
    return shared_folder()


@pytest.fixture(scope="session")
def default_model_path() -> Path:
    """The default detection model, ready for use; without it nothing of the product works, so that tests fail."""
    path = manifest.fetch(manifest.DEFAULT_MODEL)
    calibrate_at_first_use(DetectorSection(), print)  # a minute on a new machine, which no test should be charged for
    return path


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """vtest.avi, whose counts are published."""
    try:
        return manifest.fetch("vtest")
    except AssetError as error:
        absent(str(error))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own, empty; tests make their own schema in it."""
    with running_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def timescale() -> Iterator[str]:
    """The address of a PostgreSQL server that offers TimescaleDB, where the machine has it."""
    if not has_timescale():
        not_in_ci("timescaledb")
    with running_postgresql(*TIMESCALE_OPTIONS) as url:
        yield url


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """A Kafka broker of the tests' own; tests make their own topics on it."""
    from kafka_broker import running_broker

    with running_broker() as broker:
        pytestconfig.stash[BROKER] = broker.name
        yield broker


@pytest.fixture
def garbage_collected() -> Iterator[None]:
    """Whatever a library leaves open is found in the test that left it, not in a later one."""
    yield
    gc.collect()


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the slow tests that are left out."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.config.stash[SLOW_LEFT_OUT] = item.config.stash.get(SLOW_LEFT_OUT, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which broker the tests of the bus ran on, and how many slow tests were left out."""
    if name := terminalreporter.config.stash.get(BROKER, ""):
        terminalreporter.write_line(f"Kafka broker of these tests: {name}")
    if left_out := terminalreporter.config.stash.get(SLOW_LEFT_OUT, 0):
        terminalreporter.write_line(f"Slow tests left out: {left_out}; run them with `make test-slow`")
