"""What several tests need: a picture, and an empty database of each kind, open for writing and for reading.

A store joins by adding a `Database` to the fixture `database`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from databases import Database, postgres, sqlite
from postgresql_server import new_database

from aforo.model import Image
from aforo.ports import CountReader, CountStore


@pytest.fixture(scope="session")
def picture(sample_video: Path) -> Image:
    """The first picture of the sample video, (height, width, 3) BGR."""
    capture = cv2.VideoCapture(str(sample_video))
    decoded, image = capture.read()
    capture.release()
    assert decoded
    return np.asarray(image, np.uint8)


@pytest.fixture(params=["sqlite", "postgresql", "timescale"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        yield sqlite(tmp_path)
        return
    with new_database(request.getfixturevalue(request.param)) as url:
        yield postgres(url)


@pytest.fixture
def store(database: Database) -> Iterator[CountStore]:
    with database.store() as opened:
        yield opened


@pytest.fixture
def reader(database: Database, store: CountStore) -> Iterator[CountReader]:
    opened = database.reader()
    yield opened
    opened.close()
