"""The commands as `aforo --help` lists them, and what imports what."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aforo.errors import ConfigurationError
from app.cli.main import COMMANDS, Command
from app.cli.options import video_file


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


@pytest.mark.parametrize("text", ["rtsp://admin:hunter2@10.0.0.5/s", "http://cam/?token=hunter2", "admin:hunter2@cam"])
def test_an_address_in_the_place_of_a_recording_is_refused_without_echo(text: str) -> None:
    with pytest.raises(ConfigurationError, match="looks like an address") as caught:
        video_file(Path(text))
    assert "hunter" not in str(caught.value)


def test_a_recording_may_have_any_name(tmp_path: Path) -> None:
    odd = tmp_path / "rtsp:a@b?c=d.avi"
    odd.touch()
    for path in (odd, Path("2026-03-05T07:30:00.avi"), None):
        assert video_file(path) is path
