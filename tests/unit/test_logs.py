from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from aforo.errors import ConfigurationError
from aforo.logs import configure_logging
from aforo.redaction import without_credentials


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers.clear()
    root.setLevel(level)
    for name in ("aforo", "ingest", "detect", "track", "aggregate", "api", "uvicorn"):
        logging.getLogger(name).setLevel(logging.NOTSET)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def report_a_failure() -> None:
    log = logging.getLogger("ingest.camera")
    log.warning("cannot open %s", "rtsp://admin:hunter2@10.0.0.5/stream?token=hunter3")
    try:
        raise ConnectionError("rtsp://admin:hunter2@10.0.0.5/stream refused")
    except ConnectionError:
        log.exception("reading failed", stack_info=True)


def test_no_record_carries_a_credential(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    report_a_failure()
    written = capsys.readouterr().err
    assert "rtsp://10.0.0.5/stream?token=…" in written
    assert "ConnectionError: rtsp://10.0.0.5/stream refused" in written
    assert "Stack (most recent call last)" in written
    for secret in ("admin", "hunter"):
        assert secret not in written


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


def test_a_record_whose_arguments_do_not_fit_is_still_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    logging.getLogger("aforo").warning("%d frames", "many")
    assert "%d frames" in capsys.readouterr().err


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected a log level out of debug, info, warning, error, got 'loud'"):
        configure_logging("loud")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("rtsp://user:pass@10.0.0.5/stream2", "rtsp://10.0.0.5/stream2"),
        ("rtsp://user:p@ss@10.0.0.5/stream2", "rtsp://10.0.0.5/stream2"),
        ("rtsp://user:pa/ss@10.0.0.5/stream2", "rtsp://10.0.0.5/stream2"),
        ("rtsp://10.0.0.5:554/user@place", "rtsp://10.0.0.5:554/user@place"),
        ("http://10.0.0.5/video?user=a&password=b&size=1", "http://10.0.0.5/video?user=…&password=…&size=1"),
        ("postgresql://aforo:secret@db/aforo?sslmode=require", "postgresql://db/aforo?sslmode=require"),
        ("cannot open rtsp://a:b@c/d, nor rtsp://e:f@g/h", "cannot open rtsp://c/d, nor rtsp://g/h"),
        ("sample_videos/vtest.avi", "sample_videos/vtest.avi"),
    ],
)
def test_what_is_shown_of_an_address(source: str, shown: str) -> None:
    assert without_credentials(source) == shown
