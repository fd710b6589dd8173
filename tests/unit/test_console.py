"""What commands say on a terminal, and that they keep quiet elsewhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from app.cli.console import frames_progress


@pytest.mark.parametrize("is_terminal", [True, False])
def test_frames_are_shown_on_a_terminal_only(is_terminal: bool) -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=is_terminal, width=100)
    with frames_progress("Counting", 3, console) as advance:
        for _ in range(3):
            advance()
    assert ("3/3 frames" in shown.getvalue()) is is_terminal
