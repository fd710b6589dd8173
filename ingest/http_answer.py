"""What an HTTP camera answers that gives no video, so that the reason is the one that is known."""

from __future__ import annotations

import base64
import http.client
import re
from urllib.parse import unquote, urlsplit

from aforo.address import Address
from aforo.camera_state import Problem

_REFUSED = (401, 403)


def http_problem(source: Address, timeout_s: float) -> Problem | None:
    """Ask an http:// or https:// camera once; None where that tells nothing.

    No redirection is followed: the password is for this host alone.

    Args:
        source: of the camera.
        timeout_s: for the answer's head.
    """
    parts = urlsplit(source.reveal())
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or parts.hostname is None:
        return None
    headers = {"User-Agent": "aforo"}
    if parts.username is not None:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=timeout_s)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), headers=headers)
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            kind = re.match(r"[\w.+-]{1,40}/[\w.+-]{1,60}", answer.headers.get("Content-Type", ""))
            return Problem.of("other-content", source, kind[0] if kind else "?")
        digest = "digest" in answer.headers.get("WWW-Authenticate", "").lower()
        if answer.status in _REFUSED:
            return None if digest else Problem.of("login-refused", source, answer.status)
        return Problem.of("http-status", source, answer.status)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
