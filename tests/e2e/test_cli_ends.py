"""How commands end: a fault is one sentence with exit code 1, and whoever reads only the beginning is no fault."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from command_line import COMMAND, aforo, environment

FAULTY = """
import sys
from aforo.address import Address
from app.cli import assets, main

camera = Address("rtsp://admin:hunter2@10.0.0.5/1")

def stop(*_):
    raise {error}

assets.manifest.verify = stop
main.main()
"""
"""The command line with a fault in it, behind `aforo samples verify`."""

FAULTS = {
    "a value": "ValueError('hunter2 is odd')",
    "a key": "KeyError('lines')",
    "several lines": "RuntimeError('first\\nsecond')",
    "a bug": "AssertionError()",
    "an operating system's": "OSError(5, 'Input/output error')",
    "a pipe that is not what is printed": "BrokenPipeError(32, 'Broken pipe')",
}
ASKED = ("samples", "verify", "any")


@pytest.mark.parametrize("error", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_one_sentence_and_its_place_is_told_to_who_asks(error: str) -> None:
    plain, debug = (faulty(error, *options) for options in ([], ["--log", "debug"]))
    for done in (plain, debug):
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert "hunter2" not in done.stderr
        complaint = done.stderr.splitlines()[-1]
        assert complaint.startswith(f"aforo: {error.partition('(')[0]}: ")
        assert "this is a fault in Aforo; please report it" in complaint
    assert len(plain.stderr.splitlines()) == 1
    assert "Traceback" in debug.stderr
    assert "in stop" in debug.stderr


def faulty(error: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FAULTY.format(error=error), *options, *ASKED]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


@pytest.fixture
def unread() -> Iterator[int]:
    """The end to write to of a pipe whose other end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


PRINTING = [("--help",), ("--version",), ("count", "--help"), ("models", "list"), ("samples", "list")]


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_that_goes_away_ends_a_command_well_and_without_a_word(
    unread: int, arguments: tuple[str, ...]
) -> None:
    done = subprocess.run([*COMMAND, *arguments], env=environment(), stdout=unread, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    both = subprocess.run([*COMMAND, *arguments], env=environment(), stdout=unread, stderr=unread, check=False)
    assert both.returncode == 0


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_closed_stdout_is_no_fault(arguments: tuple[str, ...]) -> None:
    closing = ["sh", "-c", 'exec "$@" >&-', "sh"]
    done = subprocess.run([*closing, *COMMAND, *arguments], env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_what_cannot_be_printed_is_told_and_no_fault(arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments], env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
        both = subprocess.run([*COMMAND, *arguments], env=environment(), stdout=full, stderr=full, check=False)
    assert done.returncode == both.returncode == 2
    assert done.stderr.decode().splitlines() == [
        "aforo: cannot print what was asked for: No space left on device; make room, or print it to another place"
    ]


def test_a_wrong_option_stays_one_when_nobody_reads(unread: int) -> None:
    done = subprocess.run([*COMMAND, "--nonsense"], env=environment(), stdout=unread, stderr=unread, check=False)
    assert done.returncode in (0, 2)
    assert aforo("--nonsense").code == 2
