"""Addresses as they may be shown: without user, password or secret parameters."""

from __future__ import annotations

import re

# Up to the last @ before the path, as many a password has an unescaped @; else, one with an unescaped slash.
_CREDENTIALS = re.compile(r"""(?<=://)(?:[^/\s]*@|[^/\s:@]*:(?!\d+/)[^\s"'<>@]*@)""")


_SECRET_PARAMETER = re.compile(r"(?i)([?&;](?:pass\w*|pwd|token|key|secret|auth|user\w*)=)[^&;\s]*")


def without_credentials(source: str) -> str:
    """A camera source or database address as it may be shown: without user, password or secret parameters.

    >>> without_credentials("rtsp://user:pass@10.0.0.5/stream2?token=abc")
    'rtsp://10.0.0.5/stream2?token=…'
    """
    return _SECRET_PARAMETER.sub(r"\1…", _CREDENTIALS.sub("", source))
