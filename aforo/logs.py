"""Logging: to stderr, one line per record, never with a credential."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

from aforo.address import conceal
from aforo.errors import ConfigurationError

LEVELS = ("debug", "info", "warning", "error")

_COMPILER = "numba"
"""At "debug" it tells each of its steps: a hundred thousand lines in which every other one is lost."""

_OWN = ("aforo", "app", "ingest", "detect", "track", "aggregate", "api")


def configure_logging(level: str = "info") -> None:
    """Send every log record of the process, Python's warnings included, to stderr; replaces what was set up before.

    On a terminal records are coloured and exceptions span lines; elsewhere each record is one line with a UTC time.
    Libraries are heard from "warning" on, unless the level is "debug"; the compiler of our kernels never below.

    >>> configure_logging("loud")
    Traceback (most recent call last):
    aforo.errors.ConfigurationError: expected a log level out of debug, info, warning, error, got 'loud'

    Args:
        level: one of `LEVELS`.

    Raises:
        ConfigurationError: there is no such level.
    """
    if level.lower() not in LEVELS:
        raise ConfigurationError(f"expected a log level out of {', '.join(LEVELS)}, got {level!r}")
    chosen = logging.getLevelNamesMapping()[level.upper()]
    handler = _terminal_handler() if sys.stderr.isatty() else _plain_handler()
    handler.addFilter(redact)
    logging.basicConfig(
        level=chosen if level == "debug" else max(chosen, logging.WARNING), handlers=[handler], force=True
    )
    for name in _OWN:
        logging.getLogger(name).setLevel(chosen)
    logging.getLogger(_COMPILER).setLevel(max(chosen, logging.WARNING))
    logging.captureWarnings(capture=True)


def redact(record: logging.LogRecord) -> bool:
    """A filter that removes what is secret in the addresses of this process from a message, exception and stack.

    >>> from aforo.address import Address
    >>> camera = Address("rtsp://admin:hunter2@10.0.0.5/1")
    >>> record = logging.makeLogRecord({"name": "cv2", "msg": "%s: hunter2 is refused", "args": (camera,)})
    >>> redact(record), record.getMessage()
    (True, 'rtsp://10.0.0.5: … is refused')

    Returns:
        True: no record is dropped.
    """
    try:
        message = record.getMessage()
    except (TypeError, ValueError):  # the arguments do not fit: a log line must not end the program
        message = str(record.msg)
    own = record.name.partition(".")[0] in _OWN
    record.msg, record.args = conceal(message, own=own), None
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    if record.exc_text:
        record.exc_text = conceal(record.exc_text)
    record.exc_info = None  # or a handler would format it again, unredacted
    if record.stack_info:
        record.stack_info = conceal(record.stack_info)
    return True


class OneLineFormatter(logging.Formatter):
    r"""UTC time, level, logger and message on one line; line ends inside a record are shown escaped.

    >>> record = logging.makeLogRecord({"msg": "first" + chr(10) + "second", "levelname": "INFO"})
    >>> print(OneLineFormatter("%(levelname)s %(message)s").format(record))
    INFO first\nsecond
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of text."""
        text = super().format(record)
        return text.replace("\r", "\\r").replace("\n", "\\n")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002
        """The record's time in ISO 8601, UTC."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _plain_handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    return handler


def _terminal_handler() -> logging.Handler:
    from rich.console import Console
    from rich.logging import RichHandler

    handler = RichHandler(console=Console(stderr=True), show_path=False, log_time_format="%H:%M:%S")
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
