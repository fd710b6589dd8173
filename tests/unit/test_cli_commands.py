"""The commands as `aforo --help` lists them, and what imports what."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app.cli.main import COMMANDS, Command


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_list_has_the_first_paragraph_of_a_commands_own_help(command: Command) -> None:
    loaded = command.load()
    assert " ".join(loaded.help.split("\n\n")[0].split()) == command.help


def test_every_command_has_one_name() -> None:
    names = [command.name for command in COMMANDS]
    assert len(set(names)) == len(names)


def test_the_command_line_imports_no_numpy_before_its_threads_are_set() -> None:
    script = "import sys, app.cli.main; sys.exit('numpy' in sys.modules or 'app.cli.sites' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
