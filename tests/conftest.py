"""What several test modules need: the recordings, the default model, the sample video."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from postgresql_server import TIMESCALE_OPTIONS, has_timescale, running_postgresql

from aforo.config.detector import DetectorSection
from aforo.errors import AssetError
from app.assets import manifest
from app.machine.precision import calibrate_at_first_use

# No deadline: how long an example takes is the machine's affair, and the first one may have to compile.
# In CI the same examples each time: a new counterexample is found at a desk, not in somebody else's change.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

if TYPE_CHECKING:
    from kafka_broker import Broker

BROKER = pytest.StashKey[str]()
REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of test recordings: AFORO_SHARED, else `shared` beside the repository."""
    path = Path(os.environ.get("AFORO_SHARED", REPOSITORY.parent / "shared"))
    if not (path / "groundtruth.json").is_file():
        pytest.skip(f"the test recordings are not at {path}; say where they are with AFORO_SHARED")
    return path


@pytest.fixture(scope="session")
def default_model_path() -> Path:
    """The default detection model, ready for use; without it nothing of the product works, so no skip."""
    path = manifest.fetch(manifest.DEFAULT_MODEL)
    calibrate_at_first_use(DetectorSection(), print)  # a minute on a new machine, which no test should be charged for
    return path


@pytest.fixture(scope="session")
def sample_video() -> Path:
    """vtest.avi, whose counts are published."""
    try:
        return manifest.fetch("vtest")
    except AssetError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own, empty; tests make their own schema in it."""
    with running_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def timescale() -> Iterator[str]:
    """The address of a PostgreSQL server that offers TimescaleDB, where the machine has it."""
    if not has_timescale():
        pytest.skip("TimescaleDB is not installed beside PostgreSQL on this machine")
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which broker the tests of the bus ran on."""
    if name := terminalreporter.config.stash.get(BROKER, ""):
        terminalreporter.write_line(f"Kafka broker of these tests: {name}")
