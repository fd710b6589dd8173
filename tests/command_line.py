"""Runs the real command line in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "app.cli.main")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said before it ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one sentence of a command that failed on purpose; everything else on stderr would fail the test."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert "Traceback" not in self.err, self.err
        assert self.out == "", self.out
        own = [line for line in lines if line.startswith("aforo: ")]
        assert len(own) == 1, self.err
        assert lines[-1] == own[0], self.err
        return own[0]


def environment(**more: str) -> dict[str, str]:
    """Wide enough that no message is broken, and without colours."""
    return os.environ | {"COLUMNS": "250", "NO_COLOR": "1"} | more


def hear_interrupts() -> None:
    """For `preexec_fn`: a shell that starts the tests in the background has every child ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def aforo(*arguments: object, cwd: Path | None = None, timeout_s: float = 100, **more: str) -> Said:
    """Run `aforo ARGUMENTS` to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)
