"""What the process that exports a model gives up before it reads the model, which may be a program: Linux only.

No network, no new rights, and where it was started by root no root either. Whatever a machine does not allow is left
out and told.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from pathlib import Path

NOBODY = 65534
"""User and group without rights of their own, by the convention of every Linux distribution."""

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_NO_NEW_PRIVS = 38


def can_be_nobody() -> bool:
    """Whether this process is root and everything that an export imports can be read without being root."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    parts = (importlib.util.find_spec(name) for name in ("torch", "ultralytics", "openvino", "detect.openvino.export"))
    needed = [os.__file__, sys.executable, *(part.origin for part in parts if part is not None and part.origin)]
    try:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    except OSError:
        os.setegid(0)
        return False
    try:
        return all(os.access(path, os.R_OK, effective_ids=True) for path in needed)
    finally:
        os.seteuid(0)
        os.setegid(0)


def confine(*, nobody: bool) -> list[str]:
    """Give up what an export does not need; returns what could not be given up, for people.

    Args:
        nobody: also stop being root; the working directory must belong to `NOBODY` then.
    """
    if sys.platform != "linux":
        return ["the network and the user's rights: this is not Linux"]
    kept = []
    libc = ctypes.CDLL(None, use_errno=True)
    if not _without_network(libc):
        kept.append(f"the network: {os.strerror(ctypes.get_errno())}")
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if nobody:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    elif os.geteuid() == 0:
        kept.append("root: the interpreter or its libraries cannot be read by others")
    return kept


def _without_network(libc: ctypes.CDLL) -> bool:
    """Leave the network for an empty one; without root that takes a user namespace, in which one keeps one's name."""
    if os.geteuid() == 0:
        return bool(libc.unshare(_CLONE_NEWNET) == 0)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        Path("/proc/self", name).write_text(text, encoding="ascii")
    return True
