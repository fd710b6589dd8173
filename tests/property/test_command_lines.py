"""Garbage for every option and argument of every command: one sentence or the usage, and never a traceback."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aforo.errors import AforoError
from app.cli.main import COMMANDS, app

CODES = {0, 2, 3, 4, 5}
ODD = [
    *("", " ", "-", "..", "/", "a" * 5000, "é" * 300, "\x1b[2J", "a\nb", "\udcff", "~nobody/x", "%s", "{}", "[bold]"),
    *("2026-02-30", "0000-00-00", "0x_", "nan", "inf", "-inf", "1e999", "-1", "9" * 5000, "0x10", "1:30", "rtsp://["),
    *("file:///etc/passwd", "sqlite:///", "pipe", "folder", "socket", "/dev/zero", "/dev/full"),
]
PLAIN_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
SHARE = 5
"""Each parameter gets one in so many of them: others get the others."""


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands below a command, with the words that call them."""
    for name, below in getattr(command, "commands", {}).items():
        yield from leaves(below, (*path, name))
    if not getattr(command, "commands", {}):
        yield path, command


LEAVES = [leaf for each in COMMANDS for leaf in leaves(each.load(), (each.name,))]
PARAMETERS = [
    (path, command, parameter)
    for path, command in LEAVES
    for parameter in command.params
    if not getattr(parameter, "is_flag", False)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder to work in, with what is no file, and a site file on which nothing can begin."""
    folder = tmp_path_factory.mktemp("place")
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    (folder / "site.yaml").write_text("store: sqlite:///no/such/folder/a.db\n", encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        yield folder
    os.chdir(before)


def ends_well(*words: str) -> None:
    """Run the command line in this process; `main` would make one sentence of an `AforoError`."""
    result = CliRunner().invoke(app, words)
    error = result.exception
    assert error is None or isinstance(error, AforoError | SystemExit), (words, error)
    assert (error.exit_code if isinstance(error, AforoError) else result.exit_code) in CODES, (words, result.output)
    assert "Traceback" not in result.output


def named(parameter: Any, value: str) -> list[str]:
    """The words that give the parameter that value."""
    return [value] if parameter.param_type_name == "argument" else [f"{parameter.opts[0]}={value}"]


def harmless(command: Any, but: Any) -> list[str]:
    """What the command needs beside one parameter; nothing in it lets any work begin."""
    given = {"config": "site.yaml", "out": "out.x", "mot": "out.txt", "videos": "folder", "name": "no-such.onnx"}
    return [
        word
        for parameter in command.params
        if parameter is not but and (parameter.required or parameter.name in {"config", "video", "name"})
        for word in named(parameter, given.get(parameter.name, "none.x"))
    ]


@pytest.mark.parametrize(
    "number", range(len(PARAMETERS)), ids=[f"{' '.join(p)} {each.name}" for p, _, each in PARAMETERS]
)
def test_every_option_takes_or_refuses_garbage(folder: Path, number: int) -> None:
    path, command, parameter = PARAMETERS[number]
    for value in ODD[number % SHARE :: SHARE]:
        if parameter.name in {"model", "name"} and PLAIN_NAME.fullmatch(value):
            continue  # Ultralytics would look for a model of that name on the internet
        ends_well(*path, *harmless(command, parameter), *named(parameter, value))


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_every_command_refuses_what_it_does_not_know(folder: Path, path: tuple[str, ...], command: Any) -> None:
    ends_well(*path, *harmless(command, None), "--no-such-option", "x")
    ends_well(*path, *harmless(command, None), *["x"] * 50, "--also=")
