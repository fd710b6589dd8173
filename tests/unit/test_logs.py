from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from aforo.address import Address
from aforo.errors import ConfigurationError
from aforo.logs import configure_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers.clear()
    root.setLevel(level)
    for name in ("aforo", "ingest", "detect", "track", "aggregate", "api", "uvicorn", "numba"):
        logging.getLogger(name).setLevel(logging.NOTSET)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


CAMERA = Address("rtsp://admin:hunter2@10.0.0.5/stream?token=hunter3")


def report_a_failure() -> None:
    log = logging.getLogger("ingest.camera")
    log.warning("cannot open %s: %s refused", CAMERA, CAMERA.reveal())
    try:
        raise ConnectionError(f"{CAMERA.reveal()} refused: admin, hunter3")
    except ConnectionError:
        log.exception("reading failed", stack_info=True)


def test_no_record_carries_a_credential(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    report_a_failure()
    logging.getLogger("some.library").warning("user admin has no stream on %s", "10.0.0.5")
    written = capsys.readouterr().err
    assert "cannot open rtsp://10.0.0.5: rtsp://… refused" in written
    assert "ConnectionError: rtsp://… refused: …, …" in written
    assert " … has no … on 10.0.0.5" in written
    assert "Stack (most recent call last)" in written
    for secret in ("admin", "hunter"):
        assert secret not in written


def test_words_of_our_own_that_are_also_in_an_address_stay(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("ingest.camera").warning("the stream of an admin")
    assert "the stream of an admin" in capsys.readouterr().err


def test_nor_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logging()
    report_a_failure()
    assert "hunter" not in terminal.getvalue()
    assert "reading failed" in terminal.getvalue()


def test_each_record_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    report_a_failure()
    logging.getLogger("aforo").info("two\r\nlines")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[2].endswith("INFO aforo: two\\r\\nlines")
    assert lines[0].split()[0].endswith("+00:00")


def test_libraries_are_heard_from_warning_on_and_at_debug_fully(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    logging.getLogger("some.library").info("quiet")
    logging.getLogger("track.tracker").info("heard")
    configure_logging("debug")
    logging.getLogger("some.library").debug("loud")
    written = capsys.readouterr().err
    assert "quiet" not in written
    assert "heard" in written
    assert "loud" in written


def test_the_compiler_of_kernels_is_heard_from_warning_on_at_every_level(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("debug")
    logging.getLogger("numba.core.ssa").debug("on stmt: at.1 = at.3")
    logging.getLogger("numba.core.caching").warning("no cache")
    assert [line.split()[-1] for line in capsys.readouterr().err.splitlines()] == ["cache"]


def test_a_record_whose_arguments_do_not_fit_is_still_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("aforo").warning("%d frames", "many")
    assert "%d frames" in capsys.readouterr().err


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected a log level out of debug, info, warning, error, got 'loud'"):
        configure_logging("loud")
